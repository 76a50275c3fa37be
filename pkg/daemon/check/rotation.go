package check

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// rotation looks for copytruncate in logrotate's files, where it concerns files that are shipped.
func (c *checker) rotation(s *Step) {
	places := []string{filepath.Join(c.etc, "logrotate.conf")}
	more, err := filepath.Glob(filepath.Join(c.etc, "logrotate.d", "*"))
	if err == nil {
		places = append(places, more...)
	}
	read := 0
	var bad []string
	for _, p := range places {
		blocks, err := logrotate(p)
		if err != nil {
			continue // not there, or not for us to read
		}
		read++
		for _, b := range blocks {
			if b.copytruncate && c.rotates(b.patterns) {
				bad = append(bad, p+" uses copytruncate for "+strings.Join(b.patterns, " "))
			}
		}
	}
	switch {
	case len(bad) > 0:
		slices.Sort(bad)
		s.warn(trouble{code: "SHP-F204", detail: strings.Join(slices.Compact(bad), "\n"), whose: Host,
			cause: "Lines that are written between the copy and the truncation are lost to every reader. shipper finishes what it can from the copy.",
			fix:   []string{"replace copytruncate by create, and tell the program to open its log again in postrotate (most take a signal)"}})
	case read == 0:
		s.skip("logrotate is not used here")
	default:
		s.ok("no copytruncate on these files (" + filepath.Join(c.etc, "logrotate.d") + ")")
	}
}

// rotates reports whether one of logrotate's patterns covers a file that is shipped.
func (c *checker) rotates(patterns []string) bool {
	for _, files := range c.matched {
		for _, f := range files {
			for _, p := range patterns {
				if ok, err := filepath.Match(p, f); ok && err == nil {
					return true
				}
			}
		}
	}
	return false
}

// block is one { } of logrotate.
type block struct {
	patterns     []string
	copytruncate bool
}

// logrotate reads the blocks of one file (logrotate(8)): paths before a brace, directives in it, scripts between postrotate and
// endscript. A copytruncate outside of all blocks holds for every block that does not say nocopytruncate.
func logrotate(path string) ([]block, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	var out []block
	var words []string // before a brace
	general, inside, script := false, false, false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), "#")
		for _, word := range strings.Fields(strings.NewReplacer("{", " { ", "}", " } ").Replace(line)) {
			word = strings.Trim(word, `"'`)
			switch {
			case script:
				script = word != "endscript"
			case word == "{":
				out, inside = append(out, block{patterns: words, copytruncate: general}), true
				words = nil
			case word == "}":
				inside = false
			case slices.Contains([]string{"postrotate", "prerotate", "firstaction", "lastaction", "preremove"}, word):
				script = true
			case word == "copytruncate" || word == "nocopytruncate":
				if inside {
					out[len(out)-1].copytruncate = word == "copytruncate"
				} else {
					general = word == "copytruncate"
				}
			case !inside && strings.HasPrefix(word, "/"):
				words = append(words, word)
			}
		}
	}
	return out, lines.Err()
}
