package e2e

import (
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// TestClockOff lets this host's clock be an hour off, either way: everything is signed with the service's time, tokens are used for as
// long as they live, and the messages say what is the matter.
func TestClockOff(t *testing.T) {
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, emulator.Options{TokenLife: 10 * time.Second})
			must(t, c.Faults().Inject(emulator.Fault{Kind: emulator.ClockSkew, Skew: skew}))
			h := newHost(t, c, "app.log", "")
			word := map[bool]string{true: "behind", false: "ahead of"}[skew > 0]
			r := h.command(t, "check", "--no-write")
			for _, want := range []string{"SHP-N120", "1h0m0s " + word, "chronyd", "token lives"} {
				if !strings.Contains(r.stdout, want) {
					t.Errorf("check does not say %q:\n%s", want, r.stdout)
				}
			}
			d := h.start(t, "run", "--set", quick)
			total := 0
			eventually(t, time.Minute, "tokens are renewed", func() bool {
				appendLines(t, h.path("app.log"), total, total+10)
				total += 10
				return c.Stats().TokensIssued >= 5
			})
			eventually(t, time.Minute, "the lines arrive", func() bool { return c.stored() >= total })
			if code := d.stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if !strings.Contains(d.stderr.String(), "SHP-P303") {
				t.Errorf("nothing is said of the clock:\n%s", tail(d.stderr.String(), 10))
			}
			if s := c.Stats(); s.ExpiredTokens != 0 {
				t.Errorf("%d requests with a token that had ended", s.ExpiredTokens)
			}
			c.Faults().Clear() // the SDK that reads back does not learn
			c.exactly(t, total)
		})
	}
}
