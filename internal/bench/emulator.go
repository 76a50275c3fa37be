package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// world is what the harness needs to know of the emulator's made-up accounts.
type world struct {
	Accounts []struct {
		UID   string
		Users []struct {
			Name string
			Keys []struct{ ID, Secret string }
		}
		Roles []struct{ Name string }
	}
}

// emulator ships to the emulator, which verifies every signature, policy and LogGroup and shares the cores. Only shipper can
// assume the role that may write there.
func (b *bench) emulator(ctx context.Context) error {
	pattern, size, _, err := b.corpus("nginx", 1)
	if err != nil {
		return err
	}
	defer os.RemoveAll(filepath.Dir(pattern))
	s, err := b.world(ctx)
	if err != nil {
		return err
	}
	s.paths = pattern
	c, err := startChild(ctx, b.bin["shipper"], "emulator", "--discard", "--listen", freePort)
	if err != nil {
		return err
	}
	defer c.stop()
	s.addr = freePort
	if err := listening(ctx, s.addr); err != nil {
		_ = c.stop() // what it said is complete then
		return fmt.Errorf("%w\n%s", err, c.last())
	}
	got := map[string][]result{}
	for range b.rounds {
		elapsed, c, cpu, err := b.ship(ctx, "shipper", s)
		if err != nil {
			return err
		}
		got["shipper"] = append(got["shipper"], result{speed: float64(size) / 1e6 / elapsed.Seconds(),
			cpu: cpu.Seconds() / (float64(size) / 1e9), peak: float64(c.peak.Load()) / 1e6})
	}
	m := medians(got["shipper"])
	fmt.Fprintf(b.out, "  shipper %.0f MB/s, %.2f CPU s/GB, peak %.1f MB (the emulator's own time not counted)\n", m.speed, m.cpu, m.peak)
	return nil
}

// freePort is where the emulator listens: beside its default, so that one that runs already is not disturbed.
const freePort = "127.0.0.1:19621"

// world asks the emulator for a key and for the role that it may assume.
func (b *bench) world(ctx context.Context) (s settings, err error) {
	c, err := startChild(ctx, b.bin["shipper"], "emulator", "--print-world")
	if err != nil {
		return s, err
	}
	if _, _, err := c.wait(); err != nil {
		return s, err
	}
	var w world
	if err := json.Unmarshal(c.said.Bytes(), &w); err != nil {
		return s, fmt.Errorf("world of the emulator: %w", err)
	}
	for _, a := range w.Accounts {
		for _, r := range a.Roles {
			s.assume = fmt.Sprintf("acs:ram::%s:role/%s", a.UID, r.Name)
		}
		for _, u := range a.Users {
			if u.Name == "shipper" && len(u.Keys) > 0 {
				s.id, s.key = u.Keys[0].ID, u.Keys[0].Secret
			}
		}
	}
	if s.id == "" || s.assume == "" {
		return s, fmt.Errorf("the emulator's world has no user shipper or no role")
	}
	return s, nil
}

// start measures from the start of the process to the first answer, with one line and with a backlog in the file.
func (b *bench) start(ctx context.Context) error {
	s, err := newSink(nil)
	if err != nil {
		return err
	}
	defer s.close()
	for _, try := range []struct {
		name, text string
		args       []string
	}{
		{"run --once, one line", "one line\n", []string{"--once"}},
		{"run, 8 MB waiting", "", nil},
	} {
		path := filepath.Join(b.dir, "start.log")
		if try.text == "" {
			if _, _, err := writeLines(path, 8e6, 1, nginxLine); err != nil {
				return err
			}
		} else if err := os.WriteFile(path, []byte(try.text), 0o600); err != nil {
			return err
		}
		var times []result
		for range max(5, b.rounds) {
			s.reset()
			h, err := b.host(settings{addr: s.addr, paths: path})
			if err != nil {
				return err
			}
			c, err := h.start(ctx, b, try.args...)
			if err != nil {
				return err
			}
			err = until(ctx, 10*time.Second, func() bool { return s.first.Load() != 0 })
			_ = c.stop()
			h.remove()
			if err != nil {
				return fmt.Errorf("%w\n%s", err, c.last())
			}
			times = append(times, result{speed: time.Unix(0, s.first.Load()).Sub(c.began).Seconds() * 1000})
		}
		fmt.Fprintf(b.out, "  %-22s first acknowledgement after %.0f ms\n", try.name, medians(times).speed)
	}
	return nil
}

var stamped = regexp.MustCompile(`sent=(\d{19})`)
