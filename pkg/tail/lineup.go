package tail

// lineup is the streams of one target that wait for a reader. Those that have just become dirty come before those that had a turn
// and are not at their end: a file with little waits for no backlog. They may get ahead of them by headStart; beyond that, both
// kinds get the same number of bytes. The mutex of the ring guards it.
//
// When the target refuses a stream, the line is shut until Wake: what it refuses one it refuses all, and asking for each of
// thousands costs more than what is sent in between. The refused stream keeps the line shut; if it goes, the next one asks.
type lineup struct {
	fresh, rest queue
	lead        int64 // bytes that the fresh got more than the rest while both had something
	woken       uint64
	keeper      *stream        // who was refused; nil: the line is open
	waiting     map[*input]int // streams of each input
}

// headStart is how many bytes the fresh may read before the rest has its turn.
const headStart = 1 << 20

func (l *lineup) n() int { return l.fresh.n + l.rest.n }

// come puts a stream that has become dirty at the end of the fresh.
func (l *lineup) come(s *stream) { l.put(s, &l.fresh, false) }

// comeAgain puts a stream that is not at its end behind the rest.
func (l *lineup) comeAgain(s *stream) { l.put(s, &l.rest, false) }

// comeFirst puts a stream whose turn was cut short where it came from.
func (l *lineup) comeFirst(s *stream) {
	if s.late {
		l.put(s, &l.rest, true)
	} else {
		l.put(s, &l.fresh, true)
	}
}

func (l *lineup) put(s *stream, q *queue, first bool) {
	s.late = q == &l.rest
	q.put(s, first)
	if l.waiting[s.in]++; l.waiting[s.in] == 1 && l.keeper != nil {
		s.in.pause.begin()
	}
}

// leave takes s out.
func (l *lineup) leave(s *stream) {
	if s.late {
		l.rest.remove(s)
	} else {
		l.fresh.remove(s)
	}
	if l.waiting[s.in]--; l.waiting[s.in] > 0 {
		return
	}
	delete(l.waiting, s.in)
	if l.keeper != nil {
		s.in.pause.end()
	}
}

// take takes out whose turn it is; nil if there is none, or the line is shut.
func (l *lineup) take() *stream {
	if l.keeper != nil {
		return nil
	}
	if l.fresh.n == 0 || l.rest.n == 0 {
		l.lead = 0
	}
	s := l.fresh.first
	if s == nil || l.rest.n > 0 && l.lead >= headStart {
		s = l.rest.first
	}
	if s != nil {
		l.leave(s)
	}
	return s
}

// count notes what s got in its turn.
func (l *lineup) count(s *stream) {
	n := s.off.Load() - s.from
	if s.late {
		n = -n
	}
	l.lead += n
}

// close shuts the line, because s was refused.
func (l *lineup) close(s *stream) {
	l.keeper = s
	for in := range l.waiting {
		in.pause.begin()
	}
}

func (l *lineup) open() {
	l.keeper = nil
	for in := range l.waiting {
		in.pause.end()
	}
}

// queue is a list of streams, linked in themselves so that any of them can be taken out.
type queue struct {
	first, last *stream
	n           int
}

func (q *queue) put(s *stream, first bool) {
	q.n++
	switch {
	case q.first == nil:
		q.first, q.last = s, s
	case first:
		s.behind, q.first.before, q.first = q.first, s, s
	default:
		s.before, q.last.behind, q.last = q.last, s, s
	}
}

func (q *queue) remove(s *stream) {
	q.n--
	if s.before != nil {
		s.before.behind = s.behind
	} else {
		q.first = s.behind
	}
	if s.behind != nil {
		s.behind.before = s.before
	} else {
		q.last = s.before
	}
	s.before, s.behind = nil, nil
}
