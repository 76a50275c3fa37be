package tail

import (
	"os"
	"path/filepath"

	"shipper/internal/linux"
)

// resolved is path without symbolic links, or path itself if they cannot be followed now; info is of the file that it leads to. It is
// direct if there are none. Files that are in one directory share the walk to it, once in a step: what that gave is taken where it
// leads to the very file, which one call tells.
func (t *Tailer) resolved(path string, info linux.Info) (where string, direct bool) {
	dir, name := filepath.Split(path)
	real, err := t.realDir(dir)
	if err != nil {
		return path, false
	}
	at := path
	if real != filepath.Clean(dir) {
		at = filepath.Join(real, name)
	}
	if found, err := linux.Lstat(at); err == nil && found.Regular() && found.Dev == info.Dev && found.Ino == info.Ino {
		return at, at == path
	}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		return real, false // else the one string does for both
	}
	return path, false
}

// realDir is a directory without symbolic links, as it was when it was first asked for in this step.
func (t *Tailer) realDir(dir string) (string, error) {
	if real, known := t.realDirs[dir]; known {
		return real, nil
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	if t.realDirs == nil {
		t.realDirs = map[string]string{}
	}
	t.realDirs[dir] = real
	return real, nil
}

// followLinks watches every directory on the way of a path's symbolic links to where it leads, so that a swap or a write is noticed.
func (t *Tailer) followLinks(path, where string) {
	at := path
	for range 40 {
		to, err := os.Readlink(at)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		at = filepath.Clean(to)
		t.linkTo(at, path)
	}
	if where != path {
		t.linkTo(where, path)
	}
}

func (t *Tailer) linkTo(at, path string) {
	if t.links[at] == nil {
		t.links[at] = map[string]struct{}{}
	}
	t.links[at][path] = struct{}{}
	parent := filepath.Dir(at)
	d := t.dirs[parent]
	if d == nil {
		d = t.addDir(parent)
		d.next = true
	}
	t.watch(d)
}
