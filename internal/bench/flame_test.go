package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"
)

func TestFlame(t *testing.T) {
	root, err := parseTraces(strings.NewReader(`File: profiled
Type: cpu
-----------+-------------------------------------------------------
     stage:  compress
      20ms   lz4.hash (inline)
             lz4.compress[go.shape.uint32]
             main.main
-----------+-------------------------------------------------------
     1.50s   syscall.read
             main.main
-----------+-------------------------------------------------------
`))
	if err != nil {
		t.Fatal(err)
	}
	top := root.calls["main.main"]
	if root.time != 1520*time.Millisecond || top == nil || top.time != root.time || top.calls["syscall.read"].time != 1500*time.Millisecond ||
		top.calls["lz4.compress[go.shape.uint32]"].calls["lz4.hash"] == nil {
		t.Fatalf("%+v", root)
	}
	var svg bytes.Buffer
	root.draw(&svg)
	for d := xml.NewDecoder(&svg); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
