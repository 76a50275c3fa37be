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
	general := false // what logrotate.conf says of all files
	for i, p := range places {
		blocks, said, err := logrotate(p, general)
		if err != nil {
			continue // not there, or not for us to read
		}
		if i == 0 {
			general = said
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
// endscript. A copytruncate outside of all blocks holds for every block that does not say nocopytruncate: general is what an
// earlier file has said, and is returned as this one leaves it.
func logrotate(path string, general bool) ([]block, bool, error) {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() { // to open a pipe is to wait
		return nil, general, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, general, err
	}
	defer f.Close()
	var out []block
	var patterns []string // before a brace
	inside, script := false, false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), "#")
		words := strings.Fields(strings.NewReplacer("{", " { ", "}", " } ", `"`, "", "'", "").Replace(line))
		names := len(words) > 0 && strings.HasPrefix(words[0], "/") // else a directive: include /etc/logrotate.d
		for _, word := range words {
			switch {
			case script:
				script = word != "endscript"
			case word == "{":
				out, inside = append(out, block{patterns: patterns, copytruncate: general}), true
				patterns = nil
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
			case !inside && names && strings.HasPrefix(word, "/"):
				patterns = append(patterns, word)
			}
		}
	}
	return out, general, lines.Err()
}
