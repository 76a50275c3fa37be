package creds

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// metadata is the metadata service of an ECS instance.
func metadata(t *testing.T, change func(w http.ResponseWriter, r *http.Request) bool) string {
	s := httptest.NewServer(metadataService(change))
	t.Cleanup(s.Close)
	return s.URL
}

// onInstance is the way out of an instance. Its metadata service answers without a network: over one, a busy machine may well take
// longer than the second that it is given.
func onInstance(change func(w http.ResponseWriter, r *http.Request) bool) *http.Client {
	service, out := metadataService(change), &http.Transport{DisableKeepAlives: true}
	return &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if "http://"+r.URL.Host != metadataHost {
			return out.RoundTrip(r)
		}
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		return w.Result(), nil
	})}
}

func metadataService(change func(w http.ResponseWriter, r *http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil && change(w, r) {
			return
		}
		token := r.Header.Get("X-aliyun-ecs-metadata-token")
		switch r.Method + " " + r.URL.Path {
		case "PUT /latest/api/token":
			if r.Header.Get("X-aliyun-ecs-metadata-token-ttl-seconds") != "21600" {
				w.WriteHeader(400)
				return
			}
			fmt.Fprint(w, "meta-session")
		case "GET /latest/meta-data/ram/security-credentials/":
			if token != "meta-session" {
				w.WriteHeader(403)
				return
			}
			fmt.Fprint(w, "web-host\n")
		case "GET /latest/meta-data/ram/security-credentials/web-host":
			if token != "meta-session" {
				w.WriteHeader(403)
				return
			}
			fmt.Fprint(w, goodDocument)
		default:
			w.WriteHeader(404)
		}
	})
}

func TestInstanceRole(t *testing.T) {
	c, err := fetch(t, Config{Source: "ecs_role"}, Options{HTTP: onInstance(nil)})
	if err != nil || c.ID != "STS.web0001" || c.Secret != "meta-secret" || c.Token != "meta-token" || c.Source != "ecs_role web-host" || c.Left(time.Now()) < time.Hour {
		t.Fatal(c, err)
	}
}

func TestInstanceRoleTroubles(t *testing.T) {
	answer := func(path, body string, status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, path) {
				return false
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	for name, row := range map[string]struct {
		change func(http.ResponseWriter, *http.Request) bool
		want   string
	}{
		"no token":          {answer("/api/token", "", 404), "imds_v1"},
		"token forbidden":   {answer("/api/token", "", 403), "HTTP 403"},
		"empty token":       {answer("/api/token", "\n", 200), "metadata token"},
		"no role":           {answer("/security-credentials/", "", 404), "no such role is attached"},
		"role list empty":   {answer("/security-credentials/", " \n", 200), "names no role"},
		"role list HTML":    {answer("/security-credentials/", "<html>hi</html>", 200), "names no role"},
		"HTML":              {answer("/web-host", "<html>", 200), "not the JSON of a credential"},
		"failed":            {answer("/web-host", `{"Code":"Failed"}`, 200), `"Failed" instead of Success`},
		"no secret":         {answer("/web-host", `{"Code":"Success","AccessKeyId":"STS.a","SecurityToken":"x","Expiration":"2100-01-01T06:00:00Z"}`, 200), "AccessKeySecret is empty"},
		"no token in it":    {answer("/web-host", `{"Code":"Success","AccessKeyId":"a","AccessKeySecret":"x","Expiration":"2100-01-01T06:00:00Z"}`, 200), "no SecurityToken or no Expiration"},
		"no expiration":     {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":"x","SecurityToken":"x"}`, 200), "no SecurityToken or no Expiration"},
		"bad expiration":    {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":"x","SecurityToken":"x","Expiration":"soon"}`, 200), "Expiration is not a time"},
		"over":              {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":"x","SecurityToken":"x","Expiration":"2001-01-01T00:00:00Z"}`, 200), "ended at 2001"},
		"forbidden":         {answer("/web-host", "", 403), "HTTP 403"},
		"redirect":          {answer("/web-host", "", 302), "HTTP 302"},
		"large":             {answer("/web-host", strings.Repeat("x", maxDocument+1), 200), "larger than"},
		"secret a number":   {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":8675309,"SecurityToken":"x"}`, 200), "not the JSON of a credential"},
		"newline in secret": {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":"x\ny","SecurityToken":"x"}`, 200), "more than one line"},
	} {
		_, err := fetch(t, Config{Source: "ecs_role"}, Options{HTTP: onInstance(row.change)})
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.ContainsAny(err.Error(), "<\n") || strings.Contains(err.Error(), "8675309") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInstanceRoleWithoutToken(t *testing.T) {
	old := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "PUT" {
			w.WriteHeader(404)
			return true
		}
		r.Header.Set("X-aliyun-ecs-metadata-token", "meta-session") // it asks for none
		return false
	}
	for _, row := range []struct {
		v1  bool
		env string
		ok  bool
	}{{false, "", false}, {true, "", true}, {false, "false", true}, {false, "true", false}, {true, "true", false}} {
		c := Config{Source: "ecs_role", IMDSv1: row.v1}
		_, err := fetch(t, c, Options{HTTP: onInstance(old), Env: environ("ALIBABA_CLOUD_IMDSV1_DISABLED", row.env)})
		if (err == nil) != row.ok {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

func TestInstanceRoleHangs(t *testing.T) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	hang := func(w http.ResponseWriter, r *http.Request) bool {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
		return true
	}
	_, err := fetch(t, Config{Source: "ecs_role", MetadataEndpoint: metadata(t, hang)}, Options{})
	if err == nil || !strings.Contains(err.Error(), "no answer within 1s") {
		t.Fatal(err)
	}
}

func TestInstanceIgnoresProxy(t *testing.T) {
	proxy := &http.Transport{DisableKeepAlives: true, Proxy: func(*http.Request) (*url.URL, error) { return nil, errors.New("a proxy was asked") }}
	_, err := fetch(t, Config{Source: "ecs_role", MetadataEndpoint: metadata(t, nil)}, Options{HTTP: &http.Client{Transport: proxy}})
	if err != nil && !strings.Contains(err.Error(), "within") { // on a machine that is busy
		t.Fatal(err)
	}
}
