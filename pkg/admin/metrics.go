package admin

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metric describes one exported metric. The table below is the only list of them: documentation, alerts and dashboards
// are checked against it.
type Metric struct {
	Name   string
	Help   string
	Type   prometheus.ValueType
	Labels []string
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// Metrics lists every metric of shipper itself (the Go runtime and the process add theirs).
var Metrics = []Metric{
	{"shipper_build_info", "Always 1; the labels tell which build runs.", gauge, []string{"version", "go_version"}},
	{"shipper_ready", "1 when lines can be delivered to every target.", gauge, nil},
	{"shipper_files_matched", "Files that the input's patterns match now.", gauge, []string{"input"}},
	{"shipper_streams", "Contents that are followed, rotated generations included.", gauge, []string{"input"}},
	{"shipper_files_open", "Descriptors of log files held open.", gauge, nil},
	{"shipper_files_unreadable", "Matched paths that could not be read at the last try.", gauge, nil},
	{"shipper_directories_polled", "Directories that cannot be watched and are looked at instead.", gauge, nil},
	{"shipper_notifications_overflowed_total", "Times the kernel dropped change notifications; everything was looked at then.", counter, nil},
	{"shipper_file_lag_bytes", "Bytes of the file that the service does not have yet; the 50 files furthest behind, the rest added up as path=\"other\".", gauge, []string{"input", "path"}},
	{"shipper_input_lag_bytes", "Bytes in the input's files that the service does not have yet.", gauge, []string{"input", "target"}},
	{"shipper_pinned_bytes", "Disk space of deleted files that is held until their lines are delivered.", gauge, nil},
	{"shipper_read_bytes_total", "Bytes read from the input's files.", counter, []string{"input"}},
	{"shipper_read_lines_total", "Lines read from the input's files.", counter, []string{"input"}},
	{"shipper_long_lines_total", "Lines longer than max_line.", counter, []string{"input"}},
	{"shipper_skipped_bytes_total", "Bytes left out on purpose: holes, empty lines, rests of over-long lines.", counter, []string{"input"}},
	{"shipper_acked_bytes_total", "Bytes of log files that the service has accepted since the start.", counter, []string{"target"}},
	{"shipper_acked_logs_total", "Logs that the service has accepted since the start.", counter, []string{"target"}},
	{"shipper_lost_bytes_total", "Bytes that were gone before they could be read. Alert on any increase.", counter, []string{"input"}},
	{"shipper_dead_letter_logs_total", "Logs that the service refused for ever; they are in the dead-letter files.", counter, []string{"target"}},
	{"shipper_mended_logs_total", "Logs that were changed so that the service takes them.", counter, []string{"target"}},
	{"shipper_possible_repeats_total", "Logs in requests that were sent and never answered: they may be stored twice.", counter, []string{"target"}},
	{"shipper_target_up", "1 when the target's last request was accepted.", gauge, []string{"target"}},
	{"shipper_requests_total", "Requests by what became of them.", counter, []string{"target", "result"}},
	{"shipper_sent_bytes_total", "Bytes sent in accepted requests, before and after compression.", counter, []string{"target", "form"}},
	{"shipper_in_flight_requests", "Requests on their way now.", gauge, []string{"target"}},
	{"shipper_in_flight_limit", "Requests that may be on their way at once; adapts to the service.", gauge, []string{"target"}},
	{"shipper_buffer_bytes", "Memory of batches and requests.", gauge, nil},
	{"shipper_buffer_limit_bytes", "max_memory: above it readers wait.", gauge, nil},
	{"shipper_credentials_expiry_timestamp_seconds", "When the target's token ends, Unix seconds.", gauge, []string{"target"}},
	{"shipper_credentials_refreshes_total", "Renewals of the target's token.", counter, []string{"target", "result"}},
	{"shipper_credentials_rejected_requests_total", "Requests refused for their credentials. Stays 0 through every rotation.", counter, []string{"target"}},
	{"shipper_clock_skew_seconds", "How far the service's clock is ahead of this host's, learnt from a refusal.", gauge, []string{"target"}},
	{"shipper_config_hash", "Always 1; the label identifies the settings in use.", gauge, []string{"hash"}},
	{"shipper_config_last_reload_successful", "0 while the configuration files hold something that cannot be used; the settings of before are in use then.", gauge, nil},
	{"shipper_config_last_reload_success_timestamp_seconds", "When the settings in use were loaded, Unix seconds.", gauge, nil},
	{"shipper_state_ok", "1 while positions reach the disk.", gauge, nil},
}

// collector turns a Snapshot into Prometheus metrics at the moment of the scrape, so that no figure is kept twice.
type collector struct{ look func() Snapshot }

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range Metrics {
		ch <- prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	byName := make(map[string]Metric, len(Metrics))
	for _, m := range Metrics {
		byName[m.Name] = m
	}
	for _, s := range c.look().Metrics {
		m, ok := byName[s.Name]
		if !ok {
			err := unknownMetricError(s.Name)
			ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
			continue
		}
		desc := prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
		metric, err := prometheus.NewConstMetric(desc, m.Type, s.Value, s.Labels...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(desc, err)
		}
		ch <- metric
	}
}

type unknownMetricError string

func (e unknownMetricError) Error() string { return "no metric " + string(e) + " in the table" }
