package checkpoint

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"shipper/pkg/tail"
)

// harbour is one stream that travels over lanes to a service that knows numbers.
type harbour struct {
	dir  string
	disk *disk
	s    *Store
	id   tail.StreamID
	st   *Stream

	next  int64
	ahead []tail.Range
	ships []*ship

	last   map[string]uint64 // the service's memory
	stored []int             // times that each byte is there
	trip   bool              // something happened that may repeat lines
}

// ship is a lane and what is on it.
type ship struct {
	*Lane
	r      tail.Range
	claim  Claim
	sent   bool // may have arrived
	laden  bool
	keeps  bool // Begin was durable
	reload bool // needs a Begin before it is sent
}

var wayOfTest = tail.Route{Input: "in", Target: "to"}

func newHarbour(t *testing.T) *harbour {
	h := &harbour{dir: t.TempDir(), disk: newDisk(), last: map[string]uint64{}}
	h.s = openOn(t, h.dir, h.disk)
	h.id = h.s.Begin(tail.Epoch{Route: wayOfTest, Path: "/f"})
	if err := h.s.Commit(); err != nil {
		t.Fatal(err)
	}
	h.live(func(format string, args ...any) { t.Fatalf(format, args...) })
	return h
}

// live begins a life: what was left on lanes is found, and reading begins.
func (h *harbour) live(fail func(string, ...any)) {
	e := h.s.Known(wayOfTest)[0]
	h.st, h.next, h.ahead, h.ships = h.s.Stream(h.id), e.Offset, e.Ahead, nil
	for _, l := range h.s.Lanes("to", "place", 3) {
		s := &ship{Lane: l}
		h.ships = append(h.ships, s)
		if !l.Open() {
			continue
		}
		p, sent, err := l.Left()
		if err != nil {
			fail("what was left cannot be read: %v", err)
		}
		s.claim, s.laden, s.sent, s.keeps, s.reload = p.Claim, true, sent, true, !sent
		s.r = p.Claim.Range()
		if string(p.Content[0]) != cargo(s.r) || string(p.Plan) != "plan" {
			fail("%q, %q of %v", p.Content, p.Plan, s.r)
		}
	}
}

func cargo(r tail.Range) string { return fmt.Sprintf("%0*d", 5+r.From%7, r.From*1000+r.To) }

// read loads a free ship with the next bytes.
func (h *harbour) read(t *rapid.T) {
	for len(h.ahead) > 0 && h.ahead[0].From == h.next {
		h.st.Jump(h.ahead[0].To)
		h.next, h.ahead = h.ahead[0].To, h.ahead[1:]
	}
	s := h.ships[rapid.IntRange(0, len(h.ships)-1).Draw(t, "lane")]
	if s.laden {
		return
	}
	n := rapid.Int64Range(1, 4).Draw(t, "bytes")
	if len(h.ahead) > 0 {
		n = min(n, h.ahead[0].From-h.next)
	}
	h.load(s, n)
}

func (h *harbour) load(s *ship, n int64) {
	s.r = tail.Range{From: h.next, To: h.next + n}
	h.next = s.r.To
	for int64(len(h.stored)) < s.r.To {
		h.stored = append(h.stored, 0)
	}
	h.st.Read(n)
	s.claim = h.st.Claim(h.st.Enter(s.r, markerAt(s.r.To), h.st.NextPack()))
	s.laden, s.sent = true, false
	h.begin(s)
}

func (h *harbour) begin(s *ship) {
	err := s.Begin(Pack{Claim: s.claim, Plan: []byte("plan"), Content: [][]byte{[]byte(cargo(s.r)[:2]), []byte(cargo(s.r)[2:])}})
	s.keeps, s.reload = err == nil, false
	h.trip = h.trip || err != nil
}

// sail sends what s has. The answer may be lost.
func (h *harbour) sail(t tb, s *ship, lost bool) {
	if !s.laden {
		return
	}
	if s.reload {
		h.begin(s)
	}
	key, seq := s.Number()
	if seq == 0 || len(key) != 32 {
		t.Fatal("there is no number")
	}
	known := seq <= h.last[key]
	if !known {
		h.last[key] = seq
		for i := s.r.From; i < s.r.To; i++ {
			h.stored[i]++
		}
	}
	switch {
	case lost:
		s.sent = true
	case known && !s.sent:
		t.Fatal(fmt.Sprintf("number %d of %s was given away twice", seq, key))
	default:
		s.claim.Settle(Outcome{Acked: s.r.Len()})
		s.Done()
		s.laden = false
	}
}

