package admin

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

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
	met := map[string]bool{}
	for _, s := range c.look().Metrics {
		m, ok := byName[s.Name]
		if !ok {
			err := unknownMetricError(s.Name)
			ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
			continue
		}
		labels := make([]string, len(s.Labels))
		for i, v := range s.Labels {
			labels[i] = readable(v)
		}
		// Two names of files may look the same once they are readable; one series of them must not cost all the others.
		key := s.Name + "\x00" + strings.Join(labels, "\x00")
		if met[key] {
			continue
		}
		met[key] = true
		ch <- export(m, s, labels)
	}
}

func export(m Metric, s Sample, labels []string) prometheus.Metric {
	desc := prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
	var out prometheus.Metric
	var err error
	switch m.Type {
	case Histogram:
		h := s.Histogram
		if h == nil {
			h = &Buckets{}
		}
		buckets := make(map[float64]uint64, len(h.Bounds))
		for i, b := range h.Bounds {
			buckets[b] = h.Counts[i]
		}
		out, err = prometheus.NewConstHistogram(desc, h.Count, h.Sum, buckets, labels...)
	case Counter:
		out, err = prometheus.NewConstMetric(desc, prometheus.CounterValue, s.Value, labels...)
	default:
		out, err = prometheus.NewConstMetric(desc, prometheus.GaugeValue, s.Value, labels...)
	}
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return out
}

// longestLabel bounds what comes from outside: a path has 4096 bytes at most, and so has a label.
const longestLabel = 4096

// readable makes a label of any bytes: a file may have a name that is not UTF-8, and a service may answer with a code that is none.
func readable(v string) string {
	if len(v) > longestLabel {
		v = v[:longestLabel]
	}
	if utf8.ValidString(v) {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(v); {
		r, n := utf8.DecodeRuneInString(v[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, v[i])
		} else {
			b.WriteString(v[i : i+n])
		}
		i += n
	}
	return b.String()
}

type unknownMetricError string

func (e unknownMetricError) Error() string { return "no metric " + string(e) + " in the table" }
