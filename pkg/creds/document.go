package creds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"shipper/internal/response"
)

// maxDocument bounds what a metadata service, a URI or a program may give.
const maxDocument = 64 << 10

// document is the JSON of a credential in the three spellings in use: instance metadata and credentials URI; output of the
// External mode of Alibaba's command line; the AWS style that portable helpers print.
type document struct {
	Code            string `json:"Code"`
	AccessKeyID     string `json:"AccessKeyId"`
	AccessKeySecret string `json:"AccessKeySecret"`
	SecurityToken   string `json:"SecurityToken"`
	Expiration      string `json:"Expiration"`

	Mode      string `json:"mode"`
	CLIID     string `json:"access_key_id"`
	CLISecret string `json:"access_key_secret"`
	CLIToken  string `json:"sts_token"`

	AWSSecret string `json:"SecretAccessKey"`
	AWSToken  string `json:"SessionToken"`
}

// parseDocument reads a credential. Its errors never quote the text: it may hold the secret in the wrong place.
func parseDocument(data []byte) (*Credentials, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, errors.New("it is not the JSON of a credential")
	}
	if d.Code != "" && d.Code != "Success" {
		return nil, fmt.Errorf("it says %q instead of Success", cut(d.Code, 60))
	}
	c := &Credentials{
		ID:     firstOf(d.AccessKeyID, d.CLIID),
		Secret: firstOf(d.AccessKeySecret, d.CLISecret, d.AWSSecret),
		Token:  firstOf(d.SecurityToken, d.CLIToken, d.AWSToken),
	}
	if d.Expiration != "" {
		expires, err := time.Parse(time.RFC3339, d.Expiration)
		if err != nil {
			return nil, errors.New("its Expiration is not a time such as 2015-04-09T11:52:19Z")
		}
		c.Expires = expires.UTC()
	}
	return c, c.check()
}

// check refuses a credential that cannot be sent.
func (c *Credentials) check() error {
	for _, part := range []struct {
		name string
		text *string
	}{{"AccessKeyId", &c.ID}, {"AccessKeySecret", &c.Secret}, {"SecurityToken", &c.Token}} {
		if *part.text == "" && part.name == "SecurityToken" && !strings.HasPrefix(c.ID, "STS.") {
			continue
		}
		v, err := clean(*part.text, part.name)
		if err != nil {
			return err
		}
		*part.text = v
	}
	return nil
}

// get makes one HTTP request of at most limit and returns the answer's body and Date. Redirects are not followed: nobody who
// hands out credentials needs one.
func get(ctx context.Context, rt http.RoundTripper, limit time.Duration, method, url string, header map[string]string) ([]byte, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, time.Time{}, errors.New("its URL is not valid") // err would quote it
	}
	req.Header.Set("User-Agent", "shipper")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, time.Time{}, fmt.Errorf("no answer within %s", limit)
		}
		return nil, time.Time{}, err
	}
	defer resp.Body.Close()
	body, err := response.Read(resp, maxDocument+1)
	if err != nil {
		if ctx.Err() != nil {
			return nil, time.Time{}, fmt.Errorf("no whole answer within %s", limit)
		}
		return nil, time.Time{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, time.Time{}, &statusError{status: resp.StatusCode}
	}
	if len(body) > maxDocument {
		return nil, time.Time{}, fmt.Errorf("the answer is larger than %d bytes", maxDocument)
	}
	date, _ := http.ParseTime(resp.Header.Get("Date"))
	return body, date, nil
}

// statusError is an answer other than 200. Its body is not shown: it may be anything.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d", e.status) }
