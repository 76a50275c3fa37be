package daemon

import (
	"context"
	"log/slog"
	"time"

	"shipper/internal/ticks"
	"shipper/pkg/config"
)

// watchEvery is how often configuration files are looked at. Links that are swapped under a ConfigMap, bind mounts and network
// file systems give no notification that could be trusted, and a few stat calls cost nothing.
const watchEvery = time.Second

// reloadUntil carries out reloads that are asked for, and those that changed files ask for, until ctx ends.
func (d *Daemon) reloadUntil(ctx context.Context) {
	defer close(d.reloads.over)
	if d.opt.Source == nil {
		<-ctx.Done()
		return
	}
	look := ticks.New(watchEvery)
	defer look.Stop()
	files := config.NewWatcher(*d.opt.Source)
	w := watch{tried: fingerprint(d.now().cfg.Files)}
	for {
		select {
		case <-ctx.Done():
			return
		case answer := <-d.reloads.asks:
			if !d.opt.Source.ReadOnce() {
				w.tried = fingerprint(files.Files())
			}
			answer <- d.reload(ctx)
		case <-look.C:
			if d.now().cfg.Agent.ReloadOnChange && !d.opt.Source.ReadOnce() && w.changed(fingerprint(files.Files())) {
				d.reload(ctx)
			}
			look.Next()
		}
	}
}

// watch tells when files have changed and come to rest.
type watch struct {
	tried string // what was applied, or refused, last
	seen  string // at the last look
}

// changed reports whether the files are others than those that were tried, and the same as at the last look: an editor or a
// deployment may still be writing. It counts them as tried then.
func (w *watch) changed(now string) bool {
	settled := now == w.seen
	w.seen = now
	if now == w.tried || !settled {
		return false
	}
	w.tried = now
	return true
}

// fingerprint is the same as long as the same files hold the same.
func fingerprint(files []config.File) (all string) {
	for _, f := range files {
		all += f.Path + " " + f.Hash + "\n"
	}
	return all
}

// setLevel changes which messages are logged.
func (d *Daemon) setLevel(name string) {
	var level slog.Level
	if d.opt.Level != nil && level.UnmarshalText([]byte(name)) == nil {
		d.opt.Level.Set(level)
	}
}
