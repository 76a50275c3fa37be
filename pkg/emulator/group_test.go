package emulator

import (
	"fmt"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// A shard moves only when its holder has let go of it or has fallen silent.
func TestHeartbeat(t *testing.T) {
	now := time.Now()
	l := newLogstore(Logstore{Name: "web", Shards: 4}, now)
	g := &consumerGroup{timeout: 60, consumers: map[string]time.Time{}, owner: map[int]string{}, holder: map[int]string{}, checkpoints: map[int]checkpoint{}}
	for i, step := range []struct {
		after time.Duration
		name  string
		held  []int
		want  string
	}{
		{0, "a", nil, "[0 1 2 3]"},
		{0, "b", nil, "[]"},                  // a holds everything still
		{0, "a", []int{0, 1, 2, 3}, "[0 1]"}, // and is told to give two away
		{0, "b", nil, "[]"},
		{0, "a", []int{0, 1, 2}, "[0 1]"}, // one is free
		{0, "b", nil, "[3]"},
		{0, "a", []int{0, 1}, "[0 1]"},
		{0, "b", []int{3}, "[2 3]"},
		{40 * time.Second, "b", []int{2, 3}, "[2 3]"},
		{21 * time.Second, "b", []int{2, 3}, "[0 1 2 3]"}, // a is gone
		{0, "a", []int{0, 1}, "[]"},                       // and what it thinks it has is not its own
	} {
		now = now.Add(step.after)
		if got := fmt.Sprint(g.beat(l, step.name, step.held, now)); got != step.want {
			t.Errorf("step %d: %s has %s, want %s", i, step.name, got, step.want)
		}
	}
}

// With order, the children of a split wait until their parent has been read to the end.
func TestOrder(t *testing.T) {
	w := DefaultWorld()
	w.Accounts[0].Keys = []Key{{ID: "LTAIrootOfA", Secret: "s"}}
	w.Projects[0].Logstores[0].Shards = 1
	l := start(t, Options{World: w})
	c := l.sls(sls.AuthV1, "LTAIrootOfA", "s", "")
	must(t, c.CreateConsumerGroup(DefaultProject, "web", sls.ConsumerGroup{ConsumerGroupName: "g", Timeout: 60, InOrder: true}))
	must(t, c.PutLogs(DefaultProject, "web", sample(1)))
	_, err := c.SplitShard(DefaultProject, "web", 0, "")
	must(t, err)
	beat := func(held ...int) string {
		t.Helper()
		got, err := c.HeartBeat(DefaultProject, "web", "g", "a", held)
		must(t, err)
		return fmt.Sprint(got)
	}
	if got := beat(); got != "[0]" {
		t.Errorf("before: %s", got)
	}
	end, err := c.GetCursor(DefaultProject, "web", 0, "end")
	must(t, err)
	must(t, c.UpdateCheckpoint(DefaultProject, "web", "g", "a", 0, end, false))
	if got := beat(0); got != "[0 1 2]" {
		t.Errorf("after: %s", got)
	}
	must(t, c.UpdateConsumerGroup(DefaultProject, "web", sls.ConsumerGroup{ConsumerGroupName: "g", Timeout: 30}))
	groups, err := c.ListConsumerGroup(DefaultProject, "web")
	must(t, err)
	if len(groups) != 1 || groups[0].Timeout != 30 || groups[0].InOrder {
		t.Errorf("groups %v", groups[0])
	}

	code := func(what string, err error, status int32, code string) {
		t.Helper()
		wantSLS(t, what, err, status, code, "")
	}
	code("again", c.CreateConsumerGroup(DefaultProject, "web", sls.ConsumerGroup{ConsumerGroupName: "g", Timeout: 60}), 400, "ConsumerGroupAlreadyExist")
	code("no name", c.CreateConsumerGroup(DefaultProject, "web", sls.ConsumerGroup{Timeout: 60}), 400, "JsonInfoInvalid")
	code("unknown consumer", c.UpdateCheckpoint(DefaultProject, "web", "g", "z", 0, end, false), 400, "ConsumerNotExsit")
	_, err = c.HeartBeat(DefaultProject, "web", "g", "z", nil)
	must(t, err)
	code("somebody else's shard", c.UpdateCheckpoint(DefaultProject, "web", "g", "z", 0, end, false), 400, "ConsumerNotMatch")
	must(t, c.UpdateCheckpoint(DefaultProject, "web", "g", "z", 0, end, true))
	code("unknown shard", c.UpdateCheckpoint(DefaultProject, "web", "g", "a", 9, end, true), 404, "ShardNotExsit")
	code("no cursor", c.UpdateCheckpoint(DefaultProject, "web", "g", "a", 0, "xyz", true), 400, "InvalidShardCheckPoint")
	must(t, c.DeleteConsumerGroup(DefaultProject, "web", "g"))
	code("deleted", c.DeleteConsumerGroup(DefaultProject, "web", "g"), 404, "ConsumerGroupNotExist")
}
