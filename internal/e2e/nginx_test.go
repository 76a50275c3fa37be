package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// webServer is an nginx of its own that logs each request's number.
type webServer struct {
	dir, addr, conf, log string
	logrotate            string
	url                  string
	client               *http.Client
}

func newWebServer(t *testing.T) *webServer {
	t.Helper()
	nginx, logrotate := need(t, "nginx"), need(t, "logrotate")
	w := &webServer{dir: t.TempDir(), logrotate: logrotate}
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = probe.Addr().String()
	probe.Close()
	w.log, w.conf = filepath.Join(w.dir, "access.log"), filepath.Join(w.dir, "nginx.conf")
	text := fmt.Sprintf(`
worker_processes 1;
daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 256; }
http {
  log_format numbered '$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "-" "$http_user_agent"';
  access_log %[2]s numbered;
  keepalive_requests 1000000;
  server { listen %[3]s; location / { return 204; } }
}
`, w.dir, w.log, w.addr)
	if err := os.WriteFile(w.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Root's nginx hands its work to another user, who must be able to reach the directory.
	if err := os.Chmod(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), nginx, "-p", w.dir, "-c", w.conf)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) }
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() && said.Len() > 0 {
			t.Logf("nginx said: %s", said.String())
		}
	})
	w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	w.url = "http://" + w.addr
	eventually(t, 10*time.Second, "nginx answers", func() bool {
		c, err := net.Dial("tcp", w.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return w
}

// request sends requests numbered [from, to) over a few connections and calls each after every one.
func (w *webServer) request(ctx context.Context, t *testing.T, from, to int, each func(done int)) {
	t.Helper()
	var next, done atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for {
				n := int(next.Add(1) - 1)
				if n >= to || ctx.Err() != nil {
					return
				}
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/r/%d", w.url, n), nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) shipper end-to-end test")
				resp, err := w.client.Do(req)
				if err != nil {
					t.Errorf("request %d: %v", n, err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				each(int(done.Add(1)))
			}
		})
	}
	wg.Wait()
}

// rotate runs logrotate once. In mode "create" nginx is told to open its file again.
func (w *webServer) rotate(t *testing.T, mode string) {
	t.Helper()
	postrotate := ""
	if mode != "copytruncate" {
		postrotate = fmt.Sprintf("  postrotate\n    kill -USR1 $(cat %s/nginx.pid)\n  endscript\n", w.dir)
	}
	conf := filepath.Join(w.dir, "logrotate.conf")
	text := fmt.Sprintf("%s {\n  rotate 20\n  %s\n  nocompress\n%s}\n", w.log, mode, postrotate)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), w.logrotate, "--force", "--state", filepath.Join(w.dir, "logrotate.state"), conf)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("logrotate: %v\n%s", err, out)
	}
}

// written returns the lines of all generations that are on the disk, oldest file first.
func (w *webServer) written(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(w.log + "*")
	if err != nil {
		t.Fatal(err)
	}
	age := func(name string) int { n, _ := strconv.Atoi(strings.TrimPrefix(filepath.Ext(name), ".")); return n }
	slices.SortFunc(names, func(a, b string) int { return age(b) - age(a) })
	var lines []string
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for sc := bufio.NewScanner(f); sc.Scan(); {
			lines = append(lines, sc.Text())
		}
		f.Close()
	}
	return lines
}

var numbered = regexp.MustCompile(`"GET /r/(\d+) `)

func number(t *testing.T, line string) int {
	t.Helper()
	m := numbered.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("no access-log line: %q", line)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func requests() int {
	if testing.Short() {
		return 20_000
	}
	return 200_000
}

// TestNginx is the main job on real input: every access-log line exactly once, in order per file, through five rotations.
func TestNginx(t *testing.T) {
	web := newWebServer(t)
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, web.log, "")
	d := h.start(t, "run")

	total := requests()
	modes := []string{"create", "create", "copytruncate", "create", "create"}
	turn := make(chan string, len(modes))
	var rotating sync.WaitGroup
	rotating.Go(func() {
		for mode := range turn {
			web.rotate(t, mode)
		}
	})
	web.request(t.Context(), t, 0, total, func(done int) {
		if step := total / (len(modes) + 1); done%step == 0 && done/step <= len(modes) {
			turn <- modes[done/step-1]
		}
	})
	close(turn)
	rotating.Wait()

	written := web.written(t)
	onDisk := make(map[int]bool, len(written))
	for _, l := range written {
		onDisk[number(t, l)] = true
	}
	// What logrotate drops between its copy and its truncate is in no file; shipper may still have read it in time.
	eventually(t, 60*time.Second, "everything on the disk is delivered", func() bool {
		return c.stored() >= len(onDisk) && c.missing(onDisk) == 0
	})
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got := c.readBack(t)
	seen := map[int]int{}
	for _, l := range got.lines {
		seen[number(t, l)]++
	}
	missing, repeated, rescued := 0, 0, 0
	for n := range onDisk {
		if seen[n] == 0 {
			missing++
		}
	}
	for n, times := range seen {
		if times > 1 {
			repeated++
		}
		if !onDisk[n] {
			rescued++
		}
	}
	if missing > 0 || repeated > 0 {
		t.Errorf("missing %d, repeated %d", missing, repeated)
	}
	checkOrder(t, written, got)
	t.Logf("%d requests, %d lines in the files, %d dropped by logrotate itself, of those %d delivered all the same; delivered %d, missing %d, repeated %d",
		total, len(onDisk), total-len(onDisk), rescued, len(got.lines), missing, repeated)
}

// TestNginxKilled kills the program three times at random moments: repeats are allowed, gaps are not.
func TestNginxKilled(t *testing.T) {
	web := newWebServer(t)
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, web.log, "")
	total := requests()
	var kills []int
	for range 3 {
		kills = append(kills, total/10+rand.IntN(total*8/10))
	}
	slices.Sort(kills)
	t.Logf("killed after requests %v", kills)
	turn := make(chan int, total)
	var living sync.WaitGroup
	living.Go(func() {
		d := h.start(t, "run")
		for range turn {
			d.kill(t)
			d = h.start(t, "run")
		}
	})
	rotations := 5
	web.request(t.Context(), t, 0, total, func(done int) {
		if slices.Contains(kills, done) {
			turn <- done
		}
		if done%(total/(rotations+1)) == 0 && done < total {
			web.rotate(t, "create")
		}
	})
	close(turn)
	living.Wait()

	written := web.written(t)
	onDisk := make(map[int]bool, len(written))
	for _, l := range written {
		onDisk[number(t, l)] = true
	}
	if len(onDisk) != total {
		t.Fatalf("nginx wrote %d of %d lines", len(onDisk), total)
	}
	eventually(t, 60*time.Second, "everything is delivered", func() bool { return c.stored() >= total && c.missing(onDisk) == 0 })
	t.Logf("%d requests, %d delivered, missing 0, repeats %d", total, c.stored(), c.stored()-total)
}

// checkOrder compares each stream with the order of the lines in the files.
func checkOrder(t *testing.T, written []string, got arrived) {
	t.Helper()
	at := make(map[string]int, len(written))
	for i, l := range written {
		at[l] = i
	}
	for prefix, lines := range got.streams {
		last := -1
		for _, l := range lines {
			i, ok := at[l]
			if !ok {
				continue
			}
			if i < last {
				t.Errorf("stream %s: %q came after a later line of the same file", prefix, l)
				break
			}
			last = i
		}
	}
}
