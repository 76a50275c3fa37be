// Package reference writes docs/metrics.md from the table of metrics and from the alert rules. go generate calls it, and tests
// fail when the file is stale or when a rule or a dashboard uses what is not in the table. It is no part of the program.
package reference

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"

	"shipper/pkg/admin"
)

// intro is what stands before the tables of docs/metrics.md.
//
//go:embed intro.md
var intro string

// sections are the parts of the table: each begins with the metric named.
var sections = []struct{ first, title string }{
	{"shipper_build_info", "The process"},
	{"shipper_files_matched", "Reading"},
	{"shipper_input_lag_bytes", "How far behind"},
	{"shipper_acked_bytes_total", "What became of the lines"},
	{"shipper_target_up", "Sending"},
	{"shipper_credentials_expiry_timestamp_seconds", "Credentials and clocks"},
}

// Alert is one rule of deploy/alerts.yaml.
type Alert struct{ Name, Expr, For, Severity, Summary, Todo string }

var keys = regexp.MustCompile(`(?m)^\s*(?:- )?(alert|expr|for|labels|summary|todo): (.*)$`)

// Alerts reads the rules, which are written with one key a line.
func Alerts(text string) []Alert {
	var out []Alert
	for _, m := range keys.FindAllStringSubmatch(text, -1) {
		value := strings.ReplaceAll(strings.Trim(m[2], "'"), "''", "'")
		if m[1] == "alert" {
			out = append(out, Alert{Name: value})
			continue
		}
		a := &out[len(out)-1]
		switch m[1] {
		case "expr":
			a.Expr = value
		case "for":
			a.For = value
		case "labels":
			a.Severity = strings.Trim(strings.TrimPrefix(value, "{severity:"), " }")
		case "summary":
			a.Summary = value
		case "todo":
			a.Todo = value
		}
	}
	return out
}

// Markdown is docs/metrics.md. It is an error if a section begins with a metric that there is none of.
func Markdown(alerts []Alert) ([]byte, error) {
	var b strings.Builder
	b.WriteString(intro)
	next := 0
	for _, m := range admin.Metrics {
		if next < len(sections) && sections[next].first == m.Name {
			fmt.Fprintf(&b, "\n## %s\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n", sections[next].title)
			next++
		}
		labels := "–"
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, labels, m.Help)
	}
	if next < len(sections) {
		return nil, fmt.Errorf("no metric %s in the table", sections[next].first)
	}
	b.WriteString("\n## Alerts\n\n[deploy/alerts.yaml](../deploy/alerts.yaml) holds these rules, [deploy/grafana.json](../deploy/grafana.json) a dashboard (import it and choose a data source).\n" +
		"The one figure to show to others is `shipper_credentials_rejected_requests_total`: 0 through every rotation.\n\n")
	b.WriteString("| alert | fires when | severity | what to do |\n|---|---|---|---|\n")
	for _, a := range alerts {
		when := "`" + a.Expr + "`"
		if a.For != "" {
			when += " for " + a.For
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", a.Name, when, a.Severity, a.Todo)
	}
	return []byte(b.String()), nil
}
