package tail

// Glob is the paths and the exclusions of one input, for those who want to know what it reads without reading: the same matcher
// that the Tailer goes by.
type Glob struct{ g glob }

// NewGlob compiles the patterns of a Config that was validated; the error names the pattern that is none.
func NewGlob(c Config) (Glob, error) {
	g, err := newGlob(c.Paths, c.Exclude)
	return Glob{g}, err
}

// Matches reports whether path, absolute and clean, is one to read.
func (g Glob) Matches(path string) bool { return g.g.matches(path) }

// Descends reports whether a file below the directory dir could match.
func (g Glob) Descends(dir string) bool { return g.g.descends(dir) }

// Bases are the directories that the patterns begin with: the longest ones without a wildcard.
func (g Glob) Bases() []string {
	var out []string
	for _, p := range g.g.include {
		out = append(out, p.base)
	}
	return out
}
