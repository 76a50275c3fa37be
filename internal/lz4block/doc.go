// Package lz4block writes LZ4 blocks, the encoding of most bodies. Most of the processor time of a host that writes a lot goes there.
//
// On log lines it is as fast to 1.6 times as fast as the fastest encoder of pierrec/lz4, and its blocks are as large: figures stand in
// docs/performance.md. Log text is short matches with a few other bytes between them. What costs there is not the work but branches
// that a processor cannot foresee, about four for each match; here there are about two.
//
// It promises blocks that any decoder takes, the same block for the same input, and none larger than Bound. It knows the block
// format alone (lz4_Block_format.md of github.com/lz4/lz4): frames it does not make, and decoding is the library's.
package lz4block
