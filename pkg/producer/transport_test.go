package producer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"shipper/internal/codec"
)

// slowConn takes writes when it is told to, and says what it got.
type slowConn struct {
	net.Conn
	began chan []byte
	goOn  chan error
}

func (c *slowConn) Write(p []byte) (int, error) {
	c.began <- p
	if err := <-c.goOn; err != nil {
		return 0, err
	}
	return len(p), nil
}

// lender counts what is given back.
type lender struct {
	heap
	back int
}

func (l *lender) Recycle(p []byte) {
	clear(p)
	l.back++
}

// A body goes out in one write, from where it is, and its memory is not given back while that lasts, whoever closes it.
func TestBodyIsWrittenAtOnce(t *testing.T) {
	memory := &lender{}
	b, err := NewBody(codec.None, memory, bytes.Repeat([]byte("0123456789"), 30_000))
	if err != nil {
		t.Fatal(err)
	}
	before := memory.back // scratch
	c := &slowConn{began: make(chan []byte), goOn: make(chan error)}
	type result struct {
		n   int64
		err error
	}
	done := make(chan result)
	r := b.open()
	send := func() {
		n, err := io.Copy(bodyConn{c}, io.LimitReader(r, int64(b.Len())))
		done <- result{n, err}
	}
	go send()
	got := <-c.began
	if len(got) != 300_000 || &got[0] != &b.data[0] {
		t.Errorf("a write of %d bytes", len(got))
	}
	r.Close()
	b.Free()
	if memory.back != before || got[0] != '0' {
		t.Error("memory was given back while it was written")
	}
	c.goOn <- nil
	if end := <-done; end.err != nil || end.n != 300_000 || memory.back != before+1 {
		t.Errorf("%+v, given back %d times", end, memory.back-before)
	}

	// A write that fails is an error, and a closed body is nothing.
	if b, err = NewBody(codec.None, memory, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	r = b.open()
	go send()
	<-c.began
	c.goOn <- errors.New("reset")
	if end := <-done; end.err == nil || end.n != 0 {
		t.Errorf("%+v", end)
	}
	r.Close()
	if n, err := r.writeTo(nil, 10); n != 0 || err != nil {
		t.Error(n, err)
	}
	// Anything else is copied.
	go func() {
		n, err := bodyConn{c}.ReadFrom(bytes.NewReader([]byte("text")))
		done <- result{n, err}
	}()
	if got := <-c.began; string(got) != "text" {
		t.Errorf("%q", got)
	}
	c.goOn <- nil
	if end := <-done; end.err != nil || end.n != 4 {
		t.Errorf("%+v", end)
	}
}
