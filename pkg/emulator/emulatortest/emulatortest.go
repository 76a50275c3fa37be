// Package emulatortest starts emulators in tests, as net/http/httptest starts servers, and tells how shipper is configured to use one.
// Nothing but tests imports it.
package emulatortest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"shipper/pkg/emulator"
)

// Cloud is an emulator that is served.
type Cloud struct {
	*emulator.Emulator
	Addr string // host:port on loopback
}

// Start serves an emulator until the end of the test.
func Start(t testing.TB, o emulator.Options) *Cloud {
	t.Helper()
	em, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &Cloud{Emulator: em, Addr: Serve(t, em)}
}

// Serve serves h on a port of its own until the end of the test. Then requests that are under way are cut, unlike those to an
// httptest.Server, which are waited for: an emulator may have been told not to answer.
func Serve(t testing.TB, h http.Handler) (addr string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	var served sync.WaitGroup
	served.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { srv.Close(); served.Wait() })
	return l.Addr().String()
}

// Client makes an http.Client whose every connection goes to addr, whatever host a URL names. It is how a program in this
// process sends requests for PROJECT.cn-hangzhou.log.aliyuncs.com to an emulator. Close its idle connections when done.
func Client(addr string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
}

// Key are the settings of [credentials.NAME] for the user of account B.
func Key() string {
	return fmt.Sprintf("source = \"static\"\naccess_key_id = %q\naccess_key_secret = %q\n", emulator.SenderKeyID, emulator.SenderKeySecret)
}

// Target are the settings of [target.NAME] for the default Logstore of account A and the role that may write to it, both at addr.
func Target(addr string) string {
	return TargetIn(addr, emulator.DefaultProject, emulator.DefaultLogstore)
}

// TargetIn is Target for another Logstore.
func TargetIn(addr, project, logstore string) string {
	return fmt.Sprintf(`project = %q
logstore = %q
region = %q
endpoint = "http://%[4]s"
role_arn = %[5]q
assume_role.sts_endpoint = "http://%[4]s"
`, project, logstore, emulator.DefaultRegion, addr, emulator.WriterRole)
}
