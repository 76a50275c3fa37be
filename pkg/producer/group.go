package producer

// countLogs is the number of logs in a LogGroup.
func countLogs(group []byte) (int, error) {
	n := 0
	for rest := group; len(rest) > 0; {
		f, tail, err := next(rest)
		if err != nil {
			return n, err
		}
		if rest = tail; f.num == groupLogs && f.kind == lengthy {
			n++
		}
	}
	return n, nil
}

// cut returns a LogGroup with the logs [from, to) of group and everything else that it says (topic, source, tags).
func cut(group []byte, from, to int) ([]byte, error) {
	var out []byte
	n := 0
	for rest := group; len(rest) > 0; {
		f, tail, err := next(rest)
		if err != nil {
			return nil, err
		}
		rest = tail
		if f.num == groupLogs && f.kind == lengthy {
			n++
			if n-1 < from || n-1 >= to {
				continue
			}
		}
		out = append(out, f.raw...)
	}
	return out, nil
}
