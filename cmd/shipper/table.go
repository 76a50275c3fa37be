package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// column is one column of a table that has to fit a terminal.
type column struct {
	title string
	right bool // numbers
	flex  bool // takes what the others leave; of a text that does not fit the end is kept, which tells paths apart
	spare bool // goes where there is no room, the widest first
	least int  // columns it has in any case, so that the table stands still while numbers change
}

// cell is one field of a table. Its text is harmless: it went through visible.
type cell struct{ text, colour string }

// leastFlex is what the flexible column should have before spare ones go.
const leastFlex = 34

// table lays rows out within width, or as wide as they are if width is 0. paint adds colours; nil: none.
func table(cols []column, rows [][]cell, width int, paint func(colour, text string) string) []string {
	widths := make([]int, len(cols))
	for i, c := range cols {
		widths[i] = max(cells(c.title), c.least)
		for _, r := range rows {
			widths[i] = max(widths[i], cells(r[i].text))
		}
	}
	if width > 0 {
		fit(cols, widths, width)
	}
	line := func(at func(i int) cell) string {
		var b strings.Builder
		first := true
		for i, c := range cols {
			if widths[i] < 0 {
				continue
			}
			if !first {
				b.WriteString("  ")
			}
			first = false
			f := at(i)
			text := keepEnd(f.text, widths[i])
			pad := strings.Repeat(" ", max(0, widths[i]-cells(text)))
			if paint != nil && f.colour != "" && text != "" {
				text = paint(f.colour, text)
			}
			if c.right {
				text, pad = pad, text
			}
			b.WriteString(text + pad)
		}
		return strings.TrimRight(b.String(), " ")
	}
	out := []string{line(func(i int) cell { return cell{cols[i].title, colourDim} })}
	for _, r := range rows {
		out = append(out, line(func(i int) cell { return r[i] }))
	}
	return out
}

// fit shrinks the flexible column, and before that takes spare ones away (-1), until the table fits.
func fit(cols []column, widths []int, width int) {
	flex := -1
	for i, c := range cols {
		if c.flex {
			flex = i
		}
	}
	for {
		left, spare := width, -1
		for i, c := range cols {
			if widths[i] < 0 {
				continue
			}
			if c.spare && (spare < 0 || widths[i] > widths[spare]) {
				spare = i
			}
			if i != flex {
				left -= widths[i] + 2
			}
		}
		if flex < 0 || left >= widths[flex] {
			return
		}
		if left >= leastFlex || spare < 0 {
			widths[flex] = max(left, 8)
			return
		}
		widths[spare] = -1
	}
}

// cells is how many columns of a terminal a text takes.
func cells(s string) (n int) {
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

// wide are the letters that take two columns: East Asian ones and pictures (UAX #11, in ranges).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x1100, Hi: 0x115f, Stride: 1}, {Lo: 0x2e80, Hi: 0x303e, Stride: 1}, {Lo: 0x3041, Hi: 0xa4cf, Stride: 1},
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, {Lo: 0xf900, Hi: 0xfaff, Stride: 1}, {Lo: 0xfe30, Hi: 0xfe6f, Stride: 1},
		{Lo: 0xff00, Hi: 0xff60, Stride: 1}, {Lo: 0xffe0, Hi: 0xffe6, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1}, {Lo: 0x1f900, Hi: 0x1f9ff, Stride: 1}, {Lo: 0x20000, Hi: 0x3fffd, Stride: 1}},
}

func runeCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// keepEnd is s in at most n columns: its end, behind "…".
func keepEnd(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	rest := s
	for room := n - 1; len(rest) > 0 && cells(rest) > room; {
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
	}
	return "…" + rest
}

// keepBegin is s in at most n columns: its beginning, before "…".
func keepBegin(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += runeCells(r); used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// wrapCells breaks s at blanks, and words that are longer anywhere, into lines of at most n columns, and at most most lines; the last
// one tells with "…" that there is more.
func wrapCells(s string, n, most int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && cells(line)+1+cells(word) <= n {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for cells(word) > n {
			head := strings.TrimSuffix(keepBegin(word, n+1), "…")
			if head == "" {
				break // narrower than a letter
			}
			lines, word = append(lines, head), word[len(head):]
		}
		line = word
	}
	lines = append(lines, keepBegin(line, n))
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] = keepBegin(lines[most-1]+" …", n)
	}
	return lines
}
