package producer

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"shipper/pkg/batch"
	"shipper/pkg/checkpoint"
)

// memory makes a service remember numbers: what it has, it refuses.
type memory struct {
	mu   sync.Mutex
	last map[string]uint64
	seen []string // key and number of every request
}

func (m *memory) answer(plan func(*request) answer) func(*request) answer {
	return func(r *request) answer {
		a := answer{}
		if plan != nil {
			a = plan(r)
		}
		q := r.URL.Query()
		key := q.Get("key")
		seq, err := strconv.ParseUint(q.Get("seqid"), 10, 64)
		if err != nil || len(key) != 32 || !strings.HasSuffix(r.URL.Path, "/shards/route") || len(r.groups) != 1 {
			return answer{status: 400, code: "ParameterInvalid", message: "a request without a number: " + r.URL.String()}
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.seen = append(m.seen, key+" "+q.Get("seqid"))
		takes := a.store || a.err == nil && !a.noID && !a.hang && (a.status == 0 || a.status == 200)
		switch {
		case !takes:
			return a
		case seq > m.last[key]:
			if m.last == nil {
				m.last = map[string]uint64{}
			}
			m.last[key] = seq
			return a
		case a.store:
			a.store = false
			return a
		}
		return answer{status: 400, code: "InvalidSequenceId", message: "invalid sequence id"}
	}
}

func exactWorld(t testing.TB, m *memory, o worldOptions) *world {
	o.config = settings()
	o.config.ExactlyOnce = true
	o.answer = m.answer(o.answer)
	return newWorld(t, o)
}

// succeed is another producer on the same state, as after a reload: with the same settings but for change.
func (w *world) succeed(m *memory, change func(*Config)) *world {
	next := *w
	o := w.Options
	change(&o.Config)
	w.service.answer = m.answer(nil)
	o.HTTP = &http.Client{Transport: w.service}
	var err error
	if next.Producer, err = New(o); err != nil {
		w.t.Fatal(err)
	}
	return &next
}

func TestLostAnswerOfNumber(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := &memory{}
		w := exactWorld(t, m, worldOptions{inFlight: 1, answer: only(1, answer{err: syscall.ECONNRESET, store: true})})
		w.write("a", "b", "c")
		w.write("d")
		w.run()
		w.check(once("a", "b", "c", "d"), nil)
		if s := w.Stats(); s.RepeatsPossible != 0 || s.Resent != 1 || s.AlreadyStored != 1 || s.AckedLogs != 4 {
			t.Errorf("%+v", s)
		}
		if len(m.seen) != 3 || m.seen[0] != m.seen[1] || !strings.HasSuffix(m.seen[2], " 2") || m.seen[2][:32] != m.seen[0][:32] {
			t.Errorf("%q", m.seen)
		}
		if n := w.store.Unresolved("central"); n != 0 {
			t.Errorf("%d requests are kept", n)
		}
	})
}

// A number that is known although it was never sent is somebody else's: the lines are not taken for stored.
func TestNumberOfSomebodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := &memory{}
		w := exactWorld(t, m, worldOptions{inFlight: 1, answer: only(2, answer{status: 400, code: "InvalidSequenceId"})})
		w.write("a")
		w.write("b")
		w.run()
		w.check(once("a", "b"), nil)
		if len(m.seen) != 3 || m.seen[2][:32] == m.seen[1][:32] || !strings.Contains(w.log.String(), "SHP-P821") {
			t.Errorf("%q\n%s", m.seen, w.log)
		}
	})
}

// Every part of a batch that was cut up has a number of its own; a log that was mended keeps the number of what it was.
func TestNumbersOfParts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, lost, mended := &memory{}, map[string]bool{}, 0
		w := exactWorld(t, m, worldOptions{inFlight: 1, logs: 8, answer: func(r *request) answer {
			switch {
			case len(r.lines) > 2:
				return answer{status: 413, code: "PostBodyTooLarge"}
			case slices.Contains(r.lines, "poison"):
				return answer{status: 400, code: "InvalidEncoding"}
			case slices.Contains(r.lines, "old") && time.Unix(int64(r.logs[0].GetTime()), 0).Before(time.Now().Add(-time.Hour)):
				mended++
				if mended == 1 { // it is stored, and then too old
					return answer{err: syscall.ECONNRESET, store: true}
				}
				return answer{status: 400, code: "PostBodyInvalid", message: "time is out of range"}
			case !lost[r.lines[0]]:
				lost[r.lines[0]] = true
				return answer{err: syscall.ECONNRESET, store: true}
			}
			return answer{}
		}})
		w.write("a", "b", "c", "poison", "e", "f", "g", "h")
		w.writer.Write(chunkAt(w, time.Now().Add(-30*24*time.Hour), "old"))
		w.batcher.Seal()
		w.run()
		w.check(once("a", "b", "c", "e", "f", "g", "h", "old"), []string{"poison"})
		if s := w.Stats(); s.RepeatsPossible != 0 || s.AlreadyStored == 0 {
			t.Errorf("%+v", s)
		}
	})
}

