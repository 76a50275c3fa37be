package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"shipper/internal/codec"
	"shipper/pkg/admin"
	"shipper/pkg/emulator"
)

// witness stands before the emulator and sees every request: it can refuse some, and it looks at what was accepted.
type witness struct {
	refuse   func(project string, lines [][]byte) (status int, code, message string) // status 0 = let it pass
	accepted func(project string, lines [][]byte)                                    // called for one request at a time
	mu       sync.Mutex
}

// watch makes a cloud with a witness before it.
func (w *witness) watch(t *testing.T, o emulator.Options) *cloud {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	em, err := emulator.New(o)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := &http.Server{Handler: w.before(em)}
	var served sync.WaitGroup
	served.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { srv.Close(); served.Wait() })
	return &cloud{Emulator: em, addr: l.Addr().String(), front: srv.Handler}
}

func (w *witness) before(em http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/shards/lb") {
			em.ServeHTTP(rw, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		project := r.Header.Get("x-log-project")
		if project == "" {
			project, _, _ = strings.Cut(r.Host, ".")
		}
		lines := linesOf(r.Header, body)
		if w.refuse != nil {
			w.mu.Lock()
			status, code, message := w.refuse(project, lines)
			w.mu.Unlock()
			if status != 0 {
				rw.Header().Set("x-log-requestid", "0000000000000000000000FF")
				rw.Header().Set("Content-Type", "application/json")
				rw.WriteHeader(status)
				fmt.Fprintf(rw, `{"errorCode":%q,"errorMessage":%q}`, code, message)
				return
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen := &statusWriter{ResponseWriter: rw}
		em.ServeHTTP(seen, r)
		if w.accepted != nil && seen.status <= http.StatusOK {
			w.mu.Lock()
			w.accepted(project, lines)
			w.mu.Unlock()
		}
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(code int) {
	s.status = code
	s.ResponseWriter.WriteHeader(code)
}

// linesOf are the values of the key content in a request.
func linesOf(h http.Header, body []byte) (lines [][]byte) {
	size, _ := strconv.Atoi(h.Get("x-log-bodyrawsize"))
	if h.Get("x-log-mode") == "batch_group" {
		fields(body, func(num protowire.Number, _ uint64, pack []byte) {
			var data []byte
			raw, kind := 0, codec.LZ4
			fields(pack, func(num protowire.Number, n uint64, b []byte) {
				switch num {
				case 1:
					data = b
				case 2:
					raw = int(n)
				case 3:
					kind = codec.Codec(n)
				}
			})
			if group, err := kind.Decompress(nil, data, raw); err == nil {
				lines = append(lines, contents(group)...)
			}
		})
		return lines
	}
	kind, err := codec.Parse(h.Get("x-log-compresstype"))
	if err != nil {
		return nil
	}
	group, err := kind.Decompress(nil, body, size)
	if err != nil {
		return nil
	}
	return contents(group)
}

func contents(group []byte) (lines [][]byte) {
	fields(group, func(num protowire.Number, _ uint64, log []byte) {
		if num != 1 {
			return
		}
		fields(log, func(num protowire.Number, _ uint64, pair []byte) {
			if num != 2 {
				return
			}
			var key, value []byte
			fields(pair, func(num protowire.Number, _ uint64, b []byte) {
				if num == 1 {
					key = b
				} else {
					value = b
				}
			})
			if string(key) == "content" {
				lines = append(lines, value)
			}
		})
	})
	return lines
}

func fields(b []byte, visit func(num protowire.Number, n uint64, data []byte)) {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		var v uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			return
		}
		visit(num, v, data)
		b = b[n:]
	}
}

// result is what a command said.
type result struct {
	stdout, stderr string
	code           int
}

// command runs the program to its end.
func (h *host) command(t *testing.T, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"-c", h.config}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ask runs a command that must succeed and reads the JSON that it prints.
func ask[T any](t *testing.T, h *host, args ...string) (v T) {
	t.Helper()
	r := h.command(t, append(args, "--json")...)
	if r.code != 0 {
		t.Fatalf("%v: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, r.stdout)
	}
	return v
}

// status asks the running daemon, and checks that the books of every file balance.
func (h *host) status(t *testing.T) admin.Status {
	t.Helper()
	s := ask[admin.Status](t, h, "status")
	for _, in := range s.Inputs {
		for _, f := range in.Files {
			if f.Read != f.Acked+f.Pending+f.Dead+f.Lost+f.Skipped || min(f.Read, f.Acked, f.Pending, f.Dead, f.Lost, f.Skipped) < 0 {
				t.Errorf("%s of %s to %s: read %d is not acked %d + pending %d + dead %d + lost %d + skipped %d",
					f.Path, in.Name, in.Target, f.Read, f.Acked, f.Pending, f.Dead, f.Lost, f.Skipped)
			}
		}
	}
	return s
}

// fromEnv is a figure that the environment may raise.
func fromEnv(t *testing.T, name string, def int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%q is no number", name, s)
	}
	return n
}

// secondProject adds a project of account A with a Logstore that the writer role may write to.
const secondProject = "audit-logs"

func (c *cloud) addSecond(t *testing.T) {
	t.Helper()
	must(t, c.PutProject(emulator.Project{Name: secondProject, Owner: emulator.OwnerUID, Region: emulator.DefaultRegion,
		Logstores: []emulator.Logstore{{Name: "audit", Shards: 1}}}))
	must(t, c.SetRolePolicy(emulator.WriterRole, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:*:*:project/*/logstore/*"}]}`))
}

// second is the configuration of a target there.
func (c *cloud) second() string {
	return fmt.Sprintf(`
[target.second]
project = %q
logstore = "audit"
region = %q
endpoint = "http://%[3]s"
role_arn = %[4]q
[target.second.assume_role]
sts_endpoint = "http://%[3]s"
`, secondProject, emulator.DefaultRegion, c.addr, emulator.WriterRole)
}

// storedIn counts how often each line is in a Logstore.
func (c *cloud) storedIn(project, logstore string) map[string]int {
	out := map[string]int{}
	for _, g := range c.ReadAll(project, logstore) {
		for _, l := range g.Logs {
			out[l.Value("content")]++
		}
	}
	return out
}

// onceEach complains about lines of [0, n) that are not there exactly once.
func onceEach(t *testing.T, what string, got map[string]int, n int) {
	t.Helper()
	missing, repeated := 0, 0
	for i := range n {
		switch times := got[numberedLine(i)]; {
		case times == 0:
			missing++
		case times > 1:
			repeated += times - 1
		}
	}
	if missing > 0 || repeated > 0 || len(got) != n-missing {
		t.Errorf("%s: of %d lines %d are missing, %d came again, %d are unknown", what, n, missing, repeated, len(got)-n+missing)
	}
}

func numberedLine(i int) string {
	return fmt.Sprintf("line %07d of a test, long enough to look like one from a log file", i)
}

// newest is the newest file in the state directory whose name begins with prefix.
func (h *host) newest(t *testing.T, prefix string) string {
	t.Helper()
	names, err := filepath.Glob(h.path("state/" + prefix + "*"))
	must(t, err)
	best, gen := "", -1
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(name), prefix)); err == nil && n > gen {
			best, gen = name, n
		}
	}
	if best == "" {
		t.Fatalf("no %s* in the state directory", prefix)
	}
	return best
}

// gate is an address in front of the cloud that takes requests and answers none until open is closed.
func gate(t *testing.T, c *cloud, open <-chan struct{}) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // only then the server notices that the client has gone
		if err != nil {
			return
		}
		select {
		case <-open:
			r.Body = io.NopCloser(bytes.NewReader(body))
			c.ServeHTTP(rw, r)
		case <-r.Context().Done():
		case <-ended:
		}
	})}
	var served sync.WaitGroup
	served.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { close(ended); srv.Close(); served.Wait() })
	return l.Addr().String()
}

// get asks the running daemon through its socket.
func (h *host) get(t *testing.T, path string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", h.path("shipper.sock"))
	}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://shipper" + path)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(b)
}

// listenIn is an address before the cloud where ear hears what credentials pass by.
func listenIn(t *testing.T, c *cloud, ear *eavesdropper) string {
	t.Helper()
	w := &listener{cloud: c, ear: ear}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := &http.Server{Handler: w}
	var served sync.WaitGroup
	served.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { srv.Close(); served.Wait() })
	return l.Addr().String()
}

type listener struct {
	cloud *cloud
	ear   *eavesdropper
}

func (l *listener) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	l.ear.hear(r.Header.Get("x-acs-security-token"), "token in a header")
	copied := &bodyWriter{ResponseWriter: rw}
	handler := http.Handler(l.cloud.Emulator)
	if l.cloud.front != nil {
		handler = l.cloud.front
	}
	handler.ServeHTTP(copied, r)
	var answer struct {
		Credentials struct{ AccessKeySecret, SecurityToken string }
	}
	if json.Unmarshal(copied.body.Bytes(), &answer) == nil {
		l.ear.hear(answer.Credentials.AccessKeySecret, "secret of a session")
		l.ear.hear(answer.Credentials.SecurityToken, "token of a session")
	}
}

// bodyWriter keeps a copy of an answer.
type bodyWriter struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (b *bodyWriter) Write(p []byte) (int, error) {
	b.body.Write(p)
	return b.ResponseWriter.Write(p)
}
