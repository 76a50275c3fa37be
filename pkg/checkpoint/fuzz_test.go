package checkpoint

import (
	"testing"

	"shipper/pkg/tail"
)

// FuzzReplay opens directories with arbitrary files. It may refuse a newer version, and nothing else; and rubbish behind a good
// prefix takes nothing from it.
func FuzzReplay(f *testing.F) {
	h := header{version: formatVersion, store: storeID{1}, gen: 3, last: 4}
	journal := appendHeader(nil, h)
	e := tail.Epoch{ID: 5, Route: tail.Route{Input: "in", Target: "to"}, Path: "/f", Identity: tail.Identity{Handle: "h"}}
	journal = appendEpoch(journal, &e)
	journal = appendAck(journal, 5, &progress{offset: 10, counts: tail.Counts{Acked: 13}, ahead: []ahead{{r: tail.Range{From: 12, To: 15}}}})
	h.snapshot = true
	snap := appendComplete(appendAck(appendEpoch(appendHeader(nil, h), &e), 5, &progress{offset: 7}))
	f.Add(snap, journal)
	f.Add(snap[:30], journal[:50])
	f.Add([]byte{}, appendEnd(journal, 5))
	dir := f.TempDir() // for the lock alone
	f.Fuzz(func(t *testing.T, snapData, journalData []byte) {
		d := newDisk()
		d.names["snap.3"] = &node{data: snapData}
		d.names["journal.3"] = &node{data: journalData}
		d.names["journal.2"] = &node{data: append(append([]byte{}, journal...), journalData...)}
		st := newState()
		_, newer := st.load("snap.3", true, snapData)
		s, err := Open(dir, Options{files: func(string) (files, error) { return d, nil }})
		if err != nil {
			if newer == nil {
				// The version may also be in one of the journals.
				if _, newer = newState().load("", false, journalData); newer == nil {
					if _, newer = newState().load("", false, d.names["journal.2"].data); newer == nil {
						t.Fatal(err)
					}
				}
			}
			return
		}
		defer func() { kill(t, s) }()
		if s.Trouble() != nil {
			t.Fatal(s.Trouble())
		}
		for _, e := range s.Epochs() {
			if e.Offset < 0 || e.Counts.Pending() != 0 || e.ID > s.last {
				t.Fatalf("%+v", e)
			}
			last := e.Offset
			for _, r := range e.Ahead {
				if r.From <= last || r.To <= r.From {
					t.Fatalf("%+v", e)
				}
				last = r.To
			}
		}
		// The state is a good one from here on: it survives as it is.
		kill(t, s)
		again := openOn(t, dir, d)
		if a, b := s.Epochs(), again.Epochs(); len(a) != len(b) || again.Recovered() != nil || again.ID() != s.ID() {
			t.Fatalf("%+v, then %+v, %q", a, b, again.Recovered())
		}
		s = again
	})
}

// FuzzPrefix puts arbitrary bytes behind a good journal.
func FuzzPrefix(f *testing.F) {
	h := header{version: formatVersion, store: storeID{1}, gen: 3}
	good := appendEpoch(appendHeader(nil, h), &tail.Epoch{ID: 5, Path: "/f"})
	good = appendAck(good, 5, &progress{offset: 10})
	f.Add([]byte("rubbish"))
	f.Add(make([]byte, 100))
	f.Add(appendFrame(nil, kindAck, func(b []byte) []byte { return append(b, 5) }))
	f.Fuzz(func(t *testing.T, rest []byte) {
		st := newState()
		l, _ := st.load("journal.3", false, append(append([]byte{}, good...), rest...))
		if l.good < len(good) {
			t.Fatalf("%+v", l)
		}
		if e := st.streams[5]; l.good == len(good) && (e == nil || e.done.offset != 10 || e.meta.Path != "/f") {
			t.Fatalf("%+v", e)
		}
	})
}
