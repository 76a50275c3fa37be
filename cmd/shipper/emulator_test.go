package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
)

// With --tls the emulator serves https under any name, and gives out the certificate that makes it trusted.
func TestEmulatorTLS(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"emulator", "--listen", "127.0.0.1:0", "--tls"}, printed, io.Discard)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	_, addr, ok := strings.Cut(strings.TrimSpace(line), "https://")
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	get := func(url string, trust *tls.Config) []byte {
		t.Helper()
		transport := over("tcp", addr)
		transport.TLSClientConfig = trust
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(get("https://"+addr+"/_emulator/ca", &tls.Config{InsecureSkipVerify: true})) {
		t.Fatal("no certificate")
	}
	if body := get("https://sts.aliyuncs.com/?Action=x", &tls.Config{RootCAs: pool}); len(body) == 0 {
		t.Error("no answer")
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
