package batch

import (
	"errors"
	"fmt"
	"time"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// MaxGroup is the most raw bytes that the service takes in one LogGroup (help: PutLogs, 10 MB).
const MaxGroup = 10 << 20

const minGroup = 4 << 10 // topic, source and tags of a group should not be most of it

// Config is the table [target.NAME.batch].
type Config struct {
	// MaxBytes is the size of a LogGroup before compression, up to 10MiB. Default 1MiB: large enough for compression
	// to be good and requests to be few, small enough for in_flight of them to fit max_memory. A
	// batch takes no more than 1/28 of what max_memory is for each target: "4MiB" needs a max_memory of "107MiB".
	MaxBytes units.Bytes `toml:"max_bytes"`
	// MaxLogs is the number of logs in a LogGroup. Default 4096, what the service once enforced.
	MaxLogs int `toml:"max_logs"`
	// MaxDelay is how long a line waits for others. Default 1s.
	MaxDelay units.Duration `toml:"max_delay"`
	// InFlight is the upper bound of requests under way at once for this target. Default 8.
	InFlight int `toml:"in_flight"`
}

// Default returns the settings of a target that sets none.
func Default() Config {
	return Config{MaxBytes: units.MiB, MaxLogs: 4096, MaxDelay: units.Duration(time.Second), InFlight: 8}
}

// Validate returns every wrong setting, joined.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, key string, value any, hint string) {
		if !ok {
			errs = append(errs, invalid.Key(key, fmt.Sprintf("%v is out of range", value), hint))
		}
	}
	check(c.MaxBytes >= minGroup && c.MaxBytes <= MaxGroup, "max_bytes", c.MaxBytes, "from 4KiB to 10MiB")
	check(c.MaxLogs >= 1 && c.MaxLogs <= 1<<20, "max_logs", c.MaxLogs, "from 1 to 1048576")
	check(c.MaxDelay.D() >= time.Millisecond && c.MaxDelay.D() <= time.Hour, "max_delay", c.MaxDelay, "from 1ms to 1h")
	check(c.InFlight >= 1 && c.InFlight <= 512, "in_flight", c.InFlight, "from 1 to 512")
	return errors.Join(errs...)
}
