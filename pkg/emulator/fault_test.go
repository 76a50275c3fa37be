package emulator

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each kind of fault does what it promises, to as many requests as it shall, and stores only what it shall.
func TestFaults(t *testing.T) {
	l := start(t, Options{})
	c := l.assume(nil)
	post := func() reply {
		return l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, rawRequest{path: lb, raw: wireGroup(time.Now(), "content", "x"), comp: "lz4"})
	}
	tests := []struct {
		fault  Fault
		status int // 0 = no answer at all
		code   string
		stored int
	}{
		{Fault{Kind: ThrottleProject}, 403, "WriteQuotaExceed", 0},
		{Fault{Kind: ThrottleShard}, 403, "ShardWriteQuotaExceed", 0},
		{Fault{Kind: ServerError}, 500, "InternalServerError", 0},
		{Fault{Kind: ServerBusy}, 503, "ServerBusy", 0},
		{Fault{Kind: BadGatewayHTML}, 502, "", 0},
		{Fault{Kind: CutBefore}, 0, "", 0},
		{Fault{Kind: CutAfter}, 0, "", 1},
		{Fault{Kind: NoRequestID}, 200, "", 0},
		{Fault{Kind: ClockSkew}, 400, "RequestTimeExpired", 0},
		{Fault{Kind: ExpiredToken}, 401, "Unauthorized", 0},
		{Fault{Kind: InvalidToken}, 401, "Unauthorized", 0},
		{Fault{Kind: SignatureMismatch}, 401, "SignatureNotMatch", 0},
		{Fault{Kind: Revoke}, 401, "Unauthorized", 0},
		{Fault{Kind: Slow, Delay: time.Millisecond}, 200, "", 1},
		{Fault{Kind: Forget}, 200, "", 1},
		{Fault{Kind: Answer, Status: 504, Code: "GatewayTimeout", Message: "too late"}, 504, "GatewayTimeout", 0},
	}
	stored := 0
	for _, tt := range tests {
		tt.fault.Op, tt.fault.Count = OpPost, 1
		must(t, l.Faults().Inject(tt.fault))
		got := post()
		if got.status != tt.status || got.code != tt.code {
			t.Errorf("%s: %v, want %d %s", tt.fault.Kind, got, tt.status, tt.code)
		}
		if hasID := got.header.Get("x-log-requestid") != ""; hasID != (tt.status != 0 && tt.fault.Kind != NoRequestID && tt.fault.Kind != BadGatewayHTML) {
			t.Errorf("%s: request id %v", tt.fault.Kind, hasID)
		}
		stored += tt.stored
		if n := len(l.ReadAll(DefaultProject, DefaultLogstore)); n != stored {
			t.Errorf("%s: %d groups stored, want %d", tt.fault.Kind, n, stored)
		}
		if n := len(l.Faults().List()); n != 0 {
			t.Errorf("%s: %d faults left", tt.fault.Kind, n)
		}
		if tt.fault.Kind == ClockSkew {
			at, err := http.ParseTime(got.header.Get("Date"))
			if err != nil || time.Until(at) < 50*time.Minute {
				t.Errorf("Date %v, %v", at, err)
			}
		}
	}
	if got := post(); got.status != 200 {
		t.Errorf("when they are over: %v", got)
	}
	if s := l.Stats(); s.Faults[CutAfter] != 1 || s.Requests["post"]["fault cut_before"] != 1 || s.Requests["post"]["fault server_error"] != 1 {
		t.Errorf("stats %+v", s)
	}
}

// A clock that is an hour ahead accepts a client that has learned so, as a real one would.
func TestSkewLearned(t *testing.T) {
	l := start(t, Options{})
	c := l.assume(nil)
	must(t, l.Faults().Inject(Fault{Kind: ClockSkew}))
	got := l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, rawRequest{path: lb, raw: wireGroup(time.Now(), "k", "v"),
		header: map[string]string{"Date": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}})
	if got.status != 200 {
		t.Error(got)
	}
}

// NoAnswer holds a request until the client gives up.
func TestNoAnswer(t *testing.T) {
	l := start(t, Options{})
	must(t, l.Faults().Inject(Fault{Kind: NoAnswer}))
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", "http://sec-logs.localhost"+lb, strings.NewReader("body"))
	must(t, err)
	failed := make(chan error, 1)
	go func() {
		answer, err := l.client.Do(req)
		if err == nil {
			answer.Body.Close()
		}
		failed <- err
	}()
	poll(t, func() bool { return l.Stats().Faults[NoAnswer] == 1 })
	cancel()
	if err := <-failed; err == nil {
		t.Error("it was answered")
	}
}

// Faults of STS have STS's codes.
func TestSTSFaults(t *testing.T) {
	l := start(t, Options{})
	for kind, want := range map[string]struct {
		status int
		code   string
	}{
		STSThrottle: {400, "Throttling.User"}, STSDown: {503, "ServiceUnavailable"}, Revoke: {403, "NoPermission"},
		ServerError: {500, "InternalError"}, ExpiredToken: {400, "InvalidSecurityToken.Expired"},
		InvalidToken: {400, "InvalidSecurityToken.Malformed"}, SignatureMismatch: {400, "SignatureDoesNotMatch"},
		ClockSkew: {400, "InvalidTimeStamp.Expired"},
	} {
		must(t, l.Faults().Inject(Fault{Op: OpSTS, Kind: kind}))
		_, err := l.sts(SenderKeyID, SenderKeySecret, "").AssumeRole(assumeRequest())
		wantSTS(t, kind, err, want.status, want.code, "")
		l.Faults().Clear()
	}
	l.assume(nil)
}

// Faults end by time or by count, are thrown by seeded dice, and are checked when they are given.
func TestFaultList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count := func(seed uint64) int {
			e, err := New(Options{Seed: seed})
			must(t, err)
			must(t, e.Faults().Inject(Fault{Op: OpPost, Kind: ServerBusy, Probability: 0.3, For: time.Minute}))
			n := 0
			for range 1000 {
				if e.Faults().draw(OpPost) != nil {
					n++
				}
			}
			if e.Faults().draw(OpPull) != nil {
				t.Error("met by another operation")
			}
			time.Sleep(time.Minute)
			if e.Faults().draw(OpPost) != nil || len(e.Faults().List()) != 0 {
				t.Error("the time is over")
			}
			return n
		}
		if a, b := count(7), count(7); a != b || a < 250 || a > 350 {
			t.Errorf("drawn %d and %d times of 1000", a, b)
		}
		e, err := New(Options{})
		must(t, err)
		for _, bad := range []Fault{{}, {Kind: "fire"}, {Kind: Slow, Op: "write"}, {Kind: Slow, Probability: 2}, {Kind: Answer}, {Kind: Slow, Count: -1}, {Kind: Slow, For: -1}, {Kind: Slow, Delay: -1}} {
			if e.Faults().Inject(bad) == nil {
				t.Errorf("%+v was accepted", bad)
			}
		}
	})
}

func TestFaultJSON(t *testing.T) {
	f := Fault{Op: OpPost, Kind: Slow, Count: 2, For: time.Minute, Delay: 1500 * time.Millisecond, Probability: 0.5}
	b, err := json.Marshal(f)
	must(t, err)
	if want := `{"op":"post","kind":"slow","count":2,"probability":0.5,"for":"1m","delay":"1.5s"`; !strings.HasPrefix(string(b), want) {
		t.Errorf("written %s", b)
	}
	var g Fault
	if err := json.Unmarshal(b, &g); err != nil || g != f {
		t.Errorf("read %+v, %v", g, err)
	}
}
