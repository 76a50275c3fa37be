package process

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the host needs none
)

func TestTimes(t *testing.T) {
	for _, tt := range []struct{ layout, zone, text, want string }{ // want "" = refused
		{"rfc3339", "", "2024-05-01T12:00:00.123456789+08:00", "2024-05-01T04:00:00.123456789Z"},
		{"rfc3339", "", "2024-02-29t23:59:60z", "2024-03-01T00:00:00Z"},
		{"rfc3339", "", "2024-05-01 13:00:00Z", ""},
		{"rfc3339", "", "2024-05-01T12:00:00", ""},
		{"rfc3339", "", "2023-02-29T12:00:00Z", ""},
		{"rfc3339", "", "2024-05-01T24:00:00Z", ""},
		{"rfc3339", "", "2024-05-01T12:00:00Zjunk", ""},
		{"rfc3339", "", "1969-12-31T23:59:59Z", ""},
		{"rfc3339", "", "1970-01-01T00:00:00Z", ""},
		{"rfc3339", "", "2106-02-07T06:28:15Z", ""},
		{"rfc3339", "", "2106-02-07T06:28:14Z", "2106-02-07T06:28:14Z"},
		{"rfc3339", "", "9999-12-31T23:59:59Z", ""},
		{"rfc3339", "", "0001-01-01T00:00:00Z", ""},
		{"iso8601", "UTC", "2024-05-01 12:00:00,5", "2024-05-01T12:00:00.5Z"},
		{"iso8601", "Asia/Shanghai", "2024-05-01T12:00", "2024-05-01T04:00:00Z"},
		{"iso8601", "", "20240501T120000+0530", "2024-05-01T06:30:00Z"},
		{"iso8601", "", "2024-05-01 12:00:00 -07", "2024-05-01T19:00:00Z"},
		{"iso8601", "", "2024-05-01", ""},
		{"iso8601", "", "2024-05-01T12:00:00+99:00", ""},
		// Daylight saving is that of each time: Berlin is an hour further in summer.
		{"iso8601", "Europe/Berlin", "2024-01-15 12:00:00", "2024-01-15T11:00:00Z"},
		{"iso8601", "Europe/Berlin", "2024-07-15 12:00:00", "2024-07-15T10:00:00Z"},
		{"2006-01-02 15:04:05", "Europe/Berlin", "2024-07-15 12:00:00", "2024-07-15T10:00:00Z"},
		{"%Y-%m-%d %H:%M:%S", "Europe/Berlin", "2024-01-15 12:00:00", "2024-01-15T11:00:00Z"},
		{"%d/%b/%Y:%H:%M:%S %z", "", "01/May/2024:12:00:00 +0800", "2024-05-01T04:00:00Z"},
		{"02/Jan/2006:15:04:05 -0700", "", "01/May/2024:12:00:00 -0200", "2024-05-01T14:00:00Z"},
		{"2006-01-02 15:04:05", "UTC", "2024-05-01 12:00:00.25", "2024-05-01T12:00:00.25Z"},
		{"%Y-%m-%d %H:%M:%S.%f", "UTC", "2024-05-01 12:00:00.25", "2024-05-01T12:00:00.25Z"},
		{"2006-01-02 15:04:05 MST", "America/New_York", "2024-05-01 12:00:00 EDT", "2024-05-01T16:00:00Z"},
		{"2006-01-02 15:04:05 MST", "America/New_York", "2024-05-01 12:00:00 CST", ""}, // whose?
		{"%Y-%m-%d %H:%M:%S %Z", "UTC", "2024-05-01 12:00:00 CST", ""},
		{"%Y-%m-%d %H:%M:%S %Z", "", "2024-05-01 13:00:00 UTC", "2024-05-01T13:00:00Z"},
		// Without a year: the latest that is not in the future of noon, 1 May 2024.
		{"Jan _2 15:04:05", "UTC", "Apr 30 23:00:00", "2024-04-30T23:00:00Z"},
		{"Jan _2 15:04:05", "UTC", "May  2 11:00:00", "2024-05-02T11:00:00Z"},
		{"Jan _2 15:04:05", "UTC", "Dec 31 23:59:59", "2023-12-31T23:59:59Z"},
		{"%b %e %H:%M:%S", "UTC", "Dec 31 23:59:59", "2023-12-31T23:59:59Z"},
		{"%b %e %H:%M:%S", "UTC", "Feb 29 00:00:00", "2024-02-29T00:00:00Z"},
		{"Jan _2 15:04:05", "Asia/Shanghai", "May  1 19:00:00", "2024-05-01T11:00:00Z"},
		{"unix", "", "1714557600", "2024-05-01T10:00:00Z"},
		{"unix", "", "1714557600.000000001", "2024-05-01T10:00:00.000000001Z"},
		{"unix", "", "1714557600.", ""},
		{"unix", "", "-1", ""},
		{"unix", "", "0", ""},
		{"unix", "", "4294967295", ""},
		{"unix", "", "99999999999999999999999999", ""},
		{"unix_ms", "", " 1714557600123 ", "2024-05-01T10:00:00.123Z"},
		{"unix_ms", "", "1714557600123.5", "2024-05-01T10:00:00.1235Z"},
		{"unix_us", "", "1714557600123456", "2024-05-01T10:00:00.123456Z"},
		{"unix_ns", "", "1714557600123456789", "2024-05-01T10:00:00.123456789Z"},
		{"unix_ns", "", "1e18", ""},
		{"unix_ns", "", "40000000000000000000", ""}, // modulo 2^64 that is in 2068
	} {
		loc, err := location(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reader(tt.layout, loc); err != nil {
			t.Errorf("%s: %v", tt.layout, err)
			continue
		}
		want, note := "content="+tt.text, ""
		if tt.want != "" {
			want = tt.want + " " + want
		} else {
			note = "not a time of this layout between 1970 and 2106"
		}
		if got, n := apply(t, tt.text, Step{Time: &Time{Key: ContentKey, Layout: tt.layout, Zone: tt.zone}}); got != want || n != note {
			t.Errorf("%s %s: got %q (%s), want %q", tt.layout, tt.zone, got, n, want)
		}
	}
}

func TestLayoutsThatCannotBeRight(t *testing.T) {
	for layout, want := range map[string]string{
		"15:04:05":            "has no date in it",
		"02 15:04:05":         "has no month",
		"%d %H:%M:%S":         "has no month",
		"Jan 2006 15:04":      "has no day",
		"2006-01-02 03:04:05": "PM",
		"%Y-%m-%d %I:%M:%S":   "%p",
		"2006-01-02 04:05":    "has no hour",
		"2006-01-02 15:01:05": "has no minute",
		"%Y-%m-%d %H:%m:%S":   "has no minute",
	} {
		_, err := reader(layout, time.UTC)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", layout, err, want)
		}
	}
	for _, layout := range []string{"2006-01-02", "%d/%m/%y", "2006-01-02 03:04:05 PM", "%Y-%m-%d %I:%M %p", "2006-002 15:04", "%s", "%Y-%m-%d %H"} {
		if _, err := reader(layout, time.UTC); err != nil {
			t.Errorf("%s: %v", layout, err)
		}
	}
}

// The same texts mean the same to our reader as to the standard library's.
func TestISOAgainstStandard(t *testing.T) {
	for i := range 100_000 {
		want := time.Unix(int64(i)*42949, int64(i)*9999).In(time.FixedZone("", (i%27-13)*1800))
		got, ok := parseISO([]byte(want.Format(time.RFC3339Nano)), time.UTC, true)
		if ok != (i > 0) || ok && got != want.UnixNano() {
			t.Fatalf("%s: got %d, %v", want.Format(time.RFC3339Nano), got, ok)
		}
	}
}
