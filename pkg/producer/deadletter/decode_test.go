package deadletter

import (
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"github.com/gogo/protobuf/proto"
	"github.com/google/go-cmp/cmp"
)

// TestDecode reads what the official SDK's encoder writes.
func TestDecode(t *testing.T) {
	b, err := (&sls.LogGroup{
		Topic: proto.String("web"), Source: proto.String("10.0.0.1"),
		LogTags: []*sls.LogTag{{Key: proto.String("__path__"), Value: proto.String("/var/log/a.log")}},
		Logs: []*sls.Log{
			{Time: proto.Uint32(1700000000), TimeNs: proto.Uint32(5), Contents: []*sls.LogContent{{Key: proto.String("content"), Value: proto.String("one")}}},
			{Time: proto.Uint32(1700000001), Contents: []*sls.LogContent{{Key: proto.String("a"), Value: proto.String("")}, {Key: proto.String("b"), Value: proto.String("2")}}},
		},
	}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	want := Group{Topic: "web", Source: "10.0.0.1", Tags: []Field{{"__path__", "/var/log/a.log"}}, Logs: []Log{
		{time.Unix(1700000000, 5).UTC(), []Field{{"content", "one"}}},
		{time.Unix(1700000001, 0).UTC(), []Field{{"a", ""}, {"b", "2"}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Decode(b[:len(b)-1]); err == nil {
		t.Error("a torn group was taken")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0x05, 0x08, 0x01, 0x12, 0x01, 0x0a})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Decode(b); err != nil {
			return
		}
	})
}

// TestIDs: two Stores that begin in the same second do not give the same ids.
func TestIDs(t *testing.T) {
	dir := t.TempDir()
	now := func() time.Time { return time.Unix(1700000000, 0) }
	ids := map[string]bool{}
	for range 4 {
		s, err := Open(dir, Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(Letter{Target: "central"}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for l, err := range s.List() {
		if err != nil {
			t.Fatal(err)
		}
		ids[l.ID] = true
		n++
	}
	// Four of 65536: equal ones would be a rare accident, four equal ones are a fault.
	if n != 4 || len(ids) < 3 {
		t.Errorf("%d letters with %d ids", n, len(ids))
	}
}

// TestPurgeDamaged takes away what is no letter and leaves the letters.
func TestPurgeDamaged(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(Letter{Target: "central"}); err != nil {
		t.Fatal(err)
	}
	if err := appendFile(dir+"/"+fileName(1), line{head: []byte("torn")}); err != nil {
		t.Fatal(err)
	}
	if err := s.PurgeDamaged(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range s.List() {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d letters are left", n)
	}
}
