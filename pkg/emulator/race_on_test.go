//go:build race

package emulator

// consumerShards is one with the race detector: the SDK's client sets its timeouts lazily from each shard's goroutine.
const consumerShards = 1
