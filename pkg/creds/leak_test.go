package creds

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Everything that this package can say is collected while as much as possible goes wrong, and searched for every secret that was
// in play: base secrets, minted secrets and tokens, in plain, quoted and URL-encoded form.
func TestNothingLeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := &locked{}
		f := newFakeSTS(time.Hour)
		f.keys["LTAIbase0001"] = "base-secret+/1=="
		note := func(v any) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				fmt.Fprintf(said, verb+"\n", v)
			}
			data, _ := json.Marshal(v)
			said.Write(data)
		}
		log := slog.New(slog.NewMultiHandler(
			slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}),
			slog.NewJSONHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug})))
		base := literal("LTAIbase0001", "base-secret+/1==")
		first := provider(t, f, func(o *ProviderOptions) { o.Source, o.Log = base, log })
		second := provider(t, f, func(o *ProviderOptions) { o.Source, o.Log = first, log }) // a chain: its key has a token
		run(t, second)
		faults := []func(url.Values) *http.Response{
			nil,
			func(form url.Values) *http.Response { // echoes what it was sent
				return stsError(400, "SignatureDoesNotMatch", "bad: "+form.Encode()+" server string to sign is:"+url.QueryEscape(form.Encode()))
			},
			func(form url.Values) *http.Response {
				return stsError(403, "NoPermission", "key "+form.Get("AccessKeyId")+" token "+form.Get("SecurityToken"))
			},
			func(form url.Values) *http.Response {
				return stsError(400, form.Get("AccessKeyId")+form.Get("SecurityToken"), "")
			},
			func(form url.Values) *http.Response {
				return jsonAnswer(403, map[string]any{"RequestId": form.Get("SecurityToken"), "Code": "NoPermission", "AccessDeniedDetail": map[string]any{"AuthPrincipalDisplayName": form.Get("SecurityToken")}})
			},
			func(form url.Values) *http.Response {
				return plainAnswer(502, form.Get("SecurityToken"), form.Encode())
			},
			func(url.Values) *http.Response { return stsError(400, "Throttling", "") },
			nil,
		}
		for i, fault := range faults {
			f.set(fault)
			f.mu.Lock()
			if f.netErr = nil; i == 2 {
				f.netErr = func() error { return errors.New("dial tcp: connection refused") }
			}
			f.mu.Unlock()
			time.Sleep(20 * time.Minute)
			c, err := second.Current()
			if c != nil {
				note(c)
				note(*c)
				note(struct{ C *Credentials }{c})
				second.Rejected(c, fmt.Errorf("rejected %v", c))
			}
			if err != nil {
				note(err)
			}
			note(second.Status())
			if e := second.Status().LastError; e != nil {
				note(e.Error())
			}
		}
		note(first)
		note(second)
		note(base)
		f.mu.Lock()
		defer f.mu.Unlock()
		hidden := []string{"base-secret", url.QueryEscape("base-secret+/1=="), url.QueryEscape(url.QueryEscape("base-secret+/1==")), "LTAIbase0001"}
		for id, token := range f.tokens {
			hidden = append(hidden, id, token.secret, token.token)
		}
		if len(hidden) < 8 {
			t.Fatalf("only %d tokens were minted", len(f.tokens))
		}
		for _, secret := range hidden {
			all := said.String()
			if i := strings.Index(all, secret); i >= 0 {
				t.Errorf("%s was said: …%s…", secret, all[max(0, i-200):min(len(all), i+100)])
			}
		}
	})
}

// locked is a text that several loggers write.
type locked struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
