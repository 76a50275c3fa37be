//go:build race

package process

// raceOn: the race detector empties pools at random, so allocations cannot be counted.
const raceOn = true
