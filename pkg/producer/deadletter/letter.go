package deadletter

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"
)

// Letter is one refused piece of a file: usually one log, sometimes a whole group that could not be taken apart.
type Letter struct {
	ID        string    `json:"id"` // set by Write
	Time      time.Time `json:"time"`
	Target    string    `json:"target"`
	Project   string    `json:"project"`
	Logstore  string    `json:"logstore"`
	Path      string    `json:"path"` // of the log file
	From      int64     `json:"from"` // byte range in the log file
	To        int64     `json:"to"`
	Logs      int       `json:"logs"` // logs in Group
	Status    int       `json:"status,omitempty"`
	Code      string    `json:"code"` // errorCode of the service
	Message   string    `json:"message"`
	RequestID string    `json:"request_id"`
	Group     []byte    `json:"group"` // serialised LogGroup, ready to be posted again; Write does not keep it
}

// DamagedError reports a line that is no letter: torn by a crash or changed by hand. It is left where it is.
type DamagedError struct {
	File string
	Line int // from 1
	Err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s line %d: %v", e.File, e.Line, e.Err) }
func (e *DamagedError) Unwrap() error { return e.Err }

// maxLine bounds one line, in bytes, whatever somebody put into the file.
const maxLine = 32 << 20

var errLine = errors.New("not a letter")

// record is one line of a file: a letter, or a damaged one.
type record struct {
	letter Letter
	raw    []byte // without the line end
	bad    error  // *DamagedError, or nil
}

// scan reads one file; an error ends the sequence.
func scan(path string) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			return // purged meanwhile
		}
		if err != nil {
			yield(record{}, fmt.Errorf("read dead letters: %w", err))
			return
		}
		defer f.Close()
		r := bufio.NewReaderSize(f, 64<<10)
		for n := 1; ; n++ {
			line, err := readLine(r)
			if errors.Is(err, io.EOF) && len(line) == 0 {
				return
			}
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLine) {
				yield(record{}, fmt.Errorf("read dead letters in %s: %w", path, err))
				return
			}
			rec := record{raw: line}
			if rec.letter, err = parse(line); err != nil {
				rec.bad = &DamagedError{File: path, Line: n, Err: err}
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func parse(line []byte) (Letter, error) {
	var l Letter
	if err := json.Unmarshal(line, &l); err != nil {
		return Letter{}, fmt.Errorf("%w: %w", errLine, err)
	}
	if l.ID == "" {
		return Letter{}, fmt.Errorf("%w: it has no id", errLine)
	}
	return l, nil
}

// readLine reads up to and without the next line end. Of a line longer than maxLine only the beginning comes, with errLine.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			tooLong = true
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && tooLong:
			return line, errLine
		case err == nil:
			return line[:len(line)-1], nil
		}
		return line, err
	}
}
