package tail

import "github.com/cespare/xxhash/v2"

// MarkerOf hashes window, the bytes that end at an offset; only the last MarkerMax of them count.
func MarkerOf(window []byte) Marker {
	if len(window) > MarkerMax {
		window = window[len(window)-MarkerMax:]
	}
	if len(window) == 0 {
		return Marker{}
	}
	return Marker{Len: uint16(len(window)), Sum: xxhash.Sum64(window)}
}

// HeadOf hashes the first bytes of a content; at most HeadMax of them count.
func HeadOf(content []byte) Head {
	content = content[:min(len(content), HeadMax)]
	if len(content) == 0 {
		return Head{}
	}
	h := Head{Len: int32(len(content)), Sum: xxhash.Sum64(content)}
	for i := range h.Steps {
		if n := firstStep << i; n <= len(content) {
			h.Steps[i] = uint32(xxhash.Sum64(content[:n]))
		}
	}
	return h
}

// firstStep is the shortest beginning that a Head knows, in bytes; each of the others is twice as long as the one before.
const firstStep = 16

// Same reports whether first, which a content begins with, is what h was made of.
func (h Head) Same(first []byte) bool {
	return h.Len == 0 || int(h.Len) <= len(first) && xxhash.Sum64(first[:h.Len]) == h.Sum
}

// in returns h as it shows in a copy that begins with first: it may have been made when there was less than h covers.
func (h Head) in(first []byte) Head {
	if len(first) < int(h.Len) && h.begins(first) {
		return HeadOf(first)
	}
	return h
}

// shortest returns how many of the first bytes, at most limit, h can tell.
func (h Head) shortest(limit int) int {
	if int(h.Len) <= limit {
		return int(h.Len)
	}
	n := firstStep
	for 2*n <= limit && 2*n <= int(h.Len) {
		n *= 2
	}
	return n
}

// starts reports whether a content that begins with first, as many bytes as shortest has said, can be that of h.
func (h Head) starts(first []byte) bool {
	for i, sum := range h.Steps {
		if firstStep<<i == len(first) && len(first) < int(h.Len) {
			return sum == uint32(xxhash.Sum64(first))
		}
	}
	return len(first) < int(h.Len) || h.Same(first)
}

// begins reports whether first, the first HeadMax bytes of a content or all of it, is what the content of h begins with, as far as
// h can tell. It cannot where that is less than half of first: a header that many contents share may be as long.
func (h Head) begins(first []byte) bool {
	if n := int(h.Len); n <= len(first) {
		return n >= firstStep && 2*n >= len(first) && h.Same(first)
	}
	for i := HeadSteps - 1; i >= 0; i-- {
		if n := firstStep << i; n <= len(first) {
			return h.Steps[i] == uint32(xxhash.Sum64(first[:n]))
		}
	}
	return false
}
