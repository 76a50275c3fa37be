package main

import (
	"fmt"
	"time"

	"shipper/pkg/admin"
)

// targetFigure picks a figure of a target out of a Status.
func targetFigure(name string, figure func(*admin.TargetStatus) int64) func(*admin.Status) (int64, bool) {
	return func(s *admin.Status) (int64, bool) {
		for i := range s.Targets {
			if s.Targets[i].Name == name {
				return figure(&s.Targets[i]), true
			}
		}
		return 0, false
	}
}

// fileFigure picks what was read of a stream out of a Status.
func fileFigure(input, target string, epoch uint64) func(*admin.Status) (int64, bool) {
	return func(s *admin.Status) (int64, bool) {
		for _, in := range s.Inputs {
			if in.Name != input || in.Target != target {
				continue
			}
			for i := range in.Files {
				if in.Files[i].Epoch == epoch {
					return in.Files[i].Read, true
				}
			}
		}
		return 0, false
	}
}

// lagOf is how many bytes of all files a target does not have yet, and how long the oldest has waited, in seconds.
func lagOf(s *admin.Status, target string) (bytes int64, oldest float64) {
	for _, in := range s.Inputs {
		if in.Target != target {
			continue
		}
		for _, f := range in.Files {
			bytes += f.LagBytes
			oldest = max(oldest, f.LagSeconds)
		}
	}
	return bytes, oldest
}

// lateAfter is the lag that is marked: a busy target has some seconds.
const lateAfter = 60

func lagCell(seconds float64) cell {
	c := cell{text: "-"}
	if seconds >= 1 {
		c.text = shortTime(time.Duration(seconds * float64(time.Second)))
	}
	if seconds > lateAfter {
		c.colour = colourYellow
	}
	return c
}

func tokenCell(expires *time.Time, now time.Time) cell {
	if expires == nil {
		return cell{text: "-"}
	}
	left := expires.Sub(now)
	switch {
	case left <= 0:
		return cell{"expired", colourRed}
	case left < 5*time.Minute:
		return cell{shortTime(left), colourYellow}
	}
	return cell{text: shortTime(left)}
}

func since(at *time.Time, now time.Time) string {
	if at == nil {
		return "-"
	}
	return shortTime(max(0, now.Sub(*at)))
}

// shortTime is a duration in its largest unit.
func shortTime(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func perSecond(rate float64) string {
	switch {
	case rate < 0:
		return "-"
	case rate > 0 && rate < 10:
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// byteRate is in millions, as links and disks are sold.
func byteRate(rate float64) string {
	switch {
	case rate < 0:
		return "-"
	case rate < 1:
		return "0"
	case rate < 1e3:
		return fmt.Sprintf("%.0f B", rate)
	case rate < 1e6:
		return fmt.Sprintf("%.1f kB", rate/1e3)
	}
	return fmt.Sprintf("%.1f MB", rate/1e6)
}
