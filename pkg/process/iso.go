package process

import "time"

// Times that a log may bear: after the first second of 1970, which is what a clock that was never set writes, and before the
// 32-bit seconds of the wire format end in 2106.
const (
	minTime = int64(time.Second)
	maxTime = (1<<32 - 1) * int64(time.Second)
)

// nanos returns t as a log's time; false if it is out of range.
func nanos(t time.Time) (int64, bool) {
	sec := t.Unix()
	if sec < minTime/int64(time.Second) || sec >= maxTime/int64(time.Second) {
		return 0, false
	}
	return sec*int64(time.Second) + int64(t.Nanosecond()), true
}

// parseISO reads the times of RFC 3339 and the usual forms of ISO 8601 without taking memory, in nanoseconds:
// 2006-01-02T15:04:05.999999999+08:00, with a blank or nothing for the T, with a comma before the fraction, with or without seconds,
// fraction and dashes and colons, and with Z, +08:00, +0800, +08 or nothing for the zone, which then is loc. strict wants
// exactly RFC 3339.
func parseISO(b []byte, loc *time.Location, strict bool) (int64, bool) {
	c := cursor{b: b, ok: true}
	year := c.digits(4)
	dashes := c.skip('-')
	month := c.digits(2)
	if dashes {
		c.want('-')
	}
	day := c.digits(2)
	if !c.skip('T') && !c.skip('t') && (strict || !c.skip(' ') && dashes) {
		return 0, false
	}
	hour := c.digits(2)
	colons := c.skip(':')
	minute := c.digits(2)
	second, nano := 0, 0
	if colons && c.skip(':') || !colons && c.digit() {
		second = c.digits(2)
		nano = c.fraction()
	} else if strict {
		return 0, false
	}
	if !strict {
		for c.skip(' ') {
		}
	}
	offset, zoned := c.zone(strict)
	if !c.ok || len(c.b) > 0 || strict && !(dashes && colons && zoned) || !validDate(year, month, day) || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	if zoned {
		loc = time.UTC
	}
	return nanos(time.Date(year, time.Month(month), day, hour, minute, second-offset, nano, loc))
}

func validDate(year, month, day int) bool {
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= 28 || time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() == day
}

// cursor reads a text from left to right; ok turns false at the first thing that does not fit.
type cursor struct {
	b  []byte
	ok bool
}

func (c *cursor) digit() bool { return len(c.b) > 0 && c.b[0]-'0' < 10 }

// digits reads exactly n digits.
func (c *cursor) digits(n int) (v int) {
	if len(c.b) < n {
		c.ok = false
		return 0
	}
	for range n {
		if !c.digit() {
			c.ok = false
			return 0
		}
		v = v*10 + int(c.b[0]-'0')
		c.b = c.b[1:]
	}
	return v
}

func (c *cursor) skip(ch byte) bool {
	if len(c.b) == 0 || c.b[0] != ch {
		return false
	}
	c.b = c.b[1:]
	return true
}

func (c *cursor) want(ch byte) { c.ok = c.skip(ch) && c.ok }

// fraction reads .123 or ,123 as nanoseconds; digits beyond the ninth do not count.
func (c *cursor) fraction() int {
	if !c.skip('.') && !c.skip(',') {
		return 0
	}
	if !c.digit() {
		c.ok = false
	}
	v, n := 0, 0
	for ; c.digit(); c.b = c.b[1:] {
		if n < 9 {
			v, n = v*10+int(c.b[0]-'0'), n+1
		}
	}
	for ; n < 9; n++ {
		v *= 10
	}
	return v
}

// zone reads Z or an offset and returns it in seconds east of UTC.
func (c *cursor) zone(strict bool) (offset int, found bool) {
	if c.skip('Z') || c.skip('z') {
		return 0, true
	}
	sign := 1
	switch {
	case c.skip('-'):
		sign = -1
	case c.skip('+'):
	default:
		return 0, false
	}
	h, m := c.digits(2), 0
	switch {
	case c.skip(':'):
		m = c.digits(2)
	case strict:
		c.ok = false
	case len(c.b) > 0:
		m = c.digits(2)
	}
	if h > 23 || m > 59 {
		c.ok = false
	}
	return sign * (h*3600 + m*60), true
}

// parseUnix reads a decimal number of units since 1970, of which there are perSecond in a second.
func parseUnix(b []byte, perSecond int64) (int64, bool) {
	c := cursor{b: b, ok: true}
	unit := int64(time.Second) / perSecond
	limit := maxTime / unit
	if !c.digit() {
		return 0, false
	}
	var v int64
	for ; c.digit(); c.b = c.b[1:] {
		if v > limit/10 { // ten times that has no room
			return 0, false
		}
		if v = v*10 + int64(c.b[0]-'0'); v >= limit {
			return 0, false
		}
	}
	ns := v*unit + int64(c.fraction())/perSecond
	return ns, c.ok && len(c.b) == 0 && ns >= minTime
}
