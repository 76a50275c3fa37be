package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"shipper/pkg/admin"
	"shipper/pkg/creds"
	"shipper/pkg/producer"
	"shipper/pkg/tail"
)

// perFile is how many files get a metric of their own: the ones furthest behind. A host with ten thousand files must not
// make ten thousand series.
const perFile = 50

// sheet collects samples of the table in pkg/admin.
type sheet []admin.Sample

func (m *sheet) add(name string, v float64, labels ...string) {
	*m = append(*m, admin.Sample{Name: name, Labels: labels, Value: v})
}

// metrics makes the samples of the table in pkg/admin.
func (d *Daemon) metrics(s *admin.Status, c counts) []admin.Sample {
	var m sheet
	m.add("shipper_build_info", 1, d.opt.Version, revision(), runtime.Version())
	m.add("shipper_ready", flag(s.Ready))
	m.add("shipper_state_ok", flag(d.store.Trouble() == nil))
	m.add("shipper_buffer_bytes", float64(s.Memory.Used))
	m.add("shipper_buffer_limit_bytes", float64(s.Memory.Limit))
	m.add("shipper_config_hash", 1, s.Config.Hash)
	m.add("shipper_config_last_reload_successful", flag(s.Config.Error == ""))
	m.add("shipper_config_last_reload_success_timestamp_seconds", float64(s.Config.LoadedAt.Unix()))
	letters := d.dead.Stats()
	m.add("shipper_dead_letter_bytes", float64(letters.Bytes))
	m.add("shipper_dead_letters_dropped_total", float64(letters.Dropped))
	m.reading(d.tailer.Stats())
	m.lags(s)
	m.ledger(d)
	for input, steps := range c.steps {
		for step, n := range steps {
			m.add("shipper_parse_errors_total", float64(n), input, step)
		}
	}
	for name, p := range c.senders {
		m.sending(name, p)
		m.identity(name, p, c.sources[name])
	}
	return m
}

// sending is what a target's producer tells.
func (m *sheet) sending(target string, p producer.Stats) {
	m.add("shipper_target_up", flag(p.Up), target)
	for code, n := range p.Dead {
		m.add("shipper_dead_letter_logs_total", float64(n), target, code)
	}
	for result, n := range p.Requests {
		m.add("shipper_requests_total", float64(n), target, string(result))
	}
	h := p.Durations
	*m = append(*m, admin.Sample{Name: "shipper_request_duration_seconds", Labels: []string{target},
		Histogram: &admin.Buckets{Bounds: h.Bounds, Counts: h.Counts, Count: h.Count, Sum: h.Sum}})
	m.add("shipper_sent_bytes_total", float64(p.SentRaw), target, "raw")
	m.add("shipper_sent_bytes_total", float64(p.SentCompressed), target, "compressed")
	m.add("shipper_in_flight_requests", float64(p.InFlight), target)
	m.add("shipper_in_flight_limit", float64(p.InFlightLimit), target)
	m.add("shipper_mended_logs_total", float64(p.Mended), target)
	m.add("shipper_resent_requests_total", float64(p.Resent), target)
	m.add("shipper_already_stored_requests_total", float64(p.AlreadyStored), target)
	m.add("shipper_possible_repeats_total", float64(p.RepeatsPossible), target)
	m.add("shipper_clock_skew_seconds", p.ClockOffset.Seconds(), target, "log")
}

// identity is what a target's credentials tell.
func (m *sheet) identity(target string, p producer.Stats, c creds.Status) {
	if !c.Expires.IsZero() {
		m.add("shipper_credentials_expiry_timestamp_seconds", float64(c.Expires.Unix()), target)
	}
	if c.Life > 0 {
		m.add("shipper_credentials_lifetime_seconds", c.Life.Seconds(), target)
	}
	if c.Took > 0 {
		m.add("shipper_credentials_refresh_duration_seconds", c.Took.Seconds(), target)
	}
	if c.Skew != 0 { // otherwise nobody was asked yet
		m.add("shipper_clock_skew_seconds", c.Skew.Seconds(), target, "sts")
	}
	m.add("shipper_credentials_refreshes_total", float64(c.Refreshes), target, "ok")
	m.add("shipper_credentials_refreshes_total", float64(c.Failures), target, "failed")
	m.add("shipper_credentials_rejected_requests_total", float64(p.CredentialsRejected), target)
}

