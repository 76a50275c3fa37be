package emulator

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// consumerGroup shares the shards of a Logstore among consumers. Guarded by Emulator.mu.
type consumerGroup struct {
	name        string
	timeout     int  // seconds without a heartbeat after which a consumer is gone
	order       bool // children wait until their parents have been consumed
	consumers   map[string]time.Time
	owner       map[int]string // who shall have a shard
	holder      map[int]string // who has been told so and has not let go yet
	checkpoints map[int]checkpoint
}

type checkpoint struct {
	cursor   string
	updated  time.Time
	consumer string
}

// groupBody is a consumer group in requests. Its name has another key in answers.
type groupBody struct {
	Name    string `json:"consumerGroup"`
	Timeout *int   `json:"timeout"`
	Order   *bool  `json:"order"`
}

// group finds the consumer group that the path names. The caller holds the lock.
func (c *call) group() (*logstore, *consumerGroup, *fail) {
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return nil, nil, f
	}
	g := l.groups[c.arg("group")]
	if g == nil {
		return nil, nil, failf(http.StatusNotFound, "ConsumerGroupNotExist", "consumer group not exist: %s", c.arg("group"))
	}
	return l, g, nil
}

func (c *call) listGroups() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return f
	}
	type view struct {
		Name    string `json:"name"`
		Timeout int    `json:"timeout"`
		Order   bool   `json:"order"`
	}
	out := []view{} // a bare array, also when empty
	for _, name := range slices.Sorted(maps.Keys(l.groups)) {
		g := l.groups[name]
		out = append(out, view{g.name, g.timeout, g.order})
	}
	writeJSON(c.w, http.StatusOK, out)
	return nil
}

func (c *call) createGroup() *fail {
	var b groupBody
	if f := c.decodeBody(&b); f != nil {
		f.Code = "JsonInfoInvalid"
		return f
	}
	if !userForm.MatchString(b.Name) || b.Timeout == nil || *b.Timeout < 1 {
		return failf(http.StatusBadRequest, "JsonInfoInvalid", "consumerGroup or timeout is of error value type")
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return f
	}
	if l.groups[b.Name] != nil {
		return failf(http.StatusBadRequest, "ConsumerGroupAlreadyExist", "consumer group already exist: %s", b.Name)
	}
	l.groups[b.Name] = &consumerGroup{
		name: b.Name, timeout: *b.Timeout, order: b.Order != nil && *b.Order,
		consumers: map[string]time.Time{}, owner: map[int]string{}, holder: map[int]string{}, checkpoints: map[int]checkpoint{},
	}
	c.ok()
	return nil
}

func (c *call) updateGroup() *fail {
	var b groupBody
	if f := c.decodeBody(&b); f != nil {
		f.Code = "JsonInfoInvalid"
		return f
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	_, g, f := c.group()
	if f != nil {
		return f
	}
	if b.Timeout != nil && *b.Timeout > 0 {
		g.timeout = *b.Timeout
	}
	if b.Order != nil {
		g.order = *b.Order
	}
	c.ok()
	return nil
}

func (c *call) deleteGroup() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, g, f := c.group()
	if f != nil {
		return f
	}
	delete(l.groups, g.name)
	c.ok()
	return nil
}

// updateCheckpoint answers ?type=checkpoint&consumer=&forceSuccess=. Three of its error codes are misspelt, and clients
// compare with just that (aliyun-log-go-sdk consumer/checkpoint_tracker.go).
func (c *call) updateCheckpoint() *fail {
	var b struct {
		Shard      *int   `json:"shard"`
		Checkpoint string `json:"checkpoint"`
	}
	if f := c.decodeBody(&b); f != nil || b.Shard == nil {
		return failf(http.StatusBadRequest, "JsonInfoInvalid", "shard or checkpoint is of error value type")
	}
	if _, ok := decodeCursor(b.Checkpoint); !ok {
		return failf(http.StatusBadRequest, "InvalidShardCheckPoint", "shard checkpoint not encoded by base64")
	}
	q := c.r.URL.Query()
	name, force := q.Get("consumer"), q.Get("forceSuccess") == "true"
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, g, f := c.group()
	if f != nil {
		return f
	}
	_, known := g.consumers[name]
	switch {
	case l.shard(*b.Shard) == nil:
		return failf(http.StatusNotFound, "ShardNotExsit", "shard not exist: %d", *b.Shard)
	case !force && !known:
		return failf(http.StatusBadRequest, "ConsumerNotExsit", "consumer not exist: %s", name)
	case !force && g.holder[*b.Shard] != name:
		return failf(http.StatusBadRequest, "ConsumerNotMatch", "consumer not match: shard %d belongs to %s", *b.Shard, g.holder[*b.Shard])
	}
	g.checkpoints[*b.Shard] = checkpoint{b.Checkpoint, c.e.opt.Now(), name}
	c.ok()
	return nil
}

// getCheckpoints answers GET .../consumergroups/G[?shard=].
func (c *call) getCheckpoints() *fail {
	only, f := number(c.r.URL.Query(), "shard", -1)
	if f != nil {
		return f
	}
	type view struct {
		Shard      int    `json:"shard"`
		Checkpoint string `json:"checkpoint"`
		Updated    int64  `json:"updateTime"` // microseconds
		Consumer   string `json:"consumer"`
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, g, f := c.group()
	if f != nil {
		return f
	}
	out := []view{}
	for _, s := range l.shards {
		if only >= 0 && s.id != only {
			continue
		}
		v := view{Shard: s.id, Consumer: g.holder[s.id]}
		if at, ok := g.checkpoints[s.id]; ok {
			v.Checkpoint, v.Updated, v.Consumer = at.cursor, at.updated.UnixMicro(), at.consumer
		}
		out = append(out, v)
	}
	writeJSON(c.w, http.StatusOK, out)
	return nil
}
