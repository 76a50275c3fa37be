package creds

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// remote is a credentials URI. Only its host is ever shown: path and query may be a secret.
type remote struct {
	uri   string
	host  string
	limit time.Duration
	rt    http.RoundTripper
	now   func() time.Time
}

func (f factory) remote() (Source, error) {
	uri := firstOf(f.c.URI, f.o.Env("ALIBABA_CLOUD_CREDENTIALS_URI"))
	u, err := url.Parse(uri)
	if err != nil || !httpURL(uri) {
		return nil, failed("a credentials URI", "uri is not set, and $ALIBABA_CLOUD_CREDENTIALS_URI is not an http or https URL")
	}
	return &remote{uri: uri, host: u.Host, limit: f.c.Timeout.D(), rt: f.o.HTTP.Transport, now: f.o.Now}, nil
}

// Fetch asks the URI.
func (s *remote) Fetch(ctx context.Context) (*Credentials, error) {
	sent := s.now()
	body, date, err := get(ctx, s.rt, s.limit, http.MethodGet, s.uri, nil)
	if err != nil {
		return nil, failed("the credentials URI at "+s.host, "%w", err)
	}
	return s.done(body, sent, date)
}

func (s *remote) done(body []byte, sent, date time.Time) (*Credentials, error) {
	c, err := parseDocument(body)
	if err != nil {
		return nil, failed("the credentials URI at "+s.host, "the answer: %w", err)
	}
	c.Source = "uri " + s.host
	c.begin(sent, date)
	if c.Left(sent) <= 0 {
		return nil, failed("the credentials URI at "+s.host, "the credential ended at %s", c.Expires.Format(time.RFC3339))
	}
	return c, nil
}

// process is a program that prints a credential. What it prints otherwise is not shown: it may be the secret.
type process struct {
	command []string
	limit   time.Duration
	now     func() time.Time
}

func (f factory) process() Source {
	return &process{command: f.c.Command, limit: f.c.Timeout.D(), now: f.o.Now}
}

// Fetch runs the program in a process group of its own, which is ended as a whole when time is up.
func (s *process) Fetch(ctx context.Context) (*Credentials, error) {
	name := filepath.Base(s.command[0])
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	out := &bounded{limit: maxDocument}
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Stdout = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // a grandchild that keeps stdout open
	sent := s.now()
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, failed("program "+name, "it did not end within %s", s.limit)
	case out.over:
		return nil, failed("program "+name, "it printed more than %d bytes", maxDocument)
	case err != nil:
		return nil, failed("program "+name, "%w (its output is not shown: run it by hand as this user)", err)
	}
	c, err := parseDocument(out.data)
	if err != nil {
		return nil, failed("program "+name, "its output: %w", err)
	}
	c.Source = "process " + name
	c.begin(sent, time.Time{})
	if c.Left(sent) <= 0 {
		return nil, failed("program "+name, "the credential ended at %s", c.Expires.Format(time.RFC3339))
	}
	return c, nil
}

// bounded keeps the first bytes of an output and refuses the rest, which ends a program that prints for ever.
type bounded struct {
	data  []byte
	limit int
	over  bool
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > b.limit {
		b.over = true
		return 0, errors.New("too much output")
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
