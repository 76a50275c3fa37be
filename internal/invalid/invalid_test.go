package invalid

import (
	"errors"
	"slices"
	"testing"
)

func TestParts(t *testing.T) {
	for key, want := range map[string][]string{
		"":                               nil,
		"paths[1]":                       {"paths", "1"},
		"step.0.parse.pattern":           {"step", "0", "parse", "pattern"},
		"tags." + Quote("__a.b"):         {"tags", "__a.b"},
		"tags." + Quote(`a"]\.é`) + ".x": {"tags", `a"]\.é`, "x"},
		"tags." + Quote(""):              {"tags", ""},
		`tags."open`:                     {"tags", `"open`},
	} {
		if got := Parts(key); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestUnder(t *testing.T) {
	err := Under("step.0", errors.Join(Key("", "says nothing", ""), Key("time", "is missing", "a hint"), errors.New("other")))
	if got, want := err.Error(), "step.0: says nothing\nstep.0.time: is missing (a hint)\nstep.0: other"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if Under("x", nil) != nil {
		t.Error("no error became one")
	}
}
