package deadletter

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
)

// line is a letter as it stands in a file: one line of JSON. It is written piece by piece, because a letter may be as large as a request and
// comes when memory is used up.
type line struct {
	head  []byte // up to the first letter of the group, which is the last field
	group []byte
}

const lineEnd = "\"}\n"

func lineOf(l Letter) (line, error) {
	group := l.Group
	l.Group = nil
	text, err := json.Marshal(l)
	if err != nil {
		return line{}, err
	}
	head, ok := bytes.CutSuffix(text, []byte("null}"))
	if !ok {
		return line{}, errors.New("the group is not the last field")
	}
	return line{append(head, '"'), group}, nil
}

// size is the length of the line in bytes, its end included.
func (l line) size() int64 {
	return int64(len(l.head) + base64.StdEncoding.EncodedLen(len(l.group)) + len(lineEnd))
}

func (l line) write(w io.Writer) error {
	b := bufio.NewWriterSize(w, 32<<10)
	_, _ = b.Write(l.head) // b remembers what went wrong
	enc := base64.NewEncoder(base64.StdEncoding, b)
	_, _ = enc.Write(l.group)
	_ = enc.Close()
	_, _ = b.WriteString(lineEnd)
	return b.Flush()
}
