//go:build !race

package emulator

const underRace = false
