package creds

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// keyFiles writes a base key as operators do: two files.
func keyFiles(t *testing.T, id, secret string) (Config, func(id, secret string)) {
	dir := t.TempDir()
	write := func(id, secret string) {
		for name, text := range map[string]string{"id": id, "secret": secret} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(id, secret)
	return Config{Source: "static", AccessKeyID: fileSecret(filepath.Join(dir, "id")), AccessKeySecret: fileSecret(filepath.Join(dir, "secret"))}, write
}

func TestBaseKeyReplacedOnDisk(t *testing.T) {
	for _, role := range []string{roleA, ""} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeSTS(time.Hour)
			config, write := keyFiles(t, "LTAIbase0001", "base-secret-1")
			src, err := NewSource(config, Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := provider(t, f, func(o *ProviderOptions) { o.Source, o.Role.RoleARN = src, role })
			run(t, p)
			first, _ := p.Wait(t.Context(), 0)
			p.Accepted(first)

			write("LTAIbase0002", "base-secret-wrong") // a key that does not work: the old one goes on
			time.Sleep(2*time.Minute + time.Second)    // not at the moment of a look: it could find one file of the next key without the other
			if s := p.Status(); s.Generation != 1 || s.Failures != 0 {
				t.Fatalf("%+v", s)
			}
			p.settle(t)
			before := f.count()

			f.mu.Lock()
			f.keys["LTAIbase0003"] = "base-secret-3"
			f.mu.Unlock()
			write("LTAIbase0003", "base-secret-3")
			time.Sleep(61 * time.Second)
			synctest.Wait()
			if f.count() != before+1 {
				t.Fatalf("%d calls for the new key", f.count()-before)
			}
			f.mu.Lock()
			last := f.calls[len(f.calls)-1]
			delete(f.keys, "LTAIbase0001")
			f.mu.Unlock()
			if last.Get("AccessKeyId") != "LTAIbase0003" {
				t.Fatal(last)
			}
			p.settle(t)
			c, err := p.Current()
			if err != nil || (role == "" && c.ID != "LTAIbase0003") || c.Generation == 1 {
				t.Fatal(c, err)
			}
		})
	}
}

// settle proves whatever waits to be proven.
func (p *Provider) settle(t *testing.T) {
	t.Helper()
	for range 3 {
		c, err := p.Current()
		if err != nil {
			t.Fatal(err)
		}
		p.Accepted(c)
	}
}

func TestHalfReplacedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		f.keys["LTAIbase0002"] = "base-secret-2"
		config, write := keyFiles(t, "LTAIbase0001", "base-secret-1")
		src, _ := NewSource(config, Options{})
		p := provider(t, f, func(o *ProviderOptions) { o.Source = src })
		run(t, p)
		p.Wait(t.Context(), 0)
		write("LTAIbase0002", "base-secret-1") // the secret follows later
		time.Sleep(90 * time.Second)
		if s := p.Status(); s.LastError != nil {
			t.Fatal(s.LastError)
		}
		write("LTAIbase0002", "base-secret-2")
		time.Sleep(90 * time.Second)
		synctest.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		if last := f.calls[len(f.calls)-1]; last.Get("AccessKeyId") != "LTAIbase0002" {
			t.Fatal(last)
		}
	})
}

func TestKeyFileGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		config, _ := keyFiles(t, "LTAIbase0001", "base-secret-1")
		src, _ := NewSource(config, Options{})
		p := provider(t, f, func(o *ProviderOptions) { o.Source, o.Log = src, slog.New(slog.NewTextHandler(t.Output(), nil)) })
		run(t, p)
		p.Wait(t.Context(), 0)
		os.Remove(config.AccessKeySecret.where)
		time.Sleep(40 * time.Minute)
		if s := p.Status(); s.Candidate != 2 {
			t.Fatalf("the key in memory has to be used on: %+v", s)
		}
	})
}

func TestStaticKeyNeedsNoSTS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, func(o *ProviderOptions) { o.Role.RoleARN = "" })
		run(t, p)
		c, _ := p.Wait(t.Context(), 0)
		time.Sleep(100 * time.Hour)
		p.Rejected(c, nil) // nothing better can be had
		time.Sleep(time.Hour)
		if now, err := p.Current(); err != nil || now != c || f.count() != 0 {
			t.Fatal(now, err, f.count())
		}
	})
}

// sessions is a base that expires, like an instance role: it counts how often it is asked.
type sessions struct {
	f    *fakeSTS
	life time.Duration
	n    int
}

func (s *sessions) Fetch(context.Context) (*Credentials, error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.n++
	id := "STS.base" + string(rune('a'+s.n))
	t := token{secret: id + "-secret", token: id + "-token", ends: time.Now().Add(s.life)}
	s.f.tokens[id] = t
	c := &Credentials{ID: id, Secret: t.secret, Token: t.token, Expires: t.ends, Source: "ecs_role web"}
	c.begin(time.Now(), time.Now())
	return c, nil
}

func TestTwoClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(20 * time.Minute)
		base := &sessions{f: f, life: time.Hour}
		p := provider(t, f, func(o *ProviderOptions) { o.Source = base })
		run(t, p)
		p.Wait(t.Context(), 0)
		for range 60 * 10 {
			time.Sleep(time.Minute)
			c, err := p.Current()
			if err != nil {
				t.Fatal(err)
			}
			p.Accepted(c)
		}
		s := p.Status()
		if s.Failures != 0 || s.Source != "ecs_role web" {
			t.Fatalf("%+v", s)
		}
		if base.n < 10 || base.n > 20 {
			t.Fatalf("the inner one was fetched %d times in ten hours, want once every 36..60 min", base.n)
		}
	})
}

func TestExpiringBaseWithoutRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, func(o *ProviderOptions) { o.Source, o.Role.RoleARN = &sessions{f: f, life: time.Hour}, "" })
		run(t, p)
		p.Wait(t.Context(), 0)
		for range 10 * 60 {
			time.Sleep(time.Minute)
			p.settle(t)
		}
		if s := p.Status(); s.Generation < 10 || s.Failures != 0 {
			t.Fatalf("%+v", s)
		}
	})
}
