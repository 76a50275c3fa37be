package readback

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shipper/pkg/creds"
	"shipper/pkg/producer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reply is one answer of the service.
type reply struct {
	status int // 0 = 200
	body   string
	header map[string]string
}

// service answers by what is asked: "GET consumergroups", "POST heartbeat", "GET cursor", "GET logs", "GET checkpoints", "POST checkpoint".
type service struct {
	answers map[string]func(body string) reply
	asked   []string
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	kind := r.URL.Query().Get("type")
	if kind == "" {
		parts := strings.Split(r.URL.Path, "/")
		if kind = parts[len(parts)-1]; kind != "consumergroups" {
			kind = "checkpoints"
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	op := r.Method + " " + kind
	s.asked = append(s.asked, op)
	a := reply{body: map[string]string{"GET consumergroups": "[]", "POST heartbeat": "[0]", "GET cursor": `{"cursor":"MA=="}`, "GET checkpoints": "[]"}[op]}
	if op == "GET logs" {
		a.header = map[string]string{"x-log-bodyrawsize": "0", "x-log-cursor": r.URL.Query().Get("cursor"), "x-log-count": "0"}
	}
	if f := s.answers[op]; f != nil {
		a = f(string(body))
	}
	h := http.Header{"X-Log-Requestid": {"0000000000000000000000FF"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
	for k, v := range a.header {
		h.Set(k, v)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (s *service) count(op string) (n int) {
	for _, asked := range s.asked {
		if asked == op {
			n++
		}
	}
	return n
}

func refuse(status int, code, message string) func(string) reply {
	return func(string) reply {
		return reply{status: status, body: fmt.Sprintf(`{"errorCode":%q,"errorMessage":%q}`, code, message)}
	}
}

func open(t *testing.T, s *service) (*Reader, error) {
	t.Helper()
	cfg := producer.Default()
	cfg.Project, cfg.Logstore, cfg.Region = "sec-logs", "web", "cn-hangzhou"
	client, err := producer.NewClient(cfg, &http.Client{Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return Open(t.Context(), Options{Client: client, Logstore: "web", Group: "shipper-verify", Consumer: "web-01",
		Creds: &creds.Credentials{ID: "STS.examplekey", Secret: "examplesecret", Token: "exampletoken"}}, time.Now())
}

// The group is made if it is not there and changed if it is another one; who else makes it at the same time does no harm.
func TestJoin(t *testing.T) {
	groups := func(list string) func(string) reply { return func(string) reply { return reply{body: list} } }
	for name, row := range map[string]struct {
		answers map[string]func(string) reply
		want    string
	}{
		"made":         {nil, "GET consumergroups, POST consumergroups, POST heartbeat, GET cursor"},
		"there":        {map[string]func(string) reply{"GET consumergroups": groups(`[{"name":"other"},{"name":"shipper-verify","timeout":30,"order":false}]`)}, "GET consumergroups, POST heartbeat, GET cursor"},
		"another one":  {map[string]func(string) reply{"GET consumergroups": groups(`[{"name":"shipper-verify","timeout":60,"order":true}]`)}, "GET consumergroups, PUT checkpoints, POST heartbeat, GET cursor"},
		"made by both": {map[string]func(string) reply{"POST consumergroups": refuse(400, "ConsumerGroupAlreadyExist", "it exists")}, "GET consumergroups, POST consumergroups, POST heartbeat, GET cursor"},
	} {
		s := &service{answers: row.answers}
		if r, err := open(t, s); err != nil || r.Shards() != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(s.asked, ", "); got != row.want {
			t.Errorf("%s: asked %s, want %s", name, got, row.want)
		}
	}
}

// A refusal says what was asked; a trouble of the service is tried again; an answer that makes no sense is an error.
func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := &service{answers: map[string]func(string) reply{
			"POST heartbeat": refuse(401, "Unauthorized", "denied by sts or ram, action: log:ConsumerGroupHeartBeat, resource: acs:log:cn-hangzhou:1:project/p/logstore/l/consumergroup/g")}}
		_, err := open(t, denied)
		e, ok := errors.AsType[*Refused](err)
		if !ok || e.Op != "ConsumerGroupHeartBeat" || e.ID != "SHP-P401" || e.Denial.Action != "log:ConsumerGroupHeartBeat" || denied.count("POST heartbeat") != 1 {
			t.Errorf("%v", err)
		}
		busy := 0
		again := &service{answers: map[string]func(string) reply{"POST heartbeat": func(string) reply {
			if busy++; busy < tries {
				return reply{status: 503, body: `{"errorCode":"ServerBusy","errorMessage":"busy"}`}
			}
			return reply{body: "[0,1]"}
		}}}
		if r, err := open(t, again); err != nil || r.Shards() != 2 {
			t.Errorf("%v", err)
		}
		down := &service{answers: map[string]func(string) reply{"GET consumergroups": refuse(500, "InternalServerError", "no")}}
		if _, err := open(t, down); err == nil || down.count("GET consumergroups") != tries {
			t.Errorf("%v after %d tries", err, down.count("GET consumergroups"))
		}
		for _, op := range []string{"GET consumergroups", "POST heartbeat", "GET cursor"} {
			for _, body := range []string{"", "{", `"x"`, "<html>", "7"} {
				s := &service{answers: map[string]func(string) reply{op: func(string) reply { return reply{body: body} }}}
				if _, err := open(t, s); err == nil {
					t.Errorf("%s answered with %q", op, body)
				}
			}
		}
	})
}

// Answers with logs that are not what their headers say are errors, whatever they claim.
func TestPullOfNonsense(t *testing.T) {
	for _, header := range []map[string]string{
		{}, {"x-log-bodyrawsize": "-1"}, {"x-log-bodyrawsize": "99999999999"}, {"x-log-bodyrawsize": "x"},
		{"x-log-bodyrawsize": "100", "x-log-compresstype": "lz4"}, {"x-log-bodyrawsize": "100", "x-log-compresstype": "rot13"}, {"x-log-bodyrawsize": "5"},
	} {
		s := &service{answers: map[string]func(string) reply{"GET logs": func(string) reply { return reply{body: "no logs", header: header} }}}
		r, err := open(t, s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Pull(t.Context(), func(int, []byte) { t.Error("it was visited") }); err == nil {
			t.Errorf("%v was taken", header)
		}
	}
}

// What was read is written down, once, and shards that were given to somebody else are let go.
func TestSaveAndLetGo(t *testing.T) {
	given, saved := "[0,1]", ""
	s := &service{}
	s.answers = map[string]func(string) reply{
		"POST heartbeat": func(string) reply { return reply{body: given} },
		"GET logs": func(string) reply {
			return reply{header: map[string]string{"x-log-bodyrawsize": "0", "x-log-cursor": "Nw=="}}
		},
		"GET checkpoints": func(string) reply {
			return reply{body: `[{"shard":0,"checkpoint":"Nw=="},{"shard":1,"checkpoint":"MQ=="}]`}
		},
		"POST checkpoint": func(body string) reply { saved += body; return reply{} },
	}
	r, err := open(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if more, err := r.Pull(t.Context(), func(int, []byte) {}); err != nil || !more {
		t.Errorf("more %v, %v", more, err)
	}
	if more, err := r.Pull(t.Context(), func(int, []byte) {}); err != nil || more {
		t.Errorf("at the end: more %v, %v", more, err)
	}
	if err := r.Save(t.Context()); err != nil || saved != `{"checkpoint":"Nw==","shard":1}` {
		t.Errorf("saved %s, %v", saved, err)
	}
	given = "[1]"
	if err := r.Beat(t.Context()); err != nil || r.Shards() != 1 || s.count("GET cursor") != 2 {
		t.Errorf("%d shards, %v", r.Shards(), err)
	}
}
