package admin

// Type is what kind of metric one is, in Prometheus' words.
type Type string

// The types there are.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Metric describes one exported metric. The table below is the only list of them: documentation, alerts and dashboards
// are checked against it.
type Metric struct {
	Name   string
	Help   string
	Type   Type
	Labels []string
}

// Metrics lists every metric of shipper itself (the Go runtime and the process add theirs). Counters begin at 0 with the process and
// never go back, whatever is reloaded or forgotten. The values of every label come from the configuration or from a short list; where
// they come from outside (paths, error codes) their number is bounded.
var Metrics = []Metric{
	{"shipper_build_info", "Always 1; the labels tell which build runs.", Gauge, []string{"version", "revision", "go_version"}},
	{"shipper_ready", "1 when lines can be delivered to every target; GET /readyz says why not.", Gauge, nil},
	{"shipper_state_ok", "1 while positions reach the disk. While it is 0 lines are delivered all the same, and a crash would repeat them.", Gauge, nil},
	{"shipper_config_hash", "Always 1; the label identifies the settings in use.", Gauge, []string{"hash"}},
	{"shipper_config_last_reload_successful", "0 while the configuration files hold something that cannot be used; the settings of before are in use then.", Gauge, nil},
	{"shipper_config_last_reload_success_timestamp_seconds", "When the settings in use were loaded, Unix seconds.", Gauge, nil},

	{"shipper_files_matched", "Files that the input's patterns match now.", Gauge, []string{"input"}},
	{"shipper_files_open", "Log files held open, rotated and deleted ones that are not delivered yet included.", Gauge, []string{"input"}},
	{"shipper_files_unreadable", "Matched files and directories that could not be read at the last try: permissions, mostly. The log names each.", Gauge, nil},
	{"shipper_streams", "Contents that are followed, rotated generations included; a file that goes to two targets counts twice.", Gauge, []string{"input"}},
	{"shipper_directories_polled", "Directories that the kernel cannot watch and that are looked at instead.", Gauge, nil},
	{"shipper_notifications_overflowed_total", "Times the kernel dropped change notifications; everything was looked at then.", Counter, nil},
	{"shipper_pinned_bytes", "Disk space of deleted files that is held until their lines are delivered.", Gauge, nil},
	{"shipper_read_bytes_total", "Bytes read from the input's files.", Counter, []string{"input"}},
	{"shipper_read_lines_total", "Lines read from the input's files; pieces of split lines count each.", Counter, []string{"input"}},
	{"shipper_long_lines_total", "Pieces of lines longer than max_line.", Counter, []string{"input"}},
	{"shipper_truncated_lines_total", "Lines longer than max_line that lost their end (long_line = \"truncate\") or were left out (\"skip\").", Counter, []string{"input"}},
	{"shipper_skipped_bytes_total", "Bytes left out on purpose while reading: empty lines, holes, rests of over-long lines.", Counter, []string{"input"}},
	{"shipper_reader_paused_seconds_total", "Seconds in which at least one file of the input waited because a target took nothing: its part of max_memory was used up.", Counter, []string{"input"}},
	{"shipper_parse_errors_total", "Logs that a step, or the input's format, could not make sense of; they went on as they were.", Counter, []string{"input", "step"}},

	{"shipper_input_lag_bytes", "Bytes in the input's files that the target does not have yet.", Gauge, []string{"input", "target"}},
	{"shipper_input_oldest_unsent_timestamp_seconds", "When the oldest line that the target does not have was written, at the latest, Unix seconds. Missing while everything is delivered.", Gauge, []string{"input", "target"}},
	{"shipper_file_lag_bytes", "Bytes of the file that the target does not have yet: the 50 files furthest behind; all others added up as path=\"other\".", Gauge, []string{"input", "target", "path"}},
	{"shipper_file_lag_seconds", "How long the oldest of those bytes has waited at least; of path=\"other\" the longest. Looked at every 10 s.", Gauge, []string{"input", "target", "path"}},

	{"shipper_acked_bytes_total", "Bytes of log files that the service has accepted.", Counter, []string{"input", "target"}},
	{"shipper_acked_logs_total", "Logs that the service has accepted.", Counter, []string{"input", "target"}},
	{"shipper_lost_bytes_total", "Bytes that were gone before they could be read: the file was deleted, truncated, taken out of the configuration and deleted, given up for max_pinned_bytes, or not saved at a stop. Alert on any increase; the log names path and range (SHP-T010).", Counter, []string{"input", "reason"}},
	{"shipper_dead_letter_logs_total", "Logs that the service refused for ever, by its error code; they are kept in the dead-letter files.", Counter, []string{"target", "reason"}},
	{"shipper_dead_letter_bytes", "Size of the dead-letter files.", Gauge, nil},
	{"shipper_dead_letters_dropped_total", "Dead letters (groups of logs) that were deleted unsent because dead_letter.max was reached: their lines are lost.", Counter, nil},
	{"shipper_mended_logs_total", "Logs that were changed so that the service takes them.", Counter, []string{"target"}},
	{"shipper_resent_requests_total", "With exactly_once: requests that were sent again under their number, because nobody knew whether they had arrived.", Counter, []string{"target"}},
	{"shipper_already_stored_requests_total", "With exactly_once: requests that were sent again and had arrived before; the service stored them once.", Counter, []string{"target"}},
	{"shipper_possible_repeats_total", "Logs in requests that were sent and never answered: they may be stored twice.", Counter, []string{"target"}},

	{"shipper_target_up", "1 when the target's last request was accepted, or none was needed yet.", Gauge, []string{"target"}},
	{"shipper_requests_total", "Requests by what became of them: ok, throttled, server, network, denied, expired, rejected.", Counter, []string{"target", "result"}},
	{"shipper_request_duration_seconds", "From the first byte sent to the last byte of the answer, of every request that got one or failed.", Histogram, []string{"target"}},
	{"shipper_sent_bytes_total", "Bytes of accepted requests, before (form=\"raw\") and after (\"compressed\") compression.", Counter, []string{"target", "form"}},
	{"shipper_in_flight_requests", "Requests on their way now.", Gauge, []string{"target"}},
	{"shipper_in_flight_limit", "Requests that may be on their way at once; adapts to the service.", Gauge, []string{"target"}},
	{"shipper_buffer_bytes", "Memory of batches and requests.", Gauge, nil},
	{"shipper_buffer_limit_bytes", "max_memory: above it readers wait.", Gauge, nil},

	{"shipper_credentials_expiry_timestamp_seconds", "When the target's token ends, Unix seconds. Missing when it never does, or there is none.", Gauge, []string{"target"}},
	{"shipper_credentials_refreshes_total", "Attempts to get a new token: ok, failed.", Counter, []string{"target", "result"}},
	{"shipper_credentials_refresh_duration_seconds", "How long the newest successful renewal took, all calls of the chain together.", Gauge, []string{"target"}},
	{"shipper_credentials_lifetime_seconds", "How long the target's token lives in all. It is renewed after about 60 % of that.", Gauge, []string{"target"}},
	{"shipper_credentials_rejected_requests_total", "Requests refused for their credentials. Stays 0 through every rotation.", Counter, []string{"target"}},
	{"shipper_clock_skew_seconds", "How far the clock of an endpoint (log, sts) is ahead of this host's, to about a second. log is what requests are corrected by, learnt from a refusal: 0 until the difference is 15 minutes.", Gauge, []string{"target", "endpoint"}},
}
