package emulator

import (
	"strings"
	"testing"
	"time"
)

// What the service forgets it takes a second time: by a fault, and (an option) when the key's shard is split.
func TestForgetfulSequence(t *testing.T) {
	for _, forgets := range []bool{false, true} {
		l := start(t, Options{SplitForgets: forgets})
		c := l.assume(nil)
		low, high := strings.Repeat("0", 31)+"1", strings.Repeat("f", 31)+"0"
		post := func(key string) string {
			return l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken,
				rawRequest{path: "/logstores/web/shards/route?key=" + key + "&seqid=7", raw: wireGroup(time.Now(), "content", "x"), comp: "lz4"}).code
		}
		expect := func(when, key, code string) {
			t.Helper()
			if got := post(key); got != code {
				t.Errorf("split forgets %v: %s: %q, want %q", forgets, when, got, code)
			}
		}
		expect("first", low, "")
		expect("first", high, "")
		expect("again", low, "InvalidSequenceId")
		must(t, l.Split(DefaultProject, DefaultLogstore, 0))
		expect("after the split", low, map[bool]string{false: "InvalidSequenceId"}[forgets])
		expect("in the other shard", high, "InvalidSequenceId")
		must(t, l.Faults().Inject(Fault{Kind: Forget, Count: 1}))
		expect("forgotten", high, "")
		if err := l.Split(DefaultProject, DefaultLogstore, 0); err == nil {
			t.Error("a shard was split twice")
		}
		if err := l.Split(DefaultProject, "none", 0); err == nil {
			t.Error("a Logstore that is not there was split")
		}
	}
}
