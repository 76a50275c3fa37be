package daemon

import (
	"cmp"
	"runtime"
	"slices"

	"shipper/pkg/admin"
)

// perFile is how many files get a metric of their own: the ones furthest behind. A host with ten thousand files must not
// make ten thousand series.
const perFile = 50

// metrics makes the samples of the table in pkg/admin.
func (d *Daemon) metrics(s *admin.Status) []admin.Sample {
	var out []admin.Sample
	add := func(name string, v float64, labels ...string) {
		out = append(out, admin.Sample{Name: name, Labels: labels, Value: v})
	}
	add("shipper_build_info", 1, d.opt.Version, runtime.Version())
	add("shipper_ready", flag(s.Ready))
	add("shipper_state_ok", flag(d.store.Trouble() == nil))
	add("shipper_buffer_bytes", float64(s.Memory.Used))
	add("shipper_buffer_limit_bytes", float64(s.Memory.Limit))
	add("shipper_config_hash", 1, s.Config.Hash)
	add("shipper_config_last_reload_successful", flag(s.Config.Error == ""))
	add("shipper_config_last_reload_success_timestamp_seconds", float64(s.Config.LoadedAt.Unix()))
	d.inputMetrics(s, add)
	for _, t := range d.now().targets {
		t.metrics(add)
	}
	return out
}

type addFunc func(name string, v float64, labels ...string)

func (t *target) metrics(add addFunc) {
	p, c := t.producer.Stats(), t.identity.Status()
	add("shipper_target_up", flag(p.Up), t.name)
	add("shipper_acked_bytes_total", float64(p.AckedBytes), t.name)
	add("shipper_acked_logs_total", float64(p.AckedLogs), t.name)
	add("shipper_dead_letter_logs_total", float64(p.DeadLogs), t.name)
	for result, n := range p.Requests {
		add("shipper_requests_total", float64(n), t.name, string(result))
	}
	add("shipper_sent_bytes_total", float64(p.SentRaw), t.name, "raw")
	add("shipper_sent_bytes_total", float64(p.SentCompressed), t.name, "compressed")
	add("shipper_in_flight_requests", float64(p.InFlight), t.name)
	add("shipper_in_flight_limit", float64(p.InFlightLimit), t.name)
	add("shipper_mended_logs_total", float64(p.Mended), t.name)
	add("shipper_possible_repeats_total", float64(p.RepeatsPossible), t.name)
	add("shipper_clock_skew_seconds", p.ClockOffset.Seconds(), t.name)
	if !c.Expires.IsZero() {
		add("shipper_credentials_expiry_timestamp_seconds", float64(c.Expires.Unix()), t.name)
	}
	add("shipper_credentials_refreshes_total", float64(c.Refreshes), t.name, "ok")
	add("shipper_credentials_refreshes_total", float64(c.Failures), t.name, "failed")
	add("shipper_credentials_rejected_requests_total", float64(p.CredentialsRejected), t.name)
}

func (d *Daemon) inputMetrics(s *admin.Status, add addFunc) {
	ts := d.tailer.Stats()
	for name, in := range ts.Inputs {
		add("shipper_files_matched", float64(in.Matched), name)
		add("shipper_streams", float64(in.Streams), name)
		add("shipper_read_bytes_total", float64(in.Bytes), name)
		add("shipper_read_lines_total", float64(in.Lines), name)
		add("shipper_long_lines_total", float64(in.LongLines), name)
		add("shipper_skipped_bytes_total", float64(in.Skipped), name)
		add("shipper_lost_bytes_total", float64(in.Lost), name)
	}
	add("shipper_files_open", float64(ts.Open))
	add("shipper_files_unreadable", float64(ts.Unreadable))
	add("shipper_directories_polled", float64(ts.PolledDirs))
	add("shipper_notifications_overflowed_total", float64(ts.Overflows))
	add("shipper_pinned_bytes", float64(ts.Pinned))
	type lag struct {
		input, path string
		bytes       int64
	}
	var lags []lag
	for _, in := range s.Inputs {
		var sum int64
		for _, f := range in.Files {
			sum += f.LagBytes
			lags = append(lags, lag{in.Name, f.Path, f.LagBytes})
		}
		add("shipper_input_lag_bytes", float64(sum), in.Name, in.Target)
	}
	slices.SortFunc(lags, func(a, b lag) int { return cmp.Compare(b.bytes, a.bytes) })
	named, rest := map[[2]string]int64{}, map[string]int64{}
	for i, l := range lags {
		if i < perFile {
			named[[2]string{l.input, l.path}] += l.bytes // two generations of one path are one series
		} else {
			rest[l.input] += l.bytes
		}
	}
	for key, n := range named {
		add("shipper_file_lag_bytes", float64(n), key[0], key[1])
	}
	for input, n := range rest {
		add("shipper_file_lag_bytes", float64(n), input, "other")
	}
}

func flag(v bool) float64 {
	if v {
		return 1
	}
	return 0
}
