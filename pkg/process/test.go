package process

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"shipper/internal/invalid"
)

// Test is a [[test]] table: lines, and the logs that an input's format, multiline and steps must make of them. The daemon does not
// look at it; "shipper test" does.
type Test struct {
	// Name says what is tested, in any words. Default: its number.
	Name string `toml:"name"`
	// Input names the [input.NAME] whose settings are tested. Default: the only one there is.
	Input string `toml:"input"`
	// Lines are lines of a file: each element one, or several with line feeds between them. They are taken for the whole of a
	// file that has come to its end. An empty line makes no log.
	Lines []string `toml:"lines"`
	// At is when the lines are read, "2026-05-01T12:00:00Z": the time of logs that have none of their own, and what tells the year
	// of times without one. Default: now.
	At string `toml:"at"`
	// Logs are what must be sent, in this order, each a [[test.log]] table. None: every line must be dropped.
	Logs []TestLog `toml:"log"`
}

// TestLog is a [[test.log]] table: one log that must be sent.
type TestLog struct {
	// Fields are all the fields of the log: fields = { level = "error", msg = "disk full" }. One more or one less is a failure.
	Fields map[string]string `toml:"fields"`
	// Has are fields that the log must have, among others that do not matter. Write either this or fields.
	Has map[string]string `toml:"has"`
	// Lacks names fields that the log must not have: lacks = ["password"].
	Lacks []string `toml:"lacks"`
	// Time is the log's time, "2026-05-01T12:00:00.5+08:00". Default: any.
	Time string `toml:"time"`
}

// Validate returns an error for every wrong setting, joined. Logs are counted from 0: "log.0.time".
func (t Test) Validate() error {
	var errs []error
	if len(t.Lines) == 0 {
		errs = append(errs, invalid.Key("lines", "is missing", "for example lines = ['a line of the file']"))
	}
	errs = append(errs, moment("at", t.At))
	for i, l := range t.Logs {
		errs = append(errs, invalid.Under(fmt.Sprintf("log.%d", i), l.Validate()))
	}
	return errors.Join(errs...)
}

// Validate returns an error for every wrong setting, joined.
func (l TestLog) Validate() error {
	var errs []error
	switch {
	case l.Fields != nil && l.Has != nil:
		errs = append(errs, invalid.Key("has", "cannot stand beside fields", "fields are all there are, has is some of them"))
	case l.Fields != nil && l.Lacks != nil:
		errs = append(errs, invalid.Key("lacks", "cannot stand beside fields", "fields are all there are"))
	case l.Fields == nil && l.Has == nil && l.Lacks == nil && l.Time == "":
		errs = append(errs, invalid.Key("", "says nothing about the log", `for example fields = { content = "the line" }, or has, lacks, time`))
	}
	return errors.Join(append(errs, moment("time", l.Time))...)
}

// moment checks a time that somebody wrote out; "" is none.
func moment(key, text string) error {
	if text == "" {
		return nil
	}
	if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
		return invalid.Key(key, fmt.Sprintf("%q is not a time", text), `for example "2026-05-01T12:00:00+08:00"`)
	}
	return nil
}

// file is the lines one by one.
func (t Test) file() (lines []string) {
	for _, l := range t.Lines {
		for line := range strings.Lines(strings.TrimSuffix(l, "\n") + "\n") {
			lines = append(lines, strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
		}
	}
	return lines
}
