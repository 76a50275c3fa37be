package tail

import (
	"maps"
	"path/filepath"
	"slices"
	"time"
)

// lead is a configured path that leads to a file, or led to one. Discovery owns it.
type lead struct {
	path   string
	file   *file     // nil if it leads to none now
	looked time.Time // when it was looked at last
	dir    *dir      // which has it on its list
	listed uint64    // the last listing that held its name
}

// keepLead is how long a path that leads nowhere is remembered: what comes there within that time may not be the first since.
const keepLead = time.Hour

// at returns the file that a configured path leads to; nil if it leads to none.
func (t *Tailer) at(path string) *file {
	if l := t.leads[path]; l != nil {
		return l.file
	}
	return nil
}

// setName notes that a configured path leads to f.
func (t *Tailer) setName(f *file, path string) {
	l := t.leads[path]
	if l == nil {
		l = &lead{path: path, looked: t.now()}
		t.leads[path] = l
	}
	if l.file == nil {
		t.leading++
	}
	l.file = f
	if !slices.Contains(f.names, l) {
		f.names = append(f.names, l)
	}
	where, direct := t.resolved(path, f.info)
	f.where = where
	f.lookedAt = t.now()
	dirPath := filepath.Dir(path)
	d := t.dirs[dirPath]
	if d == nil {
		d = t.addDir(dirPath)
	}
	d.take(l)
	if !direct {
		t.followLinks(path, where)
	}
	t.touched[f] = struct{}{}
}

// unname notes that a configured path leads to its file no more.
func (t *Tailer) unname(l *lead) {
	f := l.file
	t.unlist(l)
	f.names = slices.DeleteFunc(f.names, func(o *lead) bool { return o == l })
	t.touched[f] = struct{}{}
}

// unlist is unname without the file's part of it.
func (t *Tailer) unlist(l *lead) {
	l.file = nil
	t.leading--
	for at, names := range t.links {
		if delete(names, l.path); len(names) == 0 {
			delete(t.links, at)
		}
	}
}

// forgetLeads forgets paths that have led nowhere for long.
func (t *Tailer) forgetLeads() {
	if len(t.leads) == t.leading {
		return
	}
	now := t.now()
	maps.DeleteFunc(t.leads, func(_ string, l *lead) bool { return l.file == nil && now.Sub(l.looked) > keepLead })
}

// take puts l on the list of d.
func (d *dir) take(l *lead) {
	if l.dir != d {
		l.dir = d
		d.leads = append(d.leads, l)
	}
}

// prune takes leads off the list of d that were forgotten, or are on another's.
func (t *Tailer) prune(d *dir) {
	d.leads = slices.DeleteFunc(d.leads, func(l *lead) bool {
		return l.dir != d || l.file == nil && t.leads[l.path] != l
	})
}