// TestLanes reads, sends, loses answers, kills and cuts the power, on a disk that fails now and then. Nothing is ever missing, and as long
// as the disk took what it was given nothing comes twice.
func TestLanes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHarbour(t)
		defer func() { kill(t, h.s) }()
		send := func(t *rapid.T) {
			h.sail(t, h.ships[rapid.IntRange(0, len(h.ships)-1).Draw(t, "lane")], rapid.Bool().Draw(t, "lost"))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"read": h.read, "read2": h.read, "send": send, "send2": send,
			"commit": func(*rapid.T) { _ = h.s.Commit() },
			"write":  func(*rapid.T) { _ = h.s.write(false) },
			"rewind": func(t *rapid.T) { // the target goes away and comes back
				for _, s := range h.ships {
					h.trip = h.trip || s.laden && !s.keeps && s.sent
				}
				h.st.Rewind()
				h.live(t.Fatalf)
			},
			"compact": func(*rapid.T) {
				h.s.io.Lock()
				h.s.compactAt = 0
				h.s.io.Unlock()
				_ = h.s.Commit()
			},
			"disk": func(t *rapid.T) {
				bad := rapid.SampledFrom([]string{"", "", "", "write", "sync", "create", "rename", "syncdir", "spool"}).Draw(t, "op")
				h.disk.setFail(func(op, _ string) error {
					if op == bad {
						return errDisk
					}
					return nil
				})
			},
			"reopen": func(t *rapid.T) {
				kind := rapid.SampledFrom([]string{"close", "kill", "power"}).Draw(t, "kind")
				trouble := h.s.Trouble() != nil
				if kind == "close" {
					trouble = h.s.Close() != nil || trouble
				} else {
					kill(t, h.s)
				}
				h.trip = h.trip || trouble
				if kind == "power" {
					h.disk.crash(func(n int) int { return rapid.IntRange(0, n).Draw(t, "survives") })
				}
				h.disk.setFail(nil)
				h.s = openOn(t, h.dir, h.disk)
				h.live(t.Fatalf)
			},
			"": func(t *rapid.T) {
				c := h.st.Epoch().Counts
				if c.Pending() < 0 || c.Acked > int64(len(h.stored)) && !h.trip {
					t.Fatalf("counts %+v of %d bytes", c, len(h.stored))
				}
				for i, n := range h.stored {
					if n > 1 && !h.trip {
						t.Fatalf("byte %d is there %d times", i, n)
					}
				}
			},
		})
		h.disk.setFail(nil)
		h.finish(rt)
	})
}

// finish sends everything there is, and looks whether all of it is there.
func (h *harbour) finish(t *rapid.T) {
	_ = h.s.Commit()
	for _, s := range h.ships {
		h.sail(t, s, false)
	}
	for h.next < int64(len(h.stored)) {
		if len(h.ahead) > 0 && h.ahead[0].From == h.next {
			h.st.Jump(h.ahead[0].To)
			h.next, h.ahead = h.ahead[0].To, h.ahead[1:]
			continue
		}
		n := int64(len(h.stored)) - h.next
		if len(h.ahead) > 0 {
			n = min(n, h.ahead[0].From-h.next)
		}
		h.load(h.ships[0], n)
		h.sail(t, h.ships[0], false)
	}
	for i, n := range h.stored {
		if n == 0 || n > 1 && !h.trip {
			t.Fatalf("byte %d is there %d times", i, n)
		}
	}
	if off := h.st.Position(); off != int64(len(h.stored)) {
		t.Fatalf("position %d of %d", off, len(h.stored))
	}
	if c := h.st.Epoch().Counts; c.Pending() != 0 || c.Acked < int64(len(h.stored)) {
		t.Fatalf("counts %+v of %d", c, len(h.stored))
	}
	if n := h.s.Unresolved("to"); n != 0 {
		t.Fatalf("%d packs are unresolved", n)
	}
}

// Two who go on with copies of one state send what was left under the same number, and everything else under keys of their own.
func TestCopiedState(t *testing.T) {
	h := newHarbour(t)
	s := h.ships[0]
	h.stored = make([]int, 4)
	h.load(s, 4)
	key, seq := s.Number()
	kill(t, h.s)
	keys := map[string]bool{key: true}
	for range 2 {
		disk := newDisk()
		disk.names = maps.Clone(h.disk.names)
		copied := openOn(t, t.TempDir(), disk)
		l := copied.Lanes("to", "place", 3)[0]
		if k, n := l.Number(); !l.Open() || k != key || n != seq {
			t.Fatalf("%s %d, want %s %d", k, n, key, seq)
		}
		l.Done()
		if err := l.Begin(Pack{Content: [][]byte{[]byte("new")}}); err != nil {
			t.Fatal(err)
		}
		if k, n := l.Number(); keys[k] || n != 1 {
			t.Errorf("%s %d: a number was given away twice", k, n)
		} else {
			keys[k] = true
		}
		kill(t, copied)
	}
}
