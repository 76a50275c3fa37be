package config

import (
	"strings"
	"unicode"
)

// near is the candidate that a slip of the fingers could have turned into word, or "".
func near(word string, candidates []string) string {
	best, limit := "", max(1, min(3, len(word)/3))
	for _, c := range candidates {
		if flat(c) == flat(word) || len(c) > 3 && strings.HasPrefix(word, c) { // "warning" for "warn"
			return c
		}
		if d := distance(word, c, limit); d <= limit {
			if d < limit || best == "" {
				best = c
			}
			limit = d
		}
	}
	return best
}

// flat leaves out what people write differently: case, dashes, underscores.
func flat(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// didYouMean is the hint for near's answer; "" if there is none.
func didYouMean(word string, candidates []string) string {
	if c := near(word, candidates); c != "" {
		return "did you mean " + quote(c) + "?"
	}
	return ""
}

// distance is the number of letters to change, add, remove or swap with their neighbour to get from a to b. It stops counting
// beyond limit.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > limit || -d > limit || len(x) > 64 {
		return limit + 1
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

// anyOf writes a list of choices: "a", "b" or "c".
func anyOf(list []string) string {
	var b strings.Builder
	for i, s := range list {
		switch {
		case i > 0 && i == len(list)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(quote(s))
	}
	return b.String()
}
