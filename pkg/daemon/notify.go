package daemon

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"shipper/internal/ticks"
	"shipper/pkg/admin"
)

// notifier tells systemd how the daemon is. Outside systemd ($NOTIFY_SOCKET unset) every call does nothing.
type notifier struct {
	look    func() admin.Status
	trouble func() string // the first reason of a Snapshot, without the rest of it
	beats   *admin.Beats
}

// The STATUS line of `systemctl status` is renewed every statusEvery, and less often where a look at everything takes long, so
// that it stays below a thousandth of a core: with ten thousand files it would be most of what an idle daemon does.
const (
	statusEvery = 10 * time.Second
	statusPart  = 1000
)

// troubleEvery is how soon a trouble, and its end, stands there.
const troubleEvery = time.Second

// Ready says that the state is open and the readers run. It does not wait for the cloud: a host must boot while a
// permission is missing.
func (n *notifier) Ready() { n.send(sd.SdNotifyReady) }

// Reloading says that the configuration is being read again; Ready ends it.
func (n *notifier) Reloading() { n.send(sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec()) }

// Stopping says that the drain has begun and may take up to limit.
func (n *notifier) Stopping(limit time.Duration) {
	n.send(fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d\nSTATUS=draining", sd.SdNotifyStopping, (limit + 10*time.Second).Microseconds()))
}

// send ignores the error: systemd that cannot be told is no reason to stop shipping, and there is nobody else to tell.
func (n *notifier) send(state string) { _, _ = sd.SdNotify(false, state) }

// Run renews STATUS and feeds the watchdog until ctx ends. A loop that hangs starves the watchdog, and systemd restarts us.
func (n *notifier) Run(ctx context.Context) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return // nobody listens
	}
	feed := statusEvery
	if limit, err := sd.SdWatchdogEnabled(false); err == nil && limit > 0 {
		feed = min(feed, limit/3)
	}
	tick := ticks.New(min(troubleEvery, feed))
	defer tick.Stop()
	var renew, fed time.Time
	said := ""
	for {
		now, why := time.Now(), kind(n.trouble())
		if now.After(renew) || why != said {
			n.send("STATUS=" + summary(n.look()))
			said, renew = why, now.Add(max(statusEvery-time.Second, statusPart*time.Since(now)))
		}
		if now.Sub(fed) >= feed-feed/10 && len(n.beats.Late()) == 0 {
			n.send(sd.SdNotifyWatchdog)
			fed = now
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			tick.Next()
		}
	}
}

// kind is a trouble without its figures, which change while it lasts.
func kind(trouble string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, trouble)
}

// summary is the one line that `systemctl status` shows.
func summary(s admin.Status) string {
	if len(s.Reasons) > 0 {
		return s.Reasons[0]
	}
	var files int
	var behind int64
	for _, in := range s.Inputs {
		files += len(in.Files)
		for _, f := range in.Files {
			behind += f.LagBytes
		}
	}
	line := fmt.Sprintf("%d files, %d bytes behind", files, behind)
	if files == 1 {
		line = fmt.Sprintf("1 file, %d bytes behind", behind)
	}
	for _, t := range s.Targets {
		if t.TokenExpiresAt != nil {
			line += fmt.Sprintf(", %s: token %s", t.Name, time.Until(*t.TokenExpiresAt).Round(time.Second))
		}
	}
	return line
}
