package check

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"shipper/pkg/config"
	"shipper/pkg/creds"
)

// askLogstore asks Log Service for the settings of the Logstore, which a token for writing may not see. It returns status, code
// and text of the answer; status 0 means that none came.
//
// The request is signed here because pkg/producer only writes: GET without a body, signature V1, which every endpoint takes
// (aliyun-log-go-sdk signature.go).
func (c *checker) askLogstore(ctx context.Context, t config.Target, cred *creds.Credentials, now time.Time) (status int, code, text string) {
	e, err := t.Resolve()
	if err != nil {
		return 0, "", err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	path := "/logstores/" + t.Logstore
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL(path), nil)
	if err != nil {
		return 0, "", err.Error()
	}
	h := map[string]string{
		"x-log-apiversion": "0.6.0", "x-log-bodyrawsize": "0", "x-log-signaturemethod": "hmac-sha1",
	}
	if e.ByHeader {
		h["x-log-project"] = t.Project
	}
	if cred.Token != "" {
		h["x-acs-security-token"] = cred.Token
	}
	date := now.UTC().Format(http.TimeFormat)
	for k, v := range h {
		req.Header.Set(k, v)
	}
	req.Header.Set("Date", date)
	req.Header.Set("Authorization", "LOG "+cred.ID+":"+signV1(cred.Secret, http.MethodGet, path, date, h))
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, "", lastWords(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return 0, "", lastWords(err)
	}
	var doc struct {
		Code string `json:"errorCode"`
		Text string `json:"errorMessage"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return resp.StatusCode, "", "an answer that is not JSON"
	}
	return resp.StatusCode, doc.Code, doc.Text
}

// signV1 signs a request without a body: METHOD, Content-MD5, Content-Type, Date, the x-log- and x-acs- headers in order, the path.
func signV1(secret, method, path, date string, headers map[string]string) string {
	var lines []string
	for k, v := range headers {
		lines = append(lines, fmt.Sprintf("%s:%s", k, v))
	}
	slices.Sort(lines)
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(strings.Join([]string{method, "", "", date, strings.Join(lines, "\n"), path}, "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
