package daemon

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Many failures depend on who is faster. A script that failed is believed to be sound after so many plays, so many at once.
const (
	tries       = 24
	triesAtOnce = 8
	shrinkTime  = time.Minute // for one failure
)

// shrunk is the shortest script that was found to fail as s did, for people.
func (s script) shrunk(dir string) string {
	end := time.Now().Add(shrinkTime)
	short, err := shrink(s, end, func(s script) error { return s.fails(dir) })
	if err == nil {
		return fmt.Sprintf("it did not fail again in %d plays", tries)
	}
	out := fmt.Sprintf("shrunk: %v\nscript for testdata/model:\n%s", err, short)
	if f, ok := errors.AsType[failure](err); ok {
		out += "the same for pkg/tail/testdata, where it is told when somebody looks (look, notify) and what to expect:\n" + f.steps + "\n"
	}
	return out
}

// fails plays s several times and returns what was wrong once.
func (s script) fails(dir string) error {
	for range tries / triesAtOnce {
		errs := make([]error, triesAtOnce)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = s.playIn(dir) })
		}
		all.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// shrink leaves steps out of s, fewer and fewer at once, and makes numbers smaller, as long as what is left fails. It returns the
// last failure; nil if not even s fails.
func shrink(s script, end time.Time, fails func(script) error) (script, error) {
	last := fails(s)
	if last == nil {
		return s, nil
	}
	try := func(ops []op) bool {
		if time.Now().After(end) {
			return false
		}
		c := script{all: s.all, ops: ops}
		err := fails(c)
		if err != nil {
			s, last = c, err
		}
		return err != nil
	}
	for size := max(1, len(s.ops)/2); size > 0; size /= 2 {
		for at := len(s.ops) - size; at >= 0; at -= size {
			try(slices.Delete(slices.Clone(s.ops), at, at+size))
		}
	}
	for i := range s.ops {
		if s.ops[i].n > 1 {
			less := slices.Clone(s.ops)
			less[i].n = 1
			try(less)
		}
	}
	return s, last
}

// note keeps a step in the words of pkg/tail/testdata.
func (w *model) note(format string, args ...any) {
	w.steps = append(w.steps, fmt.Sprintf(format, args...))
}

// mostNoted is how many lines are noted one by one.
const mostNoted = 40

// noteText notes that text was written to f, which was opened as base.
func (w *model) noteText(base string, f *inode, text string) {
	lines := strings.Split(strings.ReplaceAll(text, " ", "_"), "\n")
	part := lines[len(lines)-1]
	lines = lines[:len(lines)-1]
	name := ""
	for path, o := range w.files {
		if o == f {
			name = filepath.Base(path)
		}
	}
	switch n := len(lines); {
	case n > mostNoted && name != "":
		w.note("fill %s %s_ 1 %d", name, lines[0][:7], n)
	case n > 0:
		w.note("put %s %s", filepath.Base(base), strings.Join(lines, " "))
	}
	if part != "" && name != "" {
		w.note("partial %s %s", name, part)
	}
}

func TestShrink(t *testing.T) {
	long := drawScript(1)
	long.ops = append(long.ops, op{do: "kill"}, op{do: "write", log: "a", n: 9}, op{do: "start"})
	bad := func(s script) error {
		kill := slices.IndexFunc(s.ops, func(o op) bool { return o.do == "kill" })
		start := slices.IndexFunc(s.ops, func(o op) bool { return o.do == "start" })
		if kill < 0 || start < 0 {
			return nil
		}
		return errors.New("killed and started")
	}
	short, err := shrink(long, time.Now().Add(time.Hour), bad)
	if err == nil || len(short.ops) != 2 {
		t.Errorf("%v:\n%s", err, short)
	}
	if _, err := shrink(script{}, time.Now().Add(time.Hour), bad); err != nil {
		t.Error(err)
	}
}