// What a producer leaves unanswered goes out first from its successor, under its number, whatever has become of the settings.
func TestLeftToSuccessor(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Config)
		stored int // times
	}{
		"the same":             {func(*Config) {}, 1},
		"without exactly_once": {func(c *Config) { c.ExactlyOnce = false }, 1},
		"by another network":   {func(c *Config) { c.Network = "intranet" }, 1},
		"another Logstore":     {func(c *Config) { c.Logstore = "other" }, 2}, // once in each
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := &memory{}
				w := exactWorld(t, m, worldOptions{inFlight: 2, answer: func(*request) answer { return answer{hang: true, store: true} }})
				w.write("a", "b")
				w.write("c")
				ctx, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				if err := w.Run(ctx); err != nil {
					t.Fatal(err)
				}
				if n, used := w.store.Unresolved("central"), w.budget.Used(); n != 2 || used != 0 || w.counts().Pending() != w.pos {
					t.Fatalf("%d requests are kept, %d bytes used, %+v", n, used, w.counts())
				}
				next := w.succeed(m, tt.change)
				next.run()
				next.check(map[string]int{"a": tt.stored, "b": tt.stored, "c": tt.stored}, nil)
				if n := w.store.Unresolved("central"); n != 0 {
					t.Errorf("%d requests are kept", n)
				}
			})
		})
	}
}

// A service that does not take numbers holds the lines; none becomes a dead letter.
func TestNoNumbersTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := &memory{}
		w := exactWorld(t, m, worldOptions{answer: func(*request) answer {
			return answer{status: 400, code: "ParameterInvalid", message: "seqid is not supported"}
		}})
		w.write("a")
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := w.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if s := w.Stats(); !s.Held || !strings.Contains(s.HeldReason, "exactly_once = false") || s.DeadLogs > 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A disk that takes nothing stops nothing.
func TestNumbersWithoutDisk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := &memory{}
		w := exactWorld(t, m, worldOptions{inFlight: 1, answer: only(1, answer{err: syscall.ECONNRESET, store: true})})
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}
		w.write("a")
		w.write("b")
		w.run()
		w.check(once("a", "b"), nil)
	})
}

// In whatever way requests fail and whenever the producer is replaced, every line ends once: stored or, when it is refused, dead.
func TestEveryNumberedLogEndsOnce(t *testing.T) {
	store := newStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		inFlight := rapid.IntRange(1, 4).Draw(rt, "in flight")
		perBatch := rapid.IntRange(1, 12).Draw(rt, "logs a batch")
		n := rapid.IntRange(1, 60).Draw(rt, "lines")
		most := rapid.IntRange(1, 12).Draw(rt, "most lines in a request")
		lives := rapid.SliceOfN(rapid.IntRange(1, 20_000), 0, 5).Draw(rt, "lives, ms")
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			m := &memory{}
			storm := func(r *request) answer {
				m.mu.Lock() // guards random
				dice, late := random.IntN(10), random.IntN(3000)
				m.mu.Unlock()
				time.Sleep(time.Duration(late) * time.Millisecond)
				switch {
				case dice < 2:
					return answer{err: syscall.ECONNRESET}
				case dice == 2:
					return answer{status: 403, code: "ShardWriteQuotaExceed"}
				case dice == 3:
					return answer{status: 503, code: "ServerBusy"}
				case len(r.lines) > most:
					return answer{status: 413, code: "PostBodyTooLarge"}
				case slices.ContainsFunc(r.lines, func(l string) bool { return strings.HasSuffix(l, "7") }):
					return answer{status: 400, code: "InvalidEncoding"}
				case dice < 6:
					return answer{err: syscall.ECONNRESET, store: true}
				case dice == 6:
					return answer{noID: true, status: 502, store: true}
				}
				return answer{}
			}
			w := exactWorld(t, m, worldOptions{store: store, inFlight: inFlight, logs: perBatch, answer: storm})
			lines := numbered(n)
			w.write(lines...)
			for _, ms := range lives {
				ctx, stop := context.WithTimeout(t.Context(), time.Duration(ms)*time.Millisecond)
				if err := w.Run(ctx); err != nil {
					rt.Error(err)
				}
				stop()
				next := w.succeed(m, func(*Config) {})
				w.service.answer, w = m.answer(storm), next
			}
			w.run()
			stored, dead := w.service.snapshot(), once(w.dead.lines(t)...)
			for _, l := range lines {
				want := 1
				if strings.HasSuffix(l, "7") {
					want = 0
				}
				if stored[l] != want || dead[l] != 1-want {
					rt.Errorf("%q: stored %d times, dead %d times", l, stored[l], dead[l])
				}
			}
			if c := w.counts(); c.Pending() != 0 || c.Acked+c.Dead != w.pos || w.budget.Used() != 0 || store.Unresolved("central") != 0 {
				rt.Errorf("ledger %+v of %d bytes, %d bytes of memory, %d kept", c, w.pos, w.budget.Used(), store.Unresolved("central"))
			}
		})
	})
}

// FuzzRestore reads what no lane has kept: it fails, or makes a batch that can be cut up.
func FuzzRestore(f *testing.F) {
	w := newWorld(f, worldOptions{logs: 3})
	w.write("a", "b", "c")
	taken, err := w.batcher.Take(f.Context(), nil, batch.Limit{})
	if err != nil {
		f.Fatal(err)
	}
	b := taken[0]
	body, err := w.Client().Encode(b.Group())
	if err != nil {
		f.Fatal(err)
	}
	s := &slip{batch: b, open: 3}
	f.Add(append(appendContentHead(nil, body, b), body.data...), appendPlan(nil, []load{{pieces: []piece{{slip: s, to: 1}}}, {pieces: []piece{{slip: s, from: 1, to: 3}}}}))
	d := delivery{Producer: w.Producer}
	f.Fuzz(func(t *testing.T, content, plan []byte) {
		s, queue, err := d.restore(checkpoint.Pack{Claim: b.Claim(), Plan: plan, Content: [][]byte{content}})
		if err != nil {
			return
		}
		logs := 0
		for i := range queue {
			queue[i].open(time.Now(), w.budget)
			logs += queue[i].logs()
		}
		if logs != s.open {
			t.Errorf("%d logs of %d", logs, s.open)
		}
		s.batch.Free()
	})
}
