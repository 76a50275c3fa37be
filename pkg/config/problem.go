package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one thing wrong with the configuration.
type Problem struct {
	File    string `json:"file"`              // as it was opened; "--set KEY" or "environment NAME" for a value from there
	Line    int    `json:"line,omitempty"`    // from 1; 0 where there is none
	Column  int    `json:"column,omitempty"`  // from 1, in characters: where the key stands
	Code    string `json:"code"`              // "SHP-C004"; see Codes
	Message string `json:"message"`           // `unknown key "start_att" in [input.nginx]`
	Hint    string `json:"hint,omitempty"`    // `did you mean "start_at"?`
	Excerpt string `json:"excerpt,omitempty"` // the line and the carets under it, two lines; secrets are masked
	Also    *Other `json:"also,omitempty"`    // the second place that a problem is about
	Warning bool   `json:"-"`                 // it stops nothing; see Warnings
}

// Attrs are what a log line says of the problem beside its Message.
func (p Problem) Attrs() []any {
	attrs := []any{"code", p.Code, "path", p.File}
	if p.Hint != "" {
		attrs = append(attrs, "reason", p.Hint)
	}
	return attrs
}

// Other is a second place: the first definition of a key that is set twice.
type Other struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Excerpt string `json:"excerpt,omitempty"`
}

// Errors is everything that is wrong with a configuration, in the order of the files and lines. Load returns it.
type Errors []Problem

// Error is the text for people: each problem with its line, a caret and a hint, and a count at the end. It is whole lines, the
// last one included.
func (e Errors) Error() string {
	noun := "errors"
	if len(e) == 1 {
		noun = "error"
	}
	return format(e) + fmt.Sprintf("%d %s. Nothing was changed.\n", len(e), noun)
}

// JSON is {"errors":[...]} with one object a problem.
func (e Errors) JSON() []byte {
	out, err := json.MarshalIndent(struct {
		Errors []Problem `json:"errors"`
	}{append([]Problem{}, e...)}, "", "  ")
	if err != nil { // strings and ints alone: cannot happen
		return []byte(`{"errors":[]}`)
	}
	return out
}

// Warnings is what deserves a look and stops nothing.
type Warnings []Problem

// String is the text for people, in the form of Errors without the count; empty if there is none.
func (w Warnings) String() string { return format(w) }

// codeColumn is the furthest to the right that the column of codes is moved by a long message.
const codeColumn = 110

func format(list []Problem) string {
	width := 0
	for _, p := range list {
		if n := utf8.RuneCountInString(p.head()); n <= codeColumn {
			width = max(width, n)
		}
	}
	var b strings.Builder
	for _, p := range list {
		head := p.head()
		pad := max(width-utf8.RuneCountInString(head), 0) + 7
		b.WriteString(head + strings.Repeat(" ", pad) + p.Code + "\n")
		excerpt(&b, p.Line, p.Excerpt, p.Hint)
		if o := p.Also; o != nil {
			fmt.Fprintf(&b, "     = %s:%d:%d: %s\n", o.File, o.Line, o.Column, o.Message)
			excerpt(&b, o.Line, o.Excerpt, "")
		}
	}
	return b.String()
}

// head is the first line without the code.
func (p Problem) head() string {
	kind := "error"
	if p.Warning {
		kind = "warning"
	}
	if p.Line == 0 {
		return printable(fmt.Sprintf("%s: %s: %s", p.File, kind, p.Message))
	}
	return printable(fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Column, kind, p.Message))
}

func excerpt(b *strings.Builder, line int, text, hint string) {
	hint = printable(hint)
	source, carets, ok := strings.Cut(text, "\n")
	switch {
	case ok && hint != "":
		fmt.Fprintf(b, "%4d | %s\n     | %s %s\n", line, source, carets, hint)
	case ok:
		fmt.Fprintf(b, "%4d | %s\n     | %s\n", line, source, carets)
	case hint != "":
		fmt.Fprintf(b, "     = %s\n", hint)
	}
}

// at builds a problem that stands at a key of a file. The carets go under mark; line and column are those of key unless mark
// begins on another line (an element of a list that spans lines).
func at(src *source, key, mark span, code, message, hint string) Problem {
	line, col := src.position(key.start)
	if l, c := src.position(mark.start); l != line {
		line, col = l, c
	}
	text, carets := src.excerpt(mark)
	return Problem{File: src.path, Line: line, Column: col, Code: code, Message: message, Hint: hint, Excerpt: text + "\n" + carets}
}

// other makes p a second place.
func (p Problem) other(message string) *Other {
	return &Other{File: p.File, Line: p.Line, Column: p.Column, Message: message, Excerpt: p.Excerpt}
}

// arrange sorts by file (in the order they were read), line and column, and drops repeats.
func arrange(list []Problem, files []File) []Problem {
	rank := map[string]int{}
	for i, f := range files {
		rank[f.Path] = i + 1
	}
	order := func(p Problem) int {
		if r := rank[p.File]; r > 0 {
			return r
		}
		return len(files) + 1
	}
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(list, func(a, b Problem) bool {
		return a.File == b.File && a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
}
