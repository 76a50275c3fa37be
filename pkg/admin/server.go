package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"shipper/internal/quiet"
)

// Options is what a Server needs.
type Options struct {
	Listen string          // host:port; "" = no port
	Socket string          // path of a unix socket; "" = none
	Look   func() Snapshot // called for each request, from many goroutines
	Status func() Status   // the same without the metrics; nil = it is taken from Look
	Beats  *Beats          // what /healthz asks
	Pprof  bool            // serve /debug/pprof/
	Log    *slog.Logger
	Reload func(context.Context) ReloadResult // POST /reload, on the socket alone; nil = none
	Tap    func(TapRequest) (Tap, error)      // GET /tap, on the socket alone; nil = none
}

// Server answers questions about a running daemon.
type Server struct {
	o         Options
	listeners []net.Listener
}

// Listen opens the port and the socket, so that a port in use is an error at start and not a line in the log later.
func Listen(ctx context.Context, o Options) (*Server, error) {
	if o.Status == nil {
		o.Status = func() Status { return o.Look().Status }
	}
	s := &Server{o: o}
	if o.Listen != "" {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("admin.listen: %s is in use (another shipper? choose another port, or \"\" for none): %w", o.Listen, err)
		}
		if err != nil {
			return nil, fmt.Errorf("admin.listen: %w", err)
		}
		s.listeners = append(s.listeners, l)
	}
	if o.Socket != "" {
		l, err := listenUnix(ctx, o.Socket)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("admin.socket: %w", err)
		}
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

// listenUnix takes over a socket file that a killed daemon left; the state directory's lock has already made sure that
// no other daemon is alive behind it.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	if fi, err := os.Lstat(path); err == nil && fi.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s exists and is no socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close gives the port and the socket back when Run was never called.
func (s *Server) Close() {
	for _, l := range s.listeners {
		l.Close()
	}
}

// Run answers until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	limit := 30 * time.Second
	if s.o.Pprof {
		limit = 5 * time.Minute // a profile takes as long as was asked for
	}
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      limit,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends what goes on for as long as it is read
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	errs := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		l = steady{l, quiet.New(s.o.Log, slog.LevelWarn, nil)}
		go func() { errs <- srv.Serve(l) }()
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := srv.Shutdown(stop)
	for range s.listeners {
		if e := <-errs; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Handler is the server's routes, for the port and the socket alike.
func (s *Server) Handler() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collector{s.o.Look}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("POST /reload", s.reload)
	mux.HandleFunc("GET /tap", s.tap)
	if s.o.Pprof {
		profiles(mux)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "shipper\n\n/status   what every file and target is doing (JSON)\n/metrics  the same for Prometheus\n"+
			"/healthz  200 while the loops turn\n/readyz   200 when lines can be delivered, else why not\n"+
			"/reload   POST, on the unix socket only: read the configuration again\n"+
			"/tap      on the unix socket only: logs as they go by (shipper tap)\n")
	})
	return mux
}

// health is about the process alone: an outage of the cloud must never make an orchestrator kill it.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	if late := s.o.Beats.Late(); len(late) > 0 {
		http.Error(w, "hangs: "+strings.Join(late, ", "), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = writeStatus(w, s.o.Status()) // the client went away; there is nobody to tell
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	status := s.o.Status()
	code := http.StatusOK
	if !status.Ready {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, struct {
		Ready   bool     `json:"ready"`
		Reasons []string `json:"reasons"`
	}{status.Ready, status.Reasons})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return // the client went away; there is nobody to tell
	}
}
