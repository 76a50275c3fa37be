package check

import (
	"cmp"
	"slices"
	"strings"

	"shipper/pkg/config"
	"shipper/pkg/producer"
	"shipper/pkg/ram"
)

// Entry explains one stable code.
type Entry struct {
	Code  string `json:"code"`
	Part  string `json:"part"` // which part of the program uses it
	Title string `json:"title"`
	Means string `json:"means"` // "" when the title says it all
	Fix   string `json:"fix"`   // "" when there is nothing to do
}

// Parts are the families of codes by their prefix, in the order of Catalogue.
func Parts() []Part {
	return []Part{
		{"SHP-C", "configuration"},
		{"SHP-F", "files and limits of this host (check)"},
		{"SHP-T", "reading files"},
		{"SHP-K", "positions and state directory"},
		{"SHP-N", "network and clock (check)"},
		{"SHP-A1", "credentials and authorisation"},
		{"SHP-A2", "RAM documents (policy lint)"},
		{"SHP-P", "sending"},
		{"SHP-D", "the daemon"},
		{"SHP-E", "the emulator"},
	}
}

// Part is a family of codes.
type Part struct {
	Prefix string
	Title  string
}

// Catalogue explains every stable code of the program, sorted by part and code.
func Catalogue() []Entry {
	var out []Entry
	for _, c := range config.Codes() {
		out = append(out, Entry{Code: c.Code, Title: c.Means, Fix: c.Remedy})
	}
	for _, f := range ram.Codes() {
		out = append(out, Entry{Code: f.Code, Title: upper(f.Title), Means: lintMeaning(f), Fix: "shipper policy lint FILE names the line and what to write; shipper policy writes a document without it."})
	}
	for _, r := range producer.Rules() {
		out = append(out, fromRule(r))
	}
	out = append(out, hostCodes...)
	out = append(out, accessCodes...)
	out = append(out, daemonCodes...)
	for i := range out {
		out[i].Part = partOf(out[i].Code)
		out[i].Title, out[i].Means, out[i].Fix = ended(out[i].Title), ended(out[i].Means), ended(out[i].Fix)
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(rank(a.Code), rank(b.Code)), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// Explain finds one code; case and the prefix "SHP-" do not matter.
func Explain(code string) (Entry, bool) {
	code = strings.ToUpper(strings.TrimSpace(code))
	if !strings.HasPrefix(code, "SHP-") {
		code = "SHP-" + code
	}
	for _, e := range Catalogue() {
		if e.Code == code {
			return e, true
		}
	}
	return Entry{}, false
}

func rank(code string) int {
	return slices.IndexFunc(Parts(), func(p Part) bool { return strings.HasPrefix(code, p.Prefix) })
}

func partOf(code string) string {
	if i := rank(code); i >= 0 {
		return Parts()[i].Title
	}
	return ""
}

// ended closes a sentence.
func ended(s string) string {
	s = upper(strings.TrimSpace(s))
	if s == "" || strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}

// lintMeaning completes an explanation that Lint goes on with a list.
func lintMeaning(f ram.Finding) string {
	if rest, ok := strings.CutSuffix(f.Explanation, "Not allowed:"); ok {
		return strings.TrimSpace(rest + "What is missing is listed.")
	}
	return f.Explanation
}

// verdicts say what shipper does by itself.
var verdicts = map[producer.Verdict]string{
	producer.OK:       "The lines are acknowledged.",
	producer.Retry:    "The request is repeated for ever, with growing pauses; the lines wait in their files.",
	producer.Throttle: "shipper sends less at a time and waits longer; the lines wait in their files.",
	producer.Renew:    "The credentials are renewed once and the request is signed again; if that fails too, the lines wait.",
	producer.Hold:     "The lines wait in their files, one request in 5 to 60 seconds tries again, and shipper is not ready until then.",
	producer.Clock:    "shipper learns the difference and signs again.",
	producer.Split:    "The batch is halved and sent again.",
	producer.Sanitise: "The log is looked for, mended or put aside alone; all others are delivered.",
	producer.Reject:   "The log that it is about is found by halving; after three tries it is put into the dead-letter directory. After eight in a row the target is held.",
}

// fromRule is a row of the verdict table.
func fromRule(r producer.Rule) Entry {
	e := Entry{Code: r.ID, Title: r.Cause, Means: "Verdict " + r.Verdict.String() + ". " + verdicts[r.Verdict], Fix: r.Fix}
	if len(r.Codes) > 0 {
		e.Means = "Log Service: " + strings.Join(r.Codes, ", ") + ". " + e.Means
	} else if r.Text != "" {
		e.Means = "Log Service: \"" + r.Text + "\". " + e.Means
	}
	if r.Whose != producer.Nobody {
		e.Fix = strings.TrimSpace("To be mended by " + strings.TrimSuffix(string(r.Whose), ".") + ". " + ended(r.Fix))
	}
	return e
}
