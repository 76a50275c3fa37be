package batch

import (
	"encoding/binary"
	"errors"

	"shipper/pkg/checkpoint"
)

// Claim is what a lane has to know of b to answer for it.
func (b *Batch) Claim() checkpoint.Claim {
	if b.claim != nil {
		return *b.claim
	}
	return b.stream.Claim(b.span)
}

// AppendState appends what Restore needs beside the group and the claim.
func (b *Batch) AppendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b.Path)))
	dst = append(dst, b.Path...)
	dst = binary.AppendUvarint(dst, b.Pack)
	dst = binary.AppendUvarint(dst, uint64(b.skipped))
	dst = binary.AppendUvarint(dst, uint64(b.Logs))
	for _, size := range b.Sizes {
		dst = binary.AppendUvarint(dst, uint64(size))
	}
	return dst
}

var errState = errors.New("the state of a batch cannot be read")

// Restore makes a batch again out of what an earlier run kept of it: its state, its group and its claim. It is on b's account like
// any other. group is copied.
func (b *Batcher) Restore(state, group []byte, claim checkpoint.Claim) (*Batch, error) {
	bad := false
	uint := func() uint64 {
		v, n := binary.Uvarint(state)
		if bad = bad || n <= 0; bad {
			return 0
		}
		state = state[n:]
		return v
	}
	n := uint()
	if bad || n > uint64(len(state)) {
		return nil, errState
	}
	path := string(state[:n])
	state = state[n:]
	pack, skipped, logs := uint(), uint(), uint()
	if bad || logs == 0 || logs > uint64(len(state)) {
		return nil, errState
	}
	buf := b.budget.pools.get(len(group))
	buf.data = append(buf.data, group...)
	var total int64
	for range logs {
		size := uint()
		buf.sizes = append(buf.sizes, uint32(size))
		total += int64(size)
	}
	body, whole := logsLen(group, int(logs))
	if bad || len(state) > 0 || !whole || total+int64(skipped) != claim.Range().Len() {
		b.budget.pools.put(buf)
		return nil, errState
	}
	now := b.now()
	mem := buf.mem()
	b.charge(mem)
	return &Batch{
		Target: b.target, Path: path, Stream: claim.Stream(), Range: claim.Range(), Pack: pack, Logs: int(logs), Sizes: buf.sizes,
		Opened: now, Sealed: now, claim: &claim, owner: b, buf: buf, body: body, skipped: int64(skipped), mem: mem,
	}, nil
}

// logsLen is the length of the first n logs of a group that comes from a disk; whole says that they are there.
func logsLen(group []byte, n int) (length int, whole bool) {
	for range n {
		if length >= len(group) || group[length] != tagLogs {
			return length, false
		}
		size, k := binary.Uvarint(group[length+1:])
		if k <= 0 || size > uint64(len(group)-length-1-k) {
			return length, false
		}
		length += 1 + k + int(size)
	}
	return length, true
}
