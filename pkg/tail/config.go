package tail

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// Config is what one [input.NAME] table says about files.
type Config struct {
	// Paths are the patterns of the files to read: *, ?, [a-z], ** over directories, {a,b}. Required.
	Paths []string `toml:"paths"`
	// Exclude are patterns that win over Paths. One that matches a directory keeps everything below it out.
	Exclude []string `toml:"exclude"`
	// StartAt is where a file begins that was there before the very first start: beginning, end, or a size before its
	// end ("64KiB"). Files that appear later begin at 0. Default beginning.
	StartAt string `toml:"start_at"`
	// Poll is how often a directory that cannot be watched is looked at. Default 1s.
	Poll units.Duration `toml:"poll"`
	// MaxLine is the longest line in bytes of the file, without its end; LongLine says what becomes of longer ones. Default 512KiB.
	MaxLine units.Bytes `toml:"max_line"`
	// LongLine is split (pieces), truncate (the first max_line bytes) or skip. Default split.
	LongLine string `toml:"long_line"`
	// Encoding of the files, by its WHATWG name; lines become UTF-8. A byte order mark wins. Default utf-8.
	Encoding string `toml:"encoding"`
	// IgnoreOlder leaves the present content of never-seen files out that were last written longer ago. 0 = off, the default.
	IgnoreOlder units.Duration `toml:"ignore_older"`
	// KeepTail says that a program cuts these files at their front and keeps their end, in place ("tail -n 1000 f > t; cat t > f", or
	// "fallocate --collapse-range"): reading goes on behind what was read. Without it such a file is read again from its beginning. Not
	// for files that copytruncate or their program empties. Default false.
	KeepTail bool `toml:"keep_tail"`
	// FlushPartial hands over a line without an end after the file was quiet for so long. 0, the default, waits for its
	// end, or for the file to be final.
	FlushPartial units.Duration `toml:"flush_partial"`
}

// Default returns the settings that hold where nothing is written.
func Default() Config {
	return Config{
		StartAt:  "beginning",
		Poll:     units.Duration(time.Second),
		MaxLine:  512 * units.KiB,
		LongLine: "split",
		Encoding: "utf-8",
	}
}

// Bounds of max_line: a piece must hold the longest character, and every reader may hold one line in memory.
const (
	minLine = 64
	maxLine = 64 << 20
)

// Validate reports everything that is wrong, as joined *invalid.Error.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, hint, format string, args ...any) {
		errs = append(errs, invalid.Key(key, fmt.Sprintf(format, args...), hint))
	}
	if len(c.Paths) == 0 {
		bad("paths", `for example ["/var/log/app/*.log"]`, "no path is given")
	}
	check := func(key string, patterns []string) {
		for _, p := range patterns {
			if strings.TrimSpace(p) == "" {
				bad(key, "", "a pattern is empty")
			} else if !doublestar.ValidatePattern(p) {
				bad(key, "look for an open [ or {", "%q is not a pattern", p)
			}
		}
	}
	check("paths", c.Paths)
	check("exclude", c.Exclude)
	if _, err := parseStart(c.StartAt); err != nil {
		bad("start_at", `"beginning", "end" or a size before the end such as "64KiB"`, "%v", err)
	}
	if c.Poll.D() < 10*time.Millisecond {
		bad("poll", `at least "10ms"`, "%s is too often", c.Poll)
	}
	if c.MaxLine < minLine || c.MaxLine > maxLine {
		bad("max_line", `from "64" to "64MiB"`, "%s is out of range", c.MaxLine)
	}
	if _, err := parseLong(c.LongLine); err != nil {
		bad("long_line", "split, truncate or skip", "%v", err)
	}
	if _, err := lookupCharset(c.Encoding); err != nil {
		bad("encoding", "utf-8, gbk, gb18030, utf-16le, utf-16be, big5 ...", "%v", err)
	}
	if c.IgnoreOlder < 0 {
		bad("ignore_older", "", "%s is negative", c.IgnoreOlder)
	}
	if c.FlushPartial < 0 {
		bad("flush_partial", "", "%s is negative", c.FlushPartial)
	}
	return errors.Join(errs...)
}

// start is a parsed StartAt: at the beginning, or so many bytes before the end.
type start struct {
	beginning bool
	before    int64
}

func parseStart(s string) (start, error) {
	switch s {
	case "beginning", "":
		return start{beginning: true}, nil
	case "end":
		return start{}, nil
	}
	n, err := units.ParseBytes(s)
	if err != nil {
		return start{}, fmt.Errorf("%q is no place to start", s)
	}
	return start{before: int64(n)}, nil
}

// policy says what becomes of a line that is longer than max_line.
type policy uint8

const (
	split policy = iota
	truncate
	skip
)

func parseLong(s string) (policy, error) {
	switch s {
	case "split", "":
		return split, nil
	case "truncate":
		return truncate, nil
	case "skip":
		return skip, nil
	}
	return 0, fmt.Errorf("%q is no way to treat long lines", s)
}
