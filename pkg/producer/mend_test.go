package producer

import (
	"bytes"
	"testing"
	"time"
	"unicode/utf8"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"github.com/gogo/protobuf/proto"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 500, time.UTC)

func log1(at time.Time, pairs ...string) *sls.Log {
	l := &sls.Log{Time: proto.Uint32(uint32(at.Unix()))}
	for i := 0; i < len(pairs); i += 2 {
		l.Contents = append(l.Contents, &sls.LogContent{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return l
}

func group1(t testing.TB, logs ...*sls.Log) []byte {
	g := &sls.LogGroup{Logs: logs, Topic: proto.String("t\xff"), Source: proto.String("10.0.0.1"),
		LogTags: []*sls.LogTag{{Key: proto.String("__path__"), Value: proto.String("/a\xfe")}, {Key: proto.String(""), Value: proto.String("x")}}}
	b, err := g.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, b []byte) *sls.LogGroup {
	g := &sls.LogGroup{}
	if err := g.Unmarshal(b); err != nil {
		t.Fatalf("%v in %q", err, b)
	}
	return g
}

func TestMend(t *testing.T) {
	long := string(bytes.Repeat([]byte("k"), 200))
	group := group1(t,
		log1(noon.Add(-time.Hour), "content", "fine"),
		log1(noon.Add(-8*24*time.Hour), "content", "old"),
		log1(noon.Add(time.Hour), "content", "early"),
		log1(noon, "content", "b\xc3(d"),
		log1(noon, "", "gone", "stays", "v"),
		log1(noon, "", "alone"),
		log1(noon, long, "v"),
	)
	check := func(what mend, force bool, logs int, other bool) *sls.LogGroup {
		t.Helper()
		m := mender{what: what, now: noon, force: force}
		out := parse(t, m.group(group))
		if m.logs != logs || m.other != other || len(out.Logs) != 7 || out.GetSource() != "10.0.0.1" {
			t.Errorf("%d logs changed, other %v, %d logs", m.logs, m.other, len(out.Logs))
		}
		again := mender{what: what, now: noon}
		again.group(m.group(group))
		if !force && (again.logs != 0 || again.other && what != mendKey) {
			t.Errorf("mending twice changes %d logs", again.logs)
		}
		return out
	}
	g := check(mendTime, false, 2, false)
	for i, want := range []time.Time{noon.Add(-time.Hour), noon, noon} {
		if at := time.Unix(int64(g.Logs[i].GetTime()), 0); at.Unix() != want.Unix() {
			t.Errorf("log %d is of %v", i, at)
		}
	}
	if g.Logs[1].GetTimeNs() != 500 || g.Logs[0].TimeNs != nil || g.Logs[1].Contents[0].GetValue() != "old" {
		t.Errorf("%v", g.Logs[:2])
	}
	check(mendTime, true, 7, false)

	g = check(mendEncoding, false, 1, true)
	if v := g.Logs[3].Contents[0].GetValue(); v != "b\uFFFD(d" || g.GetTopic() != "t\uFFFD" || g.LogTags[0].GetValue() != "/a\uFFFD" {
		t.Errorf("%q %v", v, g)
	}

	g = check(mendKey, false, 2, true)
	if len(g.Logs[4].Contents) != 1 || g.Logs[4].Contents[0].GetKey() != "stays" || len(g.LogTags) != 1 || len(g.Logs[6].Contents[0].GetKey()) != maxKey {
		t.Errorf("%v", g)
	}
	if len(g.Logs[5].Contents) != 1 {
		t.Error("a log lost all it had")
	}
	forced := mender{what: mendKey, now: noon, force: true}
	g = parse(t, forced.group(group1(t, log1(noon, "1 käse", "v"))))
	if k := g.Logs[0].Contents[0].GetKey(); k != "_1_k__se" {
		t.Errorf("%q", k)
	}
}

// Nothing that looks like a group, and nothing else either, makes mending panic or grow; a group stays one.
func FuzzMend(f *testing.F) {
	f.Add(group1(f, log1(noon, "content", "b\xc3(d")), uint8(7), true)
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, uint8(1), false)
	f.Fuzz(func(t *testing.T, in []byte, what uint8, force bool) {
		m := mender{what: mend(what), now: noon, force: force}
		out := m.group(in)
		var before, after sls.LogGroup
		if before.Unmarshal(in) != nil {
			return
		}
		if err := after.Unmarshal(out); err != nil {
			t.Fatalf("%v: %q became %q", err, in, out)
		}
		if len(before.Logs) != len(after.Logs) {
			t.Fatalf("%d logs became %d", len(before.Logs), len(after.Logs))
		}
		for rest := in; len(rest) > 0; {
			var err error
			if _, rest, err = next(rest); err != nil {
				return // holds what no writer of ours makes: it came back as it was
			}
		}
		if m.what&mendEncoding != 0 && !utf8.ValidString(after.GetTopic()) {
			t.Fatal("the topic is still not UTF-8")
		}
	})
}
