package deadletter

import (
	"errors"
	"fmt"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// Config is the [dead_letter] table.
type Config struct {
	// Dir of the letters, relative to the state directory. Default "dead-letter".
	Dir string `toml:"dir"`
	// Max is how much disk the letters may take, at least 32MiB so that the largest one fits. Default "256MiB".
	Max units.Bytes `toml:"max"`
}

// minMax holds two letters of the largest kind: 10 MiB of LogGroup are 14 MiB in base64.
const minMax = 32 * units.MiB

// Default is the configuration of somebody who said nothing.
func Default() Config { return Config{Dir: "dead-letter", Max: 256 * units.MiB} }

// Validate returns every wrong setting as *invalid.Error.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, invalid.Key("dir", "is empty", `a directory; the default is "dead-letter" in the state directory`))
	}
	if c.Max < minMax {
		errs = append(errs, invalid.Key("max", fmt.Sprintf("%v is too small", c.Max), fmt.Sprintf("at least %v", minMax)))
	}
	return errors.Join(errs...)
}
