package batch

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/pkg/checkpoint"
	"shipper/pkg/tail"
)

// tb is what helpers need of a testing.T, a testing.B or a rapid.T.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// rig is a batcher over a store in a temporary directory.
type rig struct {
	*Batcher
	store *checkpoint.Store
}

func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	return &rig{Batcher: New(o.orDefault()), store: newStore(t)}
}

func newStore(t testing.TB) *checkpoint.Store {
	t.Helper()
	store, err := checkpoint.Open(t.TempDir(), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func (o Options) orDefault() Options {
	if o.Config == (Config{}) {
		o.Config = Default()
	}
	if o.Budget == nil {
		o.Budget = NewBudget(64 << 20)
	}
	return o
}

func (r *rig) stream() *checkpoint.Stream {
	return r.store.Stream(r.store.Begin(tail.Epoch{Route: tail.Route{Input: "in", Target: "to"}}))
}

func path(p string) Group { return Group{Path: func() string { return p }} }

// chunkOf cuts text into lines that are views into it, as the tailer does. The last line may lack its end.
func chunkOf(from int64, text []byte, read time.Time) *tail.Chunk {
	var lines []tail.Line
	for off := 0; off < len(text); {
		end, size := len(text), len(text)-off
		if i := bytes.IndexByte(text[off:], '\n'); i >= 0 {
			end, size = off+i, i+1
		}
		lines = append(lines, tail.Line{Text: text[off:end], Size: size})
		off += size
	}
	return tail.NewChunk(text, from, from, from+int64(len(text)), lines, read)
}

// take returns what is queued now.
func take(t tb, b *Batcher) (out []*Batch) {
	t.Helper()
	for b.Stats().Queued > 0 {
		var err error
		if out, err = b.Take(context.Background(), out, Limit{}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func decode(t tb, group []byte) *sls.LogGroup {
	t.Helper()
	g := &sls.LogGroup{}
	if err := g.Unmarshal(group); err != nil {
		t.Fatal(err)
	}
	return g
}

// lines returns the values of the plain logs of a group, each with a line end.
func lines(t tb, group []byte) string {
	t.Helper()
	var out strings.Builder
	for _, l := range decode(t, group).Logs {
		if len(l.Contents) != 1 || l.Contents[0].GetKey() != contentKey {
			t.Fatalf("log %v", l)
		}
		out.WriteString(l.Contents[0].GetValue() + "\n")
	}
	return out.String()
}

func tagsOf(g *sls.LogGroup) map[string]string {
	out := map[string]string{}
	for _, tag := range g.LogTags {
		out[tag.GetKey()] = tag.GetValue()
	}
	return out
}
