package config

// Files returns the files that Load would read now, with their hashes, as far as they can be read. It judges nothing: a watcher
// calls it to find out whether something changed, new files of a glob and a swapped link included.
func Files(opts Options) []File {
	l := newLoader(opts)
	l.file(l.main, nil)
	return l.files
}
