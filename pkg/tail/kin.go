package tail

import (
	"iter"
	"path/filepath"
	"slices"
	"strings"
)

// names finds streams by path, and by what the names that rotation makes of a path begin with. With it ten thousand files are
// admitted without comparing each with each.
type names struct {
	paths map[string][]*stream // by path
	stems map[string][]*stream // by path without the mark of its generation, where there is one: app.log for app.log.1
	at    map[*stream]string   // the path under which a stream stands in the others
}

func newNames() names {
	return names{paths: map[string][]*stream{}, stems: map[string][]*stream{}, at: map[*stream]string{}}
}

// put notes the present path of s.
func (n *names) put(s *stream) {
	path := s.path()
	if old, ok := n.at[s]; ok {
		if old == path {
			return
		}
		n.drop(s)
	}
	n.at[s] = path
	n.paths[path] = append(n.paths[path], s)
	if stem := stemOf(path); stem != "" {
		n.stems[stem] = append(n.stems[stem], s)
	}
}

// drop forgets s.
func (n *names) drop(s *stream) {
	path, ok := n.at[s]
	if !ok {
		return
	}
	delete(n.at, s)
	take(n.paths, path, s)
	if stem := stemOf(path); stem != "" {
		take(n.stems, stem, s)
	}
}

func take(in map[string][]*stream, key string, s *stream) {
	rest := slices.DeleteFunc(in[key], func(o *stream) bool { return o == s })
	if in[key] = rest; len(rest) == 0 {
		delete(in, key)
	}
}

// stemOf is path without the mark of a generation at its end; "" if it has none. See rotatedName.
func stemOf(path string) string {
	base := plainName(filepath.Base(path))
	stem := strings.TrimRight(base, generation)
	if stem == base || stem == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(path), stem)
}

// generation is what the mark of a generation may consist of.
const generation = ".-_@:+TZ0123456789"

// rotatedTo calls f with every stream in dir whose name rotation may have turned into name. It may be called with others,
// and twice with one: rotatedName tells.
func (n *names) rotatedTo(dir, name string, f func(*stream)) {
	for base := range originals(name) {
		path := filepath.Join(dir, base)
		for _, s := range n.paths[path] {
			f(s)
		}
		for _, s := range n.stems[path] {
			f(s)
		}
	}
}

// originals are the names that rotation may have turned into name, and some others.
func originals(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		plain := plainName(name)
		ext := filepath.Ext(plain)
		for i := 1; i < len(name); i++ {
			if !strings.ContainsRune(".-_~@", rune(name[i])) {
				continue
			}
			if !yield(name[:i]) { // app.log.1 of app.log
				return
			}
			end := len(plain) - len(ext)
			if i < end && ext != "" && strings.Trim(plain[i:end], generation) == "" && !yield(plain[:i]+ext) { // app-20260101.log of app.log
				return
			}
		}
	}
}

// lookAtOriginals looks again at what the new files of this step may be copies of, where that was done last before they were made.
func (t *Tailer) lookAtOriginals() {
	fresh := slices.Clone(t.fresh)
	for f := range t.touched {
		if t.wants(f) {
			fresh = append(fresh, f)
		}
	}
	for _, f := range fresh {
		dir, name := filepath.Split(f.where)
		for base := range originals(name) {
			t.lookSince(filepath.Join(dir, base), f)
		}
	}
}

// lookSince looks at a configured path again if that was done last before f was made.
func (t *Tailer) lookSince(path string, f *file) {
	if l := t.leads[path]; l != nil && l.looked.UnixNano() < f.id.Birth+int64(clockGrain) {
		t.look(path)
	}
}

// kin returns the streams of a route whose content f may hold: those that f's name is a rotation of, or whose path f took.
// The newest come first.
func (t *Tailer) kin(f *file, r Route) []*stream {
	var out []*stream
	add := func(s *stream) {
		if s.route == r && s.file != f && (s.file != nil || kernelIs(s.epoch.Identity, f.id) == different) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, l := range f.names {
		for _, s := range t.byName.paths[l.path] {
			add(s)
		}
	}
	name := filepath.Base(f.where)
	for _, dir := range []string{filepath.Dir(f.where), filepath.Dir(filepath.Dir(f.where))} {
		t.byName.rotatedTo(dir, name, func(s *stream) {
			if rotatedName(filepath.Base(s.path()), name) {
				add(s)
			}
		})
	}
	slices.SortFunc(out, func(a, b *stream) int { return int(int64(b.id) - int64(a.id)) })
	return out
}

func hasName(f *file, path string) bool {
	return slices.ContainsFunc(f.names, func(l *lead) bool { return l.path == path })
}
