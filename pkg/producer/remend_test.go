package producer

import (
	"testing"
	"time"
)

// TestMendGroup sets the time of a log that waited too long, and leaves alone what it was not told about.
func TestMendGroup(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	old := appendVarint(nil, logTime, uint64(now.Add(-8*24*time.Hour).Unix()))
	old = appendBytes(old, logContents, appendBytes(appendBytes(nil, pairKey, []byte("content")), pairValue, []byte("a line")))
	group := appendBytes(nil, groupLogs, old)
	late := Classify(Reply{Status: 400, RequestID: "1", Code: "PostBodyInvalid", Message: "log time is out of range"}, nil)
	mended, ok := Mend(group, late, now)
	if !ok || string(mended) == string(group) {
		t.Fatalf("not mended: %v %+v", ok, late)
	}
	if again, ok := Mend(mended, late, now); ok {
		t.Errorf("mended twice: %x", again)
	}
	other := Classify(Reply{Status: 400, RequestID: "1", Code: "InvalidKey"}, nil)
	if same, ok := Mend(group, other, now); ok || string(same) != string(group) {
		t.Error("a good key was mended")
	}
	if _, ok := Mend(group, Classify(Reply{Status: 200, RequestID: "1"}, nil), now); ok {
		t.Error("an accepted group was mended")
	}
}
