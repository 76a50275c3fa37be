package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"shipper/internal/units"
)

// controlPrefix begins the paths of the control API. No path of Log Service can begin with it.
const controlPrefix = "/_emulator/"

// serveControl guards the control API: it is for this machine alone, and not for a web page that a browser on it shows.
func (e *Emulator) serveControl(w http.ResponseWriter, r *http.Request) {
	if ip := net.ParseIP(clientIP(r)); ip == nil || !ip.IsLoopback() {
		http.Error(w, "the control API answers this machine only", http.StatusForbidden)
		return
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		http.Error(w, "the control API answers to localhost and loopback addresses only", http.StatusForbidden)
		return
	}
	if o := r.Header.Get("Origin"); o != "" {
		if u, err := url.Parse(o); err != nil || u.Host != r.Host {
			http.Error(w, "the control API does not answer other origins", http.StatusForbidden)
			return
		}
	}
	e.control.ServeHTTP(w, r)
}

// newControl is the table of the control API; doc.go describes it.
func (e *Emulator) newControl() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /_emulator/stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, e.Stats()) })
	m.HandleFunc("GET /_emulator/world", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, e.World()) })
	m.HandleFunc("PUT /_emulator/world", put(func(_ *http.Request, v World) error { return e.SetWorld(v) }))
	m.HandleFunc("PUT /_emulator/accounts/{uid}", put(func(r *http.Request, a Account) error {
		a.UID = r.PathValue("uid")
		return e.PutAccount(a)
	}))
	m.HandleFunc("PUT /_emulator/accounts/{uid}/roles/{role}", put(func(r *http.Request, v Role) error {
		v.Name = r.PathValue("role")
		return e.PutRole(r.PathValue("uid"), v)
	}))
	m.HandleFunc("DELETE /_emulator/accounts/{uid}/roles/{role}", do(func(r *http.Request) error { return e.DeleteRole(arnOf(r, "role")) }))
	m.HandleFunc("PUT /_emulator/accounts/{uid}/roles/{role}/policies", put(func(r *http.Request, v documents) error {
		return e.SetRolePolicy(arnOf(r, "role"), v...)
	}))
	m.HandleFunc("PUT /_emulator/accounts/{uid}/roles/{role}/trust", put(func(r *http.Request, v Document) error {
		return e.SetTrust(arnOf(r, "role"), v)
	}))
	m.HandleFunc("PUT /_emulator/accounts/{uid}/users/{user}/policies", put(func(r *http.Request, v documents) error {
		return e.SetUserPolicies(arnOf(r, "user"), v...)
	}))
	m.HandleFunc("PUT /_emulator/projects/{project}", put(func(r *http.Request, p Project) error {
		p.Name = r.PathValue("project")
		return e.PutProject(p)
	}))
	m.HandleFunc("DELETE /_emulator/projects/{project}", do(func(r *http.Request) error {
		e.DeleteProject(r.PathValue("project"))
		return nil
	}))
	m.HandleFunc("PUT /_emulator/projects/{project}/logstores/{logstore}", put(func(r *http.Request, l Logstore) error {
		l.Name = r.PathValue("logstore")
		return e.PutLogstore(r.PathValue("project"), l)
	}))
	m.HandleFunc("DELETE /_emulator/projects/{project}/logstores/{logstore}", do(func(r *http.Request) error {
		e.DeleteLogstore(r.PathValue("project"), r.PathValue("logstore"))
		return nil
	}))
	m.HandleFunc("GET /_emulator/logs", e.dumpLogs)
	m.HandleFunc("GET /_emulator/logs/{project}", e.dumpLogs)
	m.HandleFunc("GET /_emulator/logs/{project}/{logstore}", e.dumpLogs)
	m.HandleFunc("DELETE /_emulator/logs/{project}/{logstore}", do(func(r *http.Request) error {
		e.Clear(r.PathValue("project"), r.PathValue("logstore"))
		return nil
	}))
	m.HandleFunc("GET /_emulator/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, e.faults.List()) })
	m.HandleFunc("POST /_emulator/faults", put(func(_ *http.Request, f Fault) error { return e.faults.Inject(f) }))
	m.HandleFunc("DELETE /_emulator/faults", do(func(*http.Request) error {
		e.faults.Clear()
		return nil
	}))
	m.HandleFunc("PUT /_emulator/token_life", put(func(_ *http.Request, d units.Duration) error {
		if d < 0 {
			return fmt.Errorf("%v is negative", d)
		}
		e.SetTokenLife(d.D())
		return nil
	}))
	m.HandleFunc("POST /_emulator/tokens/expire", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]int{"expired": e.ExpireTokens()})
	})
	m.HandleFunc("GET /_emulator/ca", func(w http.ResponseWriter, _ *http.Request) {
		pem, err := e.CA()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(pem)
	})
	return m
}

