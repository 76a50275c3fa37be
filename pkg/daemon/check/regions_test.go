package check

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/producer"
)

// regional is Log Service in all regions, with a project in one of them.
type regional struct {
	home  string
	mu    sync.Mutex
	asked []string
}

func (r *regional) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, req.URL.Scheme+"://"+req.URL.Host)
	status, code, text := 404, "ProjectNotExist", "The Project does not exist : sec-logs"
	if strings.HasPrefix(req.URL.Host, "sec-logs."+r.home+".") {
		status, code, text = 401, "Unauthorized", "denied by sts or ram, action: log:GetLogStore, resource: acs:log:"+r.home+":1111111111111111:project/sec-logs/logstore/web"
	}
	return &http.Response{StatusCode: status, Header: http.Header{"X-Log-Requestid": {"R"}}, Request: req,
		Body: io.NopCloser(strings.NewReader(fmt.Sprintf(`{"errorCode":%q,"errorMessage":%q}`, code, text)))}, nil
}

// A project that is not where it is looked for is searched for in the other regions, by the service's own names only.
func TestProjectOfAnotherRegion(t *testing.T) {
	for _, row := range []struct {
		home, endpoint string
		cause, fix     string
		asked          bool
	}{
		{home: "eu-central-1", cause: "the endpoint of region cn-hangzhou. An endpoint knows the projects of its own region only. The endpoint of eu-central-1 knows it.",
			fix: `write [target.central] region = "eu-central-1"`, asked: true},
		{home: "nowhere", cause: "There is no project sec-logs at sec-logs.cn-hangzhou.log.aliyuncs.com, the endpoint of region cn-hangzhou.",
			fix: "correct project, region or endpoint of [target.central]", asked: true},
		{home: "eu-central-1", endpoint: "https://logs.example.com", cause: "There is no project sec-logs at logs.example.com.", fix: "correct project, region or endpoint"},
	} {
		service := &regional{home: row.home}
		cfg := config.DefaultTarget()
		cfg.Project, cfg.Logstore, cfg.Region, cfg.Endpoint, cfg.RoleARN = "sec-logs", "web", "cn-hangzhou", row.endpoint, "acs:ram::1111111111111111:role/w"
		logs, err := logPeer(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c := &chain{c: &checker{http: &http.Client{Transport: service}, cfg: &config.Config{}}, name: "central", cfg: cfg, logs: logs,
			session: &creds.Credentials{ID: "STS.examplekey", Secret: "examplesecret", Token: "exampletoken", Account: "1111111111111111"}}
		got := c.refusal(t.Context(), producer.Finding{ID: "SHP-P601", Verdict: producer.Hold, Status: 404, Code: "ProjectNotExist"})
		if got.code != "SHP-A135" || got.account != "1111111111111111" || !strings.Contains(got.cause, row.cause) || !strings.Contains(strings.Join(got.fix, "\n"), row.fix) {
			t.Errorf("%+v", got)
		}
		if row.asked != (len(service.asked) == len(config.Regions())-1) {
			t.Errorf("asked %d endpoints", len(service.asked))
		}
		for _, url := range service.asked {
			if !strings.HasPrefix(url, "https://sec-logs.") || !strings.HasSuffix(url, ".log.aliyuncs.com") {
				t.Errorf("the token went to %s", url)
			}
		}
	}
}
