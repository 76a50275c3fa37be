package process

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// Formats of a file's lines.
const (
	Plain  = "plain"  // the line is the field content
	JSON   = "json"   // every member of the object becomes a field
	CRI    = "cri"    // "TIME stdout|stderr P|F text", as containerd and CRI-O write
	Docker = "docker" // {"log":"text\n","stream":"stdout","time":"..."}, the json-file driver
)

var formats = []string{Plain, JSON, CRI, Docker}

// Names of the fields that a format makes. The last two are the ones that the console shows for a container's output.
const (
	ContentKey = "content"  // the text of the line or event
	SourceKey  = "_source_" // cri, docker: stdout or stderr
	TimeKey    = "_time_"   // cri, docker: the time as it stands in the file
)

// Config is the part of an [input.NAME] table that says what its lines mean. The zero value leaves every line as it is.
type Config struct {
	// Format is what a line looks like: "plain" (the default; field content), "json" (every top-level member is a field, nested
	// values as JSON text; a line that is not an object is field content), "cri" or "docker" (fields content, _time_ and
	// _source_; the runtime's 16 KiB pieces are put together again; the log's time is the runtime's).
	Format string `toml:"format"`
	// Multiline joins lines to events. Without the table every line is a log. In containers stdout and stderr are joined apart.
	Multiline *Multiline `toml:"multiline"`
	// Steps run in order on every log, each an [[input.NAME.step]] table with exactly one verb.
	Steps []Step `toml:"step"`
}

// Default returns the settings of an input that says nothing: format "plain", no multiline, no steps.
func Default() Config { return Config{Format: Plain} }

// Multiline says which lines make one event; they are joined with a line feed. Set start, end or continue; start may be refined
// by continue.
type Multiline struct {
	// Start: an event begins at a line that matches, and every line up to the next such line belongs to it, empty ones too (but
	// at its end they are left out). Example: '^\d{4}-\d\d-\d\d'.
	Start string `toml:"start"`
	// Continue: a line that matches belongs to the event before it, any other line begins one. Example: '^\s'. With start, only
	// matching lines are added to an event; a line that matches neither is a log of its own.
	Continue string `toml:"continue"`
	// End: an event ends with a line that matches. Example: ';$', or '^$' for paragraphs.
	End string `toml:"end"`
	// Timeout sends an event that has got no further line for this long, because its end may not come. Default "5s".
	Timeout units.Duration `toml:"timeout"`
	// MaxLines cuts an event after so many lines. Default 500.
	MaxLines int `toml:"max_lines"`
	// MaxBytes cuts an event before it gets longer than this, unless a single line is. Default "512KiB", at most "8MiB". A
	// stream may hold so much in memory until the event's end is seen.
	MaxBytes units.Bytes `toml:"max_bytes"`
}

// DefaultMultiline returns what the keys of a [multiline] table are when they are left out.
func DefaultMultiline() Multiline {
	return Multiline{
		Timeout:  units.Duration(5 * time.Second),
		MaxLines: 500,             // the longest Java traces with causes stay below it
		MaxBytes: 512 * units.KiB, // as long as the longest line; two of them fill a batch
	}
}

// maxEvent leaves room for other fields in a request of 10 MiB.
const maxEvent = 8 * units.MiB

// Validate returns an error for every wrong setting, joined; each is an *invalid.Error whose key is relative to the input's
// table. Steps are counted from 0: "step.0.parse.pattern".
func (c Config) Validate() error {
	var errs []error
	if c.Format != "" && !slices.Contains(formats, c.Format) {
		errs = append(errs, invalid.Key("format", fmt.Sprintf("%q is not a format", c.Format), oneOf(formats)))
	}
	if c.Multiline != nil {
		errs = append(errs, invalid.Under("multiline", c.Multiline.Validate()))
	}
	for i, s := range c.Steps {
		errs = append(errs, invalid.Under(fmt.Sprintf("step.%d", i), s.Validate()))
	}
	return errors.Join(errs...)
}

// Validate returns an error for every wrong setting, joined.
func (m Multiline) Validate() error {
	var errs []error
	bad := func(key, reason, hint string) { errs = append(errs, invalid.Key(key, reason, hint)) }
	switch {
	case m.Start == "" && m.End == "" && m.Continue == "":
		bad("start", "is missing", "start = '^\\d{4}-' for lines that begin an event, or end, or continue")
	case m.Start != "" && m.End != "":
		bad("end", "cannot stand beside start", "an event is told by how it begins or by how it ends")
	case m.End != "" && m.Continue != "":
		bad("continue", "cannot stand beside end", "")
	}
	for _, re := range [][2]string{{"start", m.Start}, {"continue", m.Continue}, {"end", m.End}} {
		if re[1] != "" {
			_, err := compile(re[0], re[1])
			errs = append(errs, err)
		}
	}
	if m.Timeout < 0 {
		bad("timeout", m.Timeout.String()+" is negative", "")
	}
	if m.MaxLines < 0 {
		bad("max_lines", fmt.Sprintf("%d is negative", m.MaxLines), "")
	}
	if m.MaxBytes < 0 || m.MaxBytes > maxEvent {
		bad("max_bytes", m.MaxBytes.String()+" is too much for one log", "at most "+maxEvent.String())
	}
	return errors.Join(errs...)
}

// filled returns m with the defaults where nothing is set.
func (m Multiline) filled() Multiline {
	d := DefaultMultiline()
	if m.Timeout == 0 {
		m.Timeout = d.Timeout
	}
	if m.MaxLines == 0 {
		m.MaxLines = d.MaxLines
	}
	if m.MaxBytes == 0 {
		m.MaxBytes = d.MaxBytes
	}
	return m
}

func oneOf(names []string) string {
	return "one of " + strings.Join(names, ", ")
}
