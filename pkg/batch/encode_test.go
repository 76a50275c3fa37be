package batch

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/pkg/tail"
)

// sameBytes checks that the SDK, given what it read from group, writes the very same bytes.
func sameBytes(t tb, group []byte) *sls.LogGroup {
	t.Helper()
	g := decode(t, group)
	again, err := g.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(group, again) {
		t.Fatalf("SDK writes\n%x, not\n%x", again, group)
	}
	return g
}

// FuzzPlain writes arbitrary bytes as lines, in two chunks, and reads them back with the SDK.
func FuzzPlain(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nfour"), 5, int64(1_700_000_000_123_456_789))
	f.Add([]byte("caf\xc3\xa9\nbroken \xc3\n\xa9 too\n"), 9, int64(0))
	f.Add([]byte(strings.Repeat("x", 130)+"\n"+strings.Repeat("y", 17000)), 131, int64(-5))
	f.Add([]byte(strings.Repeat("\n", 300)), 7, int64(math.MaxInt64))
	store := newStore(f)
	f.Fuzz(func(t *testing.T, text []byte, at int, ns int64) {
		at = min(max(at, 0), len(text))
		at = bytes.LastIndexByte(text[:at], '\n') + 1
		meta := Meta{Topic: "t", Source: "1.2.3.4", Hostname: "h", Tags: map[string]string{"b": "2", "a": "1"}}
		r := &rig{Batcher: New(Options{Meta: meta}.orDefault()), store: store}
		w := r.Writer(r.stream(), path("/p"))
		read := time.Unix(0, ns)
		w.Write(chunkOf(0, text[:at], read))
		w.Write(chunkOf(int64(at), text[at:], read))
		w.Finish()
		var want, got []string
		for line := range bytes.Lines(text) {
			want = append(want, strings.ToValidUTF8(string(bytes.TrimSuffix(line, []byte("\n"))), "\uFFFD"))
		}
		for _, b := range take(t, r.Batcher) {
			g := sameBytes(t, b.Group())
			for _, l := range g.Logs {
				got = append(got, l.Contents[0].GetValue())
				if sec := min(max(read.Unix(), 0), math.MaxUint32); int64(l.GetTime()) != sec || int(l.GetTimeNs()) != read.Nanosecond() {
					t.Fatalf("time %d.%d, want %v", l.GetTime(), l.GetTimeNs(), read)
				}
			}
			b.Ack()
			b.Free()
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// A log with a fixed head is the same log.
func TestFixedHeads(t *testing.T) {
	long := bytes.Repeat([]byte("abcdefghijklm"), 2000)
	for _, at := range []time.Time{time.Unix(1_700_000_000, 123_456_789), time.Unix(1<<28, 0), time.Unix(math.MaxUint32, 999_999_999)} {
		st := stampOf(at)
		for n := range 17000 {
			if n > 300 && n < 16000 && n%97 != 0 {
				continue
			}
			p := st.plainOf(n)
			size := fixedSize(n)
			if size == 0 {
				if n <= 100 || n >= 128 && n < 16000 {
					t.Fatalf("%d bytes have no fixed head", n)
				}
				continue
			}
			if size != p.total {
				t.Fatalf("%d bytes take %d, not %d", n, size, p.total)
			}
			want, got := make([]byte, size), make([]byte, size)
			st.putPlain(want, long[:n], p)
			if st.putFixed(got, long[:n]); !bytes.Equal(want, got) {
				t.Fatalf("%d bytes:\n%x, not\n%x", n, got[:40], want[:40])
			}
		}
	}
	if st := stampOf(time.Unix(1000, 0)); st.fixed {
		t.Error("a time that takes fewer bytes has fixed heads")
	}
}

// FuzzFields appends a log of arbitrary fields.
func FuzzFields(f *testing.F) {
	f.Add([]byte("k"), []byte("v"), []byte(""), []byte("\xff\xfe"), int64(1_700_000_000_000_000_001))
	store := newStore(f)
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 []byte, ns int64) {
		r := &rig{Batcher: New(Options{}.orDefault()), store: store}
		w := r.Writer(r.stream(), Group{})
		fields := []Field{{k1, v1}, {k2, v2}}
		if ns == 0 {
			ns = 1
		}
		w.Append(&Log{Fields: fields, Time: ns, Size: 10, Marker: tail.Marker{Len: 1, Sum: 1}}, nil)
		w.Finish()
		g := sameBytes(t, take(t, r.Batcher)[0].Group())
		if len(g.Logs) != 1 || len(g.Logs[0].Contents) != 2 {
			t.Fatalf("group %v", g)
		}
		for i, c := range g.Logs[0].Contents {
			if c.GetKey() != strings.ToValidUTF8(string(fields[i].Key), "\uFFFD") || c.GetValue() != strings.ToValidUTF8(string(fields[i].Value), "\uFFFD") {
				t.Fatalf("field %d is %q", i, c)
			}
		}
		if want := time.Unix(0, ns); want.Unix() >= 0 && (int64(g.Logs[0].GetTime()) != want.Unix()&math.MaxUint32 && want.Unix() <= math.MaxUint32 || int(g.Logs[0].GetTimeNs()) != want.Nanosecond()) {
			t.Fatalf("time %d.%09d, want %v", g.Logs[0].GetTime(), g.Logs[0].GetTimeNs(), want)
		}
	})
}

func TestTrailer(t *testing.T) {
	r := newRig(t, Options{Meta: Meta{Topic: "topic", Source: "10.0.0.1", Hostname: "web-1", Tags: map[string]string{"env": "prod", "app": "target"}}})
	long := "/" + strings.Repeat("ü", 400)
	s := r.stream()
	w := r.Writer(s, Group{Path: func() string { return long }, Tags: map[string]string{"app": "nginx", "bad": "\xff"}})
	for i := range 2 {
		w.Write(chunkOf(int64(i*2), []byte("x\n"), time.Now()))
		w.Finish()
	}
	got := take(t, r.Batcher)
	g := sameBytes(t, got[1].Group())
	if g.GetTopic() != "topic" || g.GetSource() != "10.0.0.1" {
		t.Errorf("topic %q, source %q", g.GetTopic(), g.GetSource())
	}
	tags := tagsOf(g)
	if p := tags["__path__"]; len(p) > 511 || len(p) < 508 || !utf8.ValidString(p) {
		t.Errorf("path of %d bytes", len(p))
	}
	prefix, seq, _ := strings.Cut(tags["__pack_id__"], "-")
	first, _, _ := strings.Cut(tagsOf(decode(t, got[0].Group()))["__pack_id__"], "-")
	if seq != "1" || prefix != first || prefix != strings.ToUpper(prefix) {
		t.Errorf("pack id %q behind %q", tags["__pack_id__"], first)
	}
	for key, want := range map[string]string{"__hostname__": "web-1", "env": "prod", "app": "nginx", "bad": "\uFFFD"} {
		if tags[key] != want {
			t.Errorf("tag %s is %q, want %q", key, tags[key], want)
		}
	}
	if len(g.LogTags) != 6 {
		t.Errorf("%d tags: %v", len(g.LogTags), g.LogTags)
	}
}

func TestValidLines(t *testing.T) {
	block := []byte("a\xc3\nb\xa9c\nlast")
	views := chunkOf(0, block, time.Time{}).Lines
	if validLines(views) {
		t.Error("a character cut by a line end is not valid")
	}
	good := chunkOf(0, []byte("é\n日本\r\nx"), time.Time{}).Lines
	if whole, ok := contiguous(good); !ok || string(whole) != "é\n日本\r\nx" || !validLines(good) {
		t.Errorf("%q %v", whole, ok)
	}
	// Two pieces of one long line, cut within a character: together they are valid, and each is not.
	cut := []byte("x\xc3\xa9y")
	pieces := []tail.Line{{Text: cut[:2], Size: 2, Flags: tail.Continued}, {Text: cut[2:], Size: 2}}
	if validLines(pieces) {
		t.Error("pieces of a character pass for text")
	}
	pieces[0].Flags = 0
	if validLines(pieces) {
		t.Error("pieces of a character pass for text when they are not flagged")
	}
	// Lines that do not lie one behind the other.
	apart := []tail.Line{{Text: []byte("one"), Size: 4}, {Text: []byte("t\xffo"), Size: 4}}
	if validLines(apart) {
		t.Error("lines from elsewhere are not looked at")
	}
	skip := []tail.Line{{Text: []byte("one"), Size: 4}, {Text: []byte("\xff"), Size: 4, Flags: tail.Skip}}
	if !validLines(skip) {
		t.Error("skipped lines do not count")
	}
}

func TestVarintLen(t *testing.T) {
	for shift := range 31 {
		for _, n := range []int{1<<shift - 1, 1 << shift, 1<<shift + 1} {
			if got, want := varintLen(n), putAnyVarint(make([]byte, 10), 0, n); got != want {
				t.Errorf("varintLen(%d) = %d, want %d", n, got, want)
			}
			b := make([]byte, 10)
			if end := putVarint(b, 0, n); end != varintLen(n) {
				t.Errorf("putVarint(%d) takes %d", n, end)
			}
		}
	}
}

func TestClasses(t *testing.T) {
	for class := range classes {
		size := classSize(class)
		if classOf(size) != class || class > 0 && classOf(classSize(class-1)+1) != class {
			t.Errorf("class %d of %d bytes: %d, %d", class, size, classOf(size), classOf(classSize(max(0, class-1))+1))
		}
	}
	if classSize(0) != 1<<classMinBits || classSize(classes-1) != MaxGroup {
		t.Errorf("from %d to %d", classSize(0), classSize(classes-1))
	}
}
