package daemon

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// op is one step of a script: a word, a log (a or b) where it needs one, and a number where it takes one.
type op struct {
	do  string
	log string
	n   int
}

func (o op) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", o.do, o.log, map[bool]string{true: fmt.Sprint(o.n)}[o.n != 0]))
}

// script is what a sequence does. all says that the pattern matches rotated files too.
type script struct {
	all bool
	ops []op
}

func (s script) String() string {
	var b strings.Builder
	if s.all {
		b.WriteString("all\n")
	}
	for _, o := range s.ops {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}

func parseScript(text string) (script, error) {
	var s script
	for _, l := range strings.Split(text, "\n") {
		f := strings.Fields(l)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if f[0] == "all" {
			s.all = true
			continue
		}
		o := op{do: f[0]}
		for _, a := range f[1:] {
			if n, err := fmt.Sscan(a, &o.n); n == 1 && err == nil {
				continue
			}
			o.log = a
		}
		s.ops = append(s.ops, o)
	}
	return s, nil
}

// kinds of steps with how often they come.
var kinds = []struct {
	do     string
	weight int
	log    bool
	most   int
}{
	{"write", 8, true, 30}, {"flood", 1, true, 4000}, {"partial", 2, true, 0},
	{"rotate", 4, true, 0}, {"rename", 2, true, 0}, {"reopen", 2, true, 0},
	{"copytruncate", 4, true, 0}, {"copygap", 1, true, 5}, {"slowcopy", 1, true, 0},
	{"truncate", 1, true, 0}, {"refill", 1, true, 0}, {"delete", 1, true, 0}, {"drop", 1, true, 0},
	{"gzip", 2, true, 0}, {"look", 3, false, 0}, {"settle", 2, false, 0},
	{"pause", 1, false, 0}, {"denied", 1, false, 0}, {"5xx", 1, false, 4}, {"throttle", 1, false, 2},
	{"cut-before", 1, false, 4}, {"cut-after", 1, false, 4}, {"heal", 2, false, 0},
	{"stop", 2, false, 0}, {"kill", 2, false, 0}, {"start", 4, false, 0},
}

// drawScript draws the sequence of a seed.
func drawScript(seed uint64) script {
	rnd := rand.New(rand.NewPCG(seed, 0))
	var words []int
	for i, k := range kinds {
		for range k.weight {
			words = append(words, i)
		}
	}
	s := script{all: rnd.IntN(2) == 0}
	for range 1 + rnd.IntN(mostOps) {
		k := kinds[words[rnd.IntN(len(words))]]
		o := op{do: k.do}
		if k.log {
			o.log = []string{"a", "a", "b"}[rnd.IntN(3)]
		}
		if k.most > 0 {
			o.n = 1 + rnd.IntN(k.most)
		}
		s.ops = append(s.ops, o)
	}
	return s
}

// mostOps is the length of the longest sequence.
const mostOps = 40
