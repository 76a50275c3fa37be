package producer

import (
	"strings"
	"testing"
	"time"
)

// What a hold says names the account, and the place with its region, also where the answer of the service does not.
func TestHoldNamesAccountAndPlace(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer answer
		want   []string
	}{
		{"expired", answer{status: 401, code: "Unauthorized", message: "The security token you provided has expired."},
			[]string{"SHP-P402", "account=1111111111111111", "STS.…01 from role acs:ram::1111111111111111:role/writer"}},
		{"no project", answer{status: 404, code: "ProjectNotExist", message: "The Project does not exist : sec-logs"},
			[]string{"SHP-P601", "account=1111111111111111", "no project sec-logs at sec-logs.cn-hangzhou.log.aliyuncs.com, the endpoint of region cn-hangzhou", "shipper check looks into the others"}},
		{"no Logstore", answer{status: 404, code: "LogStoreNotExist", message: "logstore web does not exist"},
			[]string{"SHP-P602", "account=1111111111111111", "no Logstore web in project sec-logs", "region cn-hangzhou"}},
		{"arrears", answer{status: 403, code: "ProjectForbidden", message: "project forbidden"},
			[]string{"SHP-P505", "account=1111111111111111", "the account that owns the Logstore (1111111111111111)"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				begin := time.Now()
				w := newWorld(t, worldOptions{inFlight: 1, logs: 1, answer: func(*request) answer {
					if time.Since(begin) < 3*time.Minute {
						return row.answer
					}
					return answer{}
				}})
				w.creds.current.Account, w.creds.current.Source = "1111111111111111", "role acs:ram::1111111111111111:role/writer"
				w.write(numbered(3)...)
				w.run()
				log := w.log.String()
				for _, want := range row.want {
					if !strings.Contains(log, want) {
						t.Errorf("%q is not said:\n%s", want, log)
					}
				}
			})
		})
	}
}
