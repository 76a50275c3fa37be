package process

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/itchyny/timefmt-go"

	"shipper/internal/invalid"
)

// timeStep is the time step. Every layout is a function from text to nanoseconds.
type timeStep struct {
	key  string
	read func(text []byte, now time.Time) (int64, bool) // now: for what the text leaves out
}

func (t *Time) build() (verb, error) {
	loc, errZone := location(t.Zone)
	read, errLayout := reader(t.Layout, loc)
	var errKey error
	if t.Key == "" {
		errKey = invalid.Key("key", "is missing", "the field that holds the time")
	}
	if err := errors.Join(errKey, errLayout, errZone); err != nil {
		return nil, err
	}
	return &timeStep{key: t.Key, read: read}, nil
}

func (t *timeStep) apply(s *scratch) outcome {
	i := s.find(t.key)
	if i < 0 {
		return outcome{missing, "no field " + t.key}
	}
	ns, ok := t.read(bytes.TrimSpace(s.fields[i].Value), s.read)
	if !ok {
		return outcome{failed, "not a time of this layout between 1970 and 2106"}
	}
	s.time = ns
	return outcome{}
}

func location(name string) (*time.Location, error) {
	if name == "" {
		return time.Local, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, invalid.Key("zone", fmt.Sprintf("%q is not a time zone", name), `"Asia/Shanghai", "UTC" or "Local"`)
	}
	return loc, nil
}

// reader makes the function of a layout.
func reader(layout string, loc *time.Location) (func([]byte, time.Time) (int64, bool), error) {
	units := map[string]int64{"unix": 1, "unix_ms": 1e3, "unix_us": 1e6, "unix_ns": 1e9}
	switch layout {
	case "":
		return nil, invalid.Key("layout", "is missing", `"rfc3339", "unix", "%Y-%m-%d %H:%M:%S" or "2006-01-02 15:04:05"`)
	case "rfc3339", "iso8601":
		strict := layout == "rfc3339"
		return func(b []byte, _ time.Time) (int64, bool) { return parseISO(b, loc, strict) }, nil
	case "unix", "unix_ms", "unix_us", "unix_ns":
		per := units[layout]
		return func(b []byte, _ time.Time) (int64, bool) { return parseUnix(b, per) }, nil
	}
	l := clock{layout: layout, loc: loc, parse: time.ParseInLocation, format: time.Time.Format}
	if strings.Contains(layout, "%") {
		l.parse = func(layout, s string, loc *time.Location) (time.Time, error) {
			return timefmt.ParseInLocation(s, layout, loc)
		}
		l.format = timefmt.Format
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return l.read, nil
}

// clock reads a Go or strftime layout.
type clock struct {
	layout string
	loc    *time.Location
	parse  func(layout, s string, loc *time.Location) (time.Time, error)
	format func(t time.Time, layout string) string
	year   string // what a year is in this kind of layout, if the layout itself has none
}

// check finds out what the layout has by using it.
func (l *clock) check() error {
	probe := time.Date(2024, 2, 5, 22, 20, 30, 0, time.UTC)
	text := l.format(probe, l.layout)
	if text == l.format(probe.AddDate(0, 0, 35), l.layout) { // another day and month on the same weekday
		return invalid.Key("layout", fmt.Sprintf("%q has no date in it", l.layout), `"2006-01-02 15:04:05" or "%Y-%m-%d %H:%M:%S"; if the lines have none, leave the step out: the time is that of reading`)
	}
	t, err := l.parse(l.layout, text, time.UTC)
	if err != nil {
		return invalid.Key("layout", fmt.Sprintf("%q cannot be read back: %v", l.layout, err), "")
	}
	if lacks, hint := l.lacks(probe, t); lacks != "" {
		return invalid.Key("layout", fmt.Sprintf("%q has no %s in it", l.layout, lacks), hint)
	}
	if y := t.Year(); y == 0 || y == 1900 {
		l.year = "2006 "
		if strings.Contains(l.layout, "%") {
			l.year = "%Y "
		}
	}
	return nil
}

// lacks names what t has lost of the time that it was made of. Smaller units may be missing, but nothing in between.
func (l *clock) lacks(want, t time.Time) (what, hint string) {
	switch {
	case t.Month() != want.Month():
		return "month", "01 or Jan in a Go layout, %m or %b in a strftime layout"
	case t.Day() != want.Day():
		return "day", "02 in a Go layout, %d in a strftime layout"
	case t.Hour() == want.Hour()-12:
		return "AM or PM", "15 in a Go layout and %H in a strftime layout are hours of 24; with 03 and %I write PM and %p"
	case t.Hour() == 0 && (t.Minute() != 0 || t.Second() != 0):
		return "hour", "15 in a Go layout, %H in a strftime layout"
	case t.Minute() == 0 && t.Second() != 0:
		return "minute", "04 in a Go layout, %M in a strftime layout"
	}
	return "", ""
}

func (l *clock) read(b []byte, now time.Time) (int64, bool) {
	if l.year != "" {
		return l.guess(string(b), now)
	}
	t, err := l.parse(l.layout, string(b), l.loc)
	if err != nil || l.fabricated(t) {
		return 0, false
	}
	return nanos(t)
}

// guess gives a time without a year the latest year that leads to a day which that year has (29 February) and not to more than a
// day after now.
func (l *clock) guess(text string, now time.Time) (int64, bool) {
	const leap = "2000 "
	t, err := l.parse(l.year+l.layout, leap+text, l.loc)
	if err != nil || l.fabricated(t) {
		return 0, false
	}
	h, m, s := t.Clock()
	last := now.AddDate(0, 0, 1)
	for year := last.Year() + 1; year > last.Year()-9; year-- { // leap years may be eight years apart
		g := time.Date(year, t.Month(), t.Day(), h, m, s, t.Nanosecond(), t.Location())
		if g.Day() == t.Day() && !g.After(last) {
			return nanos(g)
		}
	}
	return 0, false
}

// fabricated tells that t was written with a zone's short name which the location does not know (CST has four meanings). The
// libraries take such a name for UTC, which would be hours off.
func (l *clock) fabricated(t time.Time) bool {
	if strings.Contains(l.layout, "07") || strings.Contains(l.layout, "z") {
		return false // the offset was written in numbers
	}
	name, offset := t.Zone()
	return offset == 0 && t.Location() != l.loc && name != "" && name != "UTC" && name != "GMT" && name != "Z"
}