// reading is what the tailer tells.
func (m *sheet) reading(ts tail.Stats) {
	for name, in := range ts.Inputs {
		m.add("shipper_files_matched", float64(in.Matched), name)
		m.add("shipper_files_open", float64(in.Open), name)
		m.add("shipper_streams", float64(in.Streams), name)
		m.add("shipper_read_bytes_total", float64(in.Bytes), name)
		m.add("shipper_read_lines_total", float64(in.Lines), name)
		m.add("shipper_long_lines_total", float64(in.LongLines), name)
		m.add("shipper_truncated_lines_total", float64(in.Truncated), name)
		m.add("shipper_skipped_bytes_total", float64(in.Skipped), name)
		m.add("shipper_reader_paused_seconds_total", in.Paused.Seconds(), name)
	}
	m.add("shipper_files_unreadable", float64(ts.Unreadable))
	m.add("shipper_directories_polled", float64(ts.PolledDirs))
	m.add("shipper_notifications_overflowed_total", float64(ts.Overflows))
	m.add("shipper_pinned_bytes", float64(ts.Pinned))
}

// losses names the reasons of a loss in the words of the metric.
var losses = map[string]string{
	tail.LostDeleted: "deleted", tail.LostTruncated: "truncated", tail.LostUnconfigured: "unconfigured", tail.LostPinned: "pinned", tail.LostUnsaved: "unsaved",
}

// ledger is what the books say. A reason is there from the beginning, so that the first loss is an increase.
func (m *sheet) ledger(d *Daemon) {
	lost := map[[2]string]int64{}
	for input := range d.now().cfg.Inputs {
		for _, reason := range losses {
			lost[[2]string{input, reason}] = 0
		}
	}
	for _, l := range d.store.Losses() {
		lost[[2]string{l.Route.Input, cmp.Or(losses[l.Reason], "other")}] += l.Bytes
	}
	for key, n := range lost {
		m.add("shipper_lost_bytes_total", float64(n), key[0], key[1])
	}
	for _, a := range d.store.Delivered() {
		m.add("shipper_acked_bytes_total", float64(a.Bytes), a.Route.Input, a.Route.Target)
		m.add("shipper_acked_logs_total", float64(a.Logs), a.Route.Input, a.Route.Target)
	}
}

// lag is how far something is behind.
type lag struct {
	bytes   int64
	seconds float64
}

func (l lag) plus(o lag) lag { return lag{l.bytes + o.bytes, max(l.seconds, o.seconds)} }

// lags tells how far files and inputs are behind.
func (m *sheet) lags(s *admin.Status) {
	type place struct{ input, target, path string }
	files := map[place]lag{}
	for _, in := range s.Inputs {
		var sum lag
		for _, f := range in.Files {
			l := lag{f.LagBytes, f.LagSeconds}
			sum = sum.plus(l)
			at := place{in.Name, in.Target, f.Path}
			files[at] = files[at].plus(l) // two generations of one path are one series
		}
		m.add("shipper_input_lag_bytes", float64(sum.bytes), in.Name, in.Target)
		if sum.bytes > 0 {
			oldest := time.Now().Add(-time.Duration(sum.seconds * float64(time.Second)))
			m.add("shipper_input_oldest_unsent_timestamp_seconds", float64(oldest.Unix()), in.Name, in.Target)
		}
	}
	order := slices.SortedFunc(maps.Keys(files), func(a, b place) int {
		return cmp.Or(cmp.Compare(files[b].bytes, files[a].bytes), cmp.Compare(a.path, b.path),
			cmp.Compare(a.input, b.input), cmp.Compare(a.target, b.target))
	})
	rest := map[place]lag{}
	for i, at := range order {
		if i < perFile {
			m.add("shipper_file_lag_bytes", float64(files[at].bytes), at.input, at.target, at.path)
			m.add("shipper_file_lag_seconds", files[at].seconds, at.input, at.target, at.path)
			continue
		}
		other := place{at.input, at.target, "other"}
		rest[other] = rest[other].plus(files[at])
	}
	for at, l := range rest {
		m.add("shipper_file_lag_bytes", float64(l.bytes), at.input, at.target, at.path)
		m.add("shipper_file_lag_seconds", l.seconds, at.input, at.target, at.path)
	}
}

// stepName tells two steps of the same kind apart.
func stepName(i int, name string) string { return fmt.Sprintf("%d %s", i+1, name) }

// revision is the commit that was built; "" if the build does not know.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

func flag(v bool) float64 {
	if v {
		return 1
	}
	return 0
}
