package reference

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shipper/pkg/admin"
)

const root = "../../../.."

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMetricsAreDocumented(t *testing.T) {
	want, err := Markdown(Alerts(string(read(t, "deploy/alerts.yaml"))))
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, "docs/metrics.md"); !bytes.Equal(got, want) {
		t.Errorf("docs/metrics.md is stale: run go generate ./pkg/admin\n%s", cmp.Diff(string(got), string(want)))
	}
	for _, m := range admin.Metrics {
		if !bytes.Contains(want, []byte("| `"+m.Name+"` |")) {
			t.Errorf("%s is not in docs/metrics.md", m.Name)
		}
	}
}

func TestNamesFollowPrometheus(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range admin.Metrics {
		if seen[m.Name] {
			t.Errorf("%s is there twice", m.Name)
		}
		seen[m.Name] = true
		if (m.Type == admin.Counter) != strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s is a %s", m.Name, m.Type)
		}
		if !strings.HasSuffix(m.Help, ".") {
			t.Errorf("%s: its help is no sentence: %s", m.Name, m.Help)
		}
	}
}

func TestAlertsUseWhatExists(t *testing.T) {
	text := string(read(t, "deploy/alerts.yaml"))
	alerts := Alerts(text)
	if n := strings.Count(text, "- alert:"); n == 0 || len(alerts) != n {
		t.Fatalf("%d of %d alerts were read", len(alerts), n)
	}
	for _, a := range alerts {
		if a.Expr == "" || a.Severity == "" || a.Summary == "" || a.Todo == "" {
			t.Errorf("%s lacks something: %+v", a.Name, a)
		}
		for _, what := range wrong(a.Expr) {
			t.Errorf("%s: %s", a.Name, what)
		}
		known := labelsOf(a.Expr)
		for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(a.Summary+a.Todo, -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s: its text speaks of a label %s that %s has not", a.Name, m[1], a.Expr)
			}
		}
	}
}

func TestDashboardUsesWhatExists(t *testing.T) {
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(read(t, "deploy/grafana.json"), &d); err != nil || len(d.Panels) == 0 {
		t.Fatalf("%d panels, %v", len(d.Panels), err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			for _, what := range wrong(target.Expr) {
				t.Errorf("%s: %s", p.Title, what)
			}
			known := labelsOf(target.Expr)
			for _, m := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("%s: its legend speaks of a label %s that %s has not", p.Title, m[1], target.Expr)
				}
			}
		}
	}
}

func TestWrongIsFound(t *testing.T) {
	for expr, want := range map[string]int{
		`shipper_nonsense > 0`:                                      1,
		`shipper_ready{target="x"} == 0`:                            1,
		`sum by (path) (shipper_requests_total{result="ok"})`:       1,
		`shipper_request_duration_seconds`:                          1,
		`rate(shipper_request_duration_seconds_bucket{le="1"}[5m])`: 0,
		`up == 1`: 1,
	} {
		if got := wrong(expr); len(got) != want {
			t.Errorf("%s: %q", expr, got)
		}
	}
}

var (
	names    = regexp.MustCompile(`\b(shipper_\w+)({[^}]*})?`)
	matchers = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	groups   = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
)

// given are the labels that Prometheus adds.
var given = []string{"instance", "job"}

// series are the names and labels of what is scraped.
func series() map[string][]string {
	out := map[string][]string{}
	for _, m := range admin.Metrics {
		labels := slices.Concat(m.Labels, given)
		if m.Type != admin.Histogram {
			out[m.Name] = labels
			continue
		}
		out[m.Name+"_bucket"] = append(slices.Clone(labels), "le")
		out[m.Name+"_sum"], out[m.Name+"_count"] = labels, labels
	}
	return out
}

// wrong lists what an expression uses that is not there. It looks at words, not at the grammar.
func wrong(expr string) (out []string) {
	all, met := series(), []string{}
	for _, m := range names.FindAllStringSubmatch(expr, -1) {
		labels, ok := all[m[1]]
		if !ok {
			out = append(out, "there is no "+m[1])
			continue
		}
		met = append(met, labels...)
		for _, l := range matchers.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(labels, l[1]) {
				out = append(out, m[1]+" has no label "+l[1])
			}
		}
	}
	if len(met) == 0 && len(out) == 0 {
		out = append(out, "uses no metric of shipper's: "+expr)
	}
	for _, g := range groups.FindAllStringSubmatch(expr, -1) {
		for l := range strings.SplitSeq(g[1], ",") {
			if l = strings.TrimSpace(l); !slices.Contains(met, l) && len(met) > 0 {
				out = append(out, "nothing in it has a label "+l+": "+expr)
			}
		}
	}
	return out
}

// labelsOf are the labels of an expression's result.
func labelsOf(expr string) (out []string) {
	if by := regexp.MustCompile(`\bby\s*\(([^)]*)\)`).FindStringSubmatch(expr); by != nil {
		for l := range strings.SplitSeq(by[1], ",") {
			out = append(out, strings.TrimSpace(l))
		}
		return out
	}
	if strings.Contains(expr, "sum(") || strings.Contains(expr, "min(") {
		return nil
	}
	for _, m := range names.FindAllStringSubmatch(expr, -1) {
		out = append(out, series()[m[1]]...)
	}
	return out
}