// documents is a list of policies; one alone may be written without the brackets.
type documents []Document

// UnmarshalJSON takes a list or one document.
func (d *documents) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '[' {
		*d = make(documents, 1)
		return json.Unmarshal(b, &(*d)[0])
	}
	return json.Unmarshal(b, (*[]Document)(d))
}

// put makes a handler that reads a JSON body and applies it.
func put[T any](apply func(*http.Request, T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v T
		if err := readJSON(r.Body, &v); err != nil {
			finish(w, fmt.Errorf("body: %w", err))
			return
		}
		finish(w, apply(r, v))
	}
}

// readJSON reads one value into v, and refuses fields that v does not have and whatever follows the value.
func readJSON(in io.Reader, v any) error {
	dec := json.NewDecoder(io.LimitReader(in, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); errors.Is(err, io.EOF) {
		return errors.New("empty, JSON is expected")
	} else if err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON")
	}
	return nil
}

// do makes a handler without a body.
func do(apply func(*http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { finish(w, apply(r)) }
}

func finish(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// arnOf names the role or user that the path names.
func arnOf(r *http.Request, kind string) string {
	return "acs:ram::" + r.PathValue("uid") + ":" + kind + "/" + r.PathValue(kind)
}

// logLine is one log in the answer of GET logs.
type logLine struct {
	Project  string            `json:"project"`
	Logstore string            `json:"logstore"`
	Time     string            `json:"time"`
	Shard    int               `json:"shard"`
	Cursor   string            `json:"cursor"`
	Topic    string            `json:"topic"`
	Source   string            `json:"source"`
	Tags     map[string]string `json:"tags"`
	Fields   map[string]string `json:"fields"`
}

// dumpLogs answers one JSON object a line: a log, or with ?by=group a LogGroup.
func (e *Emulator) dumpLogs(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for _, g := range e.readSome(r.PathValue("project"), r.PathValue("logstore")) {
		if r.URL.Query().Get("by") == "group" {
			if enc.Encode(g) != nil {
				return // the client has gone away
			}
			continue
		}
		line := logLine{Project: g.Project, Logstore: g.Logstore, Shard: g.Shard, Cursor: g.Cursor, Topic: g.Topic, Source: g.Source, Tags: object(g.Tags)}
		for _, l := range g.Logs {
			line.Time, line.Fields = l.Time.Format("2006-01-02T15:04:05.999999999Z07:00"), object(l.Contents)
			if enc.Encode(line) != nil {
				return
			}
		}
	}
}

// readSome reads one Logstore, all of a project, or everything: "" is any.
func (e *Emulator) readSome(project, logstore string) []Group {
	var out []Group
	for _, p := range e.World().Projects {
		for _, l := range p.Logstores {
			if (project == "" || project == p.Name) && (logstore == "" || logstore == l.Name) {
				out = append(out, e.ReadAll(p.Name, l.Name)...)
			}
		}
	}
	return out
}

func object(list []Content) map[string]string {
	out := make(map[string]string, len(list))
	for _, c := range list {
		out[c.Key] = c.Value
	}
	return out
}
