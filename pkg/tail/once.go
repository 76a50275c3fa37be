package tail

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"shipper/internal/linux"
)

// Once reads everything that matches now, and older generations that are known by identity, to the end, hands it over and
// returns how many files matched. An unterminated last line is handed over if no process has the file open for writing;
// otherwise it stays for the next run. Settling is the caller's business; Close lets go of the files.
func (t *Tailer) Once(ctx context.Context) (matched int, err error) {
	t.mu.Lock()
	t.once = true
	t.mu.Unlock()
	if _, err := t.prepare(false); err != nil {
		return 0, err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer t.ring.stop()
	defer context.AfterFunc(ctx, t.ring.stop)()
	for range t.opts.Readers {
		wg.Go(func() { t.readLoop(ctx, new(atomic.Int64)) })
	}
	t.step(stepAll)
	matched = t.matched()
	if err := t.calm(ctx); err != nil {
		return matched, err
	}
	t.finishAll()
	if err := t.calm(ctx); err != nil {
		return matched, err
	}
	return matched, nil
}

// calm steps until every stream was read to its end.
func (t *Tailer) calm(ctx context.Context) error {
	for {
		t.beat()
		t.step(0)
		if t.ring.quietNow() && !t.disturbed() {
			return nil
		}
		t.ring.waitQuiet()
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
}

// disturbed reports whether names changed while they were looked at.
func (t *Tailer) disturbed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.gaps) > 0
}

func (t *Tailer) matched() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	files := map[*file]struct{}{}
	for _, l := range t.leads {
		if l.file != nil {
			files[l.file] = struct{}{}
		}
	}
	return len(files)
}

// finishAll hands over the unterminated last lines of files without a writer.
func (t *Tailer) finishAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.release()
	for _, s := range t.streams {
		f := s.file
		if f == nil || f.f == nil || s.finish {
			continue
		}
		writer, err := linux.HasWriter(f.f)
		if errors.Is(err, linux.ErrUnknown) {
			writer = t.now().Sub(f.info.Mod) < t.opts.FinalWait
		}
		if !writer && t.hold(s) {
			s.finish = true
			t.ring.mark(s)
		}
	}
}
