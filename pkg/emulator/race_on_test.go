//go:build race

package emulator

// underRace tells tests of libraries that race with themselves to stay away.
const underRace = true
