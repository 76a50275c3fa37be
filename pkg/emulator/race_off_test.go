//go:build !race

package emulator

// consumerShards is how many shards the consumer library reads.
const consumerShards = 2
