package tail

// tendOrphan looks again for the content of an orphan, and gives up what was not read of it when the wait is over, or when
// all that is left is a copy that ends before.
func (t *Tailer) tendOrphan(s *stream) {
	if !s.givenUp {
		f, is := t.search(s)
		if is == moved {
			t.attach(s, f)
			return
		}
		complete := is == shorter && t.noWriter(f)
		if f != nil {
			t.dropUnused(f)
		}
		if !complete && !t.once && t.now().Sub(s.orphaned) < t.opts.FinalWait {
			return
		}
		t.giveUp(s)
	}
	if t.settled(s) {
		t.epochGone(s)
	}
}

// giveUp ends the reading of an orphan. What was seen of it and not read is lost.
func (t *Tailer) giveUp(s *stream) {
	from, to := s.off.Load(), max(s.seen.Load(), int64(s.head.Load().Len))
	if to > from {
		t.lose(s, from, to, LostTruncated)
	}
	s.givenUp, s.finish = true, true
	s.sink.Finish()
	t.events.await(s.id, true)
	t.ring.pass(s)
}

// lose gives up the bytes of a stream that cannot be read any more.
func (t *Tailer) lose(s *stream, from, to int64, reason string) {
	t.opts.Positions.Lose(s.id, to-from, reason)
	s.in.count.lost.Add(to - from)
	t.log.Warn("bytes were gone before they could be read", s.attrs(), "code", "SHP-T010", "offset", from,
		"bytes", to-from, "reason", reason)
}

// epochGone ends an orphan that is settled. The copy of it is recorded; until that is complete, the epoch stays for comparing.
func (t *Tailer) epochGone(s *stream) {
	s.epoch.Offset, s.epoch.Marker, s.epoch.Ahead = s.off.Load(), s.marker, nil
	t.over(s)
	s.epoch.Offset = max(s.epoch.Offset, s.seen.Load())
	if f, _ := t.search(s); f != nil && !t.settleCopy(f, s.epoch, s.in) {
		t.dropUnused(f)
		t.records[s.route] = append(t.records[s.route], &record{epoch: s.epoch, done: true, checked: t.now()})
		return
	}
	t.opts.Positions.End(s.id)
}
