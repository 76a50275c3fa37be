package check

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/producer"
)

// askLogstore asks Log Service for the settings of the Logstore, which a token for writing may not see. It returns status, code
// and text of the answer; status 0 means that none came.
func (c *checker) askLogstore(ctx context.Context, t config.Target, cred *creds.Credentials, now time.Time) (status int, code, text string) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	client, err := producer.NewClient(t.Config, c.http)
	if err != nil {
		return 0, "", err.Error()
	}
	a, err := client.Call(ctx, cred, http.MethodGet, "/logstores/"+url.PathEscape(t.Logstore), nil, false, now)
	if err != nil {
		return 0, "", lastWords(err)
	}
	return a.Reply.Status, a.Reply.Code, a.Reply.Message
}
