package tail

import (
	"fmt"
	"path/filepath"
	"strings"
)

func (p *play) expect(target string, want []string) error {
	if err := p.pass(stepAll | stepTick); err != nil {
		return err
	}
	var got []string
	for _, l := range p.w.take(target) {
		text := l.text
		for _, m := range []struct {
			f Flags
			s string
		}{{Continued, "<continued>"}, {Truncated, "<truncated>"}, {Unterminated, "<unterminated>"}} {
			if l.flags&m.f != 0 {
				text += m.s
			}
		}
		got = append(got, text)
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) && len(got)+len(want) > 0 {
		return fmt.Errorf("\n got %s\nwant %s", short(got), short(want))
	}
	return nil
}

func (p *play) paths(target string, want []string) error {
	if err := p.pass(stepAll | stepTick); err != nil {
		return err
	}
	var got []string
	for _, l := range p.w.take(target) {
		rel, _ := filepath.Rel(p.dir, l.path)
		if len(got) == 0 || got[len(got)-1] != rel {
			got = append(got, rel)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		return fmt.Errorf("lines came from %q", got)
	}
	return nil
}

func (p *play) states(want []string) error {
	if err := p.pass(stepAll | stepTick); err != nil {
		return err
	}
	var got []string
	for _, id := range sortedIDs(p.tl) {
		for _, f := range p.tl.Files() {
			if f.Stream == id {
				got = append(got, f.State)
			}
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		return fmt.Errorf("states are %q", got)
	}
	return nil
}

func sortedIDs(tl *Tailer) []StreamID {
	var ids []StreamID
	for id := StreamID(0); id < 1000; id++ {
		if tl.streams[id] != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func short(lines []string) string {
	if len(lines) > 40 {
		return fmt.Sprintf("%q ... %q (%d)", lines[:20], lines[len(lines)-20:], len(lines))
	}
	return fmt.Sprintf("%q", lines)
}

// words turns arguments into lines: a_b is "a b", \r and \0 are what they say, and a*30 is a and thirty x more.
func words(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if text, n, ok := strings.Cut(a, "*"); ok {
			a = text + strings.Repeat("x", number(n))
		}
		out[i] = strings.NewReplacer("_", " ", `\r`, "\r", `\0`, "\x00").Replace(a)
	}
	return out
}
