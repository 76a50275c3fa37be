package producer

import (
	"maps"
	"slices"
)

// Add returns s with the counts of a predecessor added; everything else is that of s.
func (s Stats) Add(before Stats) Stats {
	s.AckedLogs += before.AckedLogs
	s.AckedBytes += before.AckedBytes
	s.DeadLogs += before.DeadLogs
	s.Mended += before.Mended
	s.SentRaw += before.SentRaw
	s.SentCompressed += before.SentCompressed
	s.RepeatsPossible += before.RepeatsPossible
	s.Resent += before.Resent
	s.AlreadyStored += before.AlreadyStored
	s.CredentialsRejected += before.CredentialsRejected
	s.Dead = sum(s.Dead, before.Dead)
	s.Requests = sum(s.Requests, before.Requests)
	s.Durations = s.Durations.add(before.Durations)
	if s.LastAck.IsZero() {
		s.LastAck = before.LastAck
	}
	return s
}

func (h Histogram) add(before Histogram) Histogram {
	if before.Bounds == nil {
		return h
	}
	if h.Bounds == nil {
		return before
	}
	h.Counts = slices.Clone(h.Counts)
	for i := range h.Counts {
		h.Counts[i] += before.Counts[i]
	}
	h.Count += before.Count
	h.Sum += before.Sum
	return h
}

func sum[K comparable](a, b map[K]int64) map[K]int64 {
	out := maps.Clone(a)
	if out == nil {
		out = map[K]int64{}
	}
	for k, n := range b {
		out[k] += n
	}
	return out
}
