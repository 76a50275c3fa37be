package creds

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

const roleA = "acs:ram::1111111111111111:role/shipper-writer"

func literal(id, secret string) Source {
	s, err := NewSource(Config{Source: "static", AccessKeyID: LiteralSecret(id), AccessKeySecret: LiteralSecret(secret)}, Options{})
	if err != nil {
		panic(err)
	}
	return s
}

func provider(t *testing.T, f *fakeSTS, change func(*ProviderOptions)) *Provider {
	t.Helper()
	o := ProviderOptions{Source: literal("LTAIbase0001", "base-secret-1"), Role: DefaultRole(), Region: "cn-hangzhou", HTTP: &http.Client{Transport: f}, Host: "web-1"}
	o.Role.RoleARN = roleA
	if change != nil {
		change(&o)
	}
	p, err := NewProvider(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, p *Provider) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestFirstCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, newFakeSTS(time.Hour), nil)
		if _, err := p.Current(); err == nil {
			t.Fatal("a credential before Run")
		}
		run(t, p)
		c, err := p.Wait(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := p.Current(); got != c || c.Generation != 1 || c.Account != "1111111111111111" {
			t.Fatalf("%v %+v", got, c)
		}
		time.Sleep(40 * time.Minute)
		s := p.Status()
		if s.Candidate != 2 || s.Generation != 1 || s.Refreshes != 2 || s.STSCalls != 2 {
			t.Fatalf("%+v", s)
		}
		probe, _ := p.Current()
		other, _ := p.Current()
		if probe.Generation != 2 || other.Generation != 1 {
			t.Fatal(probe.Generation, other.Generation)
		}
		p.Accepted(probe)
		if now, _ := p.Current(); now.Generation != 2 {
			t.Fatal(now.Generation)
		}
	})
}
