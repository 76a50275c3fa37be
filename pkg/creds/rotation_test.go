package creds

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The rotation against a plain model: at any time each caller holds at most one credential; offers, reports and time come in any
// order. What must hold whatever happens:
//   - nobody gets a credential that has ended;
//   - a generation that nobody has accepted is with one caller at a time (within the prober's lease), unless nothing better is left;
//   - everybody else gets the best accepted one, as long as it has more left than the takeover margin;
//   - generations never go backwards for the current one.
func TestRotationModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Now()
		r := newRotation(func() time.Time { return now })
		life := time.Duration(rapid.IntRange(3, 7200).Draw(t, "life")) * time.Second
		m := &rotationModel{accepted: map[uint64]bool{}, rejected: map[uint64]bool{}, lent: map[uint64]time.Time{}}
		var held []*Credentials
		pick := func(t *rapid.T) *Credentials {
			if len(held) == 0 {
				return nil
			}
			return held[rapid.IntRange(0, len(held)-1).Draw(t, "held")]
		}
		t.Repeat(map[string]func(*rapid.T){
			"offer": func(t *rapid.T) {
				c := &Credentials{ID: "STS.x", Secret: fmt.Sprint(m.last), Expires: now.Add(life)}
				c.begin(now, now)
				c = r.offer(c)
				if c.Generation != m.last+1 {
					t.Fatalf("generation %d after %d", c.Generation, m.last)
				}
				m.last = c.Generation
			},
			"take": func(t *rapid.T) {
				c, err := r.take()
				m.took(t, r, now, c, err)
				if c != nil {
					held = append(held, c)
				}
			},
			"accept": func(t *rapid.T) {
				if c := pick(t); c != nil {
					r.accept(c)
					m.accepted[c.Generation] = true
				}
			},
			"reject": func(t *rapid.T) {
				c := pick(t)
				if c == nil {
					return
				}
				if first, second := r.reject(c), r.reject(c); first && second {
					t.Fatal("one rejection asked for two renewals")
				}
				m.rejected[c.Generation] = true
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Float64Range(0, 0.6).Draw(t, "part") * float64(life)))
				r.tick()
			},
			"": func(t *rapid.T) {
				v := r.view.Load()
				if v.current != nil && v.current.Generation < m.current {
					t.Fatalf("current went back from %d to %d", m.current, v.current.Generation)
				}
				if v.candidate != nil && (v.current == nil || v.candidate.Generation <= v.current.Generation || v.spoiled) {
					t.Fatalf("candidate %v beside current %v, spoiled %v", v.candidate.Generation, v.current, v.spoiled)
				}
				if v.current != nil {
					m.current = v.current.Generation
				}
			},
		})
	})
}

type rotationModel struct {
	last, current      uint64
	accepted, rejected map[uint64]bool
	lent               map[uint64]time.Time
}

func (m *rotationModel) took(t *rapid.T, r *rotation, now time.Time, c *Credentials, err error) {
	v := r.view.Load()
	if err != nil {
		if v.current != nil && v.current.Left(now) > min(lastBit, v.current.life()/10) {
			t.Fatalf("no credential although %v lives: %v", v.current, err)
		}
		return
	}
	if c.Left(now) <= 0 {
		t.Fatalf("generation %d has ended", c.Generation)
	}
	if v.candidate == nil || c.Generation != v.candidate.Generation {
		if c != v.current {
			t.Fatalf("generation %d is neither current nor candidate", c.Generation)
		}
		return
	}
	if at, out := m.lent[c.Generation]; out && now.Sub(at) < min(proberFor, c.life()/8) {
		t.Fatalf("candidate %d is with two callers", c.Generation)
	}
	m.lent[c.Generation] = now
	if v.current.Left(now) < takeover(v.current) && c.Left(now) > v.current.Left(now) {
		t.Fatal("the old one is about to end: the candidate should have taken over")
	}
}

func TestRotationPaths(t *testing.T) {
	now := time.Now()
	r := newRotation(func() time.Time { return now })
	fresh := func() *Credentials {
		c := &Credentials{ID: "x", Expires: now.Add(time.Hour)}
		c.begin(now, now)
		return r.offer(c)
	}
	want := func(c *Credentials) {
		t.Helper()
		if got, err := r.take(); err != nil || got != c {
			t.Fatalf("got %v %v, want generation %d", got, err, c.Generation)
		}
	}
	one := fresh()
	want(one)
	r.accept(one)

	now = now.Add(36 * time.Minute)
	two := fresh()
	want(two) // the prober
	want(one)
	now = now.Add(21 * time.Second) // the prober was lost: another one
	want(two)
	want(one)
	if !r.reject(two) || r.reject(two) {
		t.Fatal("a rejected candidate asks for a renewal, once")
	}
	want(one)

	three := fresh()
	want(three)
	r.reject(one) // the old one is refused: the candidate is all there is
	want(three)
	want(three)
	if !r.reject(three) {
		t.Fatal("nothing newer: a renewal is wanted")
	}
	want(three) // callers wait for a newer one by themselves
	four := fresh()
	want(four)
	want(four)

	r.accept(four)
	now = now.Add(36 * time.Minute)
	five := fresh()
	now = now.Add(23*time.Minute + 31*time.Second) // the old one has 29 s left
	want(five)
	want(five)

	r.accept(nil)
	r.reject(nil)
	if r.accept(four) || r.reject(four) {
		t.Fatal("an old generation is no news")
	}
}

func TestLateAcceptOfAnEarlierCandidate(t *testing.T) {
	now := time.Now()
	r := newRotation(func() time.Time { return now })
	for range 2 {
		r.offer(&Credentials{ID: "x"})
	}
	two, _ := r.take()
	three := r.offer(&Credentials{ID: "x"})
	r.accept(two) // a newer candidate has come while two's request was in flight
	if v := r.view.Load(); v.current != two || v.candidate != three {
		t.Fatalf("%+v", v)
	}
}

func TestTakeDoesNotAllocate(t *testing.T) {
	p, _ := NewProvider(ProviderOptions{Source: literal("LTAIbase0001", "x")})
	p.rotation.offer(&Credentials{ID: "x"})
	c, _ := p.Current()
	p.Accepted(c)
	if n := testing.AllocsPerRun(100, func() {
		c, _ := p.Current()
		p.Accepted(c)
	}); n != 0 {
		t.Fatalf("%v allocations a request", n)
	}
}

// The service tells its time in whole seconds and a request takes a while to arrive: what lives for a moment more by our
// reckoning has ended there.
func TestNotUsedInItsLastMoments(t *testing.T) {
	for life, margin := range map[time.Duration]time.Duration{time.Hour: 3 * time.Second, 10 * time.Second: time.Second} {
		now := time.Now()
		r := newRotation(func() time.Time { return now })
		c := &Credentials{ID: "STS.x", Secret: "s", Expires: now.Add(life)}
		c.begin(now, now)
		r.offer(c)
		now = now.Add(life - margin - time.Millisecond)
		if _, err := r.take(); err != nil {
			t.Errorf("%v before the end of %v: %v", margin, life, err)
		}
		now = now.Add(2 * time.Millisecond)
		if c, err := r.take(); err == nil {
			t.Errorf("with %v left of %v it is still used", c.Left(now), life)
		}
	}
}
