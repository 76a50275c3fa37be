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
	return Head{Len: int32(len(content)), Sum: xxhash.Sum64(content)}
}
