package emulator

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"shipper/internal/codec"
)

// maxPull is the most that one PullLogs answers, raw, in bytes; one group is always returned.
const maxPull = 10 << 20

// shard finds the shard that the path names. The caller holds the lock.
func (c *call) shard() (*logstore, *shard, *fail) {
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return nil, nil, f
	}
	id, err := strconv.Atoi(c.arg("n"))
	if err != nil {
		return nil, nil, failf(http.StatusBadRequest, "ParameterInvalid", "shard %s is invalid", c.arg("n"))
	}
	s := l.shard(id)
	if s == nil {
		return nil, nil, failf(http.StatusBadRequest, "ShardNotExist", "Shard %d does not exist", id)
	}
	return l, s, nil
}

func invalidCursor(s string) *fail {
	return failf(http.StatusBadRequest, "InvalidCursor", "Cursor %s is invalid", s)
}

// getCursor answers type=cursor&from=begin|end|UNIX SECONDS.
func (c *call) getCursor() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	_, s, f := c.shard()
	if f != nil {
		return f
	}
	var at int64
	switch from := c.r.URL.Query().Get("from"); from {
	case "begin":
		at = s.base
	case "end":
		at = s.tail()
	default:
		sec, err := strconv.ParseInt(from, 10, 64)
		if err != nil {
			return failf(http.StatusBadRequest, "ParameterInvalid", "parameter from is invalid : %s", from)
		}
		at = s.at(time.Unix(sec, 0))
	}
	writeJSON(c.w, http.StatusOK, map[string]string{"cursor": encodeCursor(at)})
	return nil
}

// getCursorTime answers type=cursor_time&cursor=: when the group there was received.
func (c *call) getCursorTime() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	_, s, f := c.shard()
	if f != nil {
		return f
	}
	text := c.r.URL.Query().Get("cursor")
	i, ok := s.index(text)
	if !ok {
		return invalidCursor(text)
	}
	at := c.e.opt.Now()
	if i < len(s.groups) {
		at = s.groups[i].received
	}
	writeJSON(c.w, http.StatusOK, map[string]int64{"cursor_time": at.Unix()})
	return nil
}

// pullLogs answers type=logs&cursor=&count=[&end_cursor=][&query=] with a compressed LogGroupList.
func (c *call) pullLogs() *fail {
	q := c.r.URL.Query()
	count, f := number(q, "count", 1000)
	if f != nil {
		return f
	}
	if count < 1 || count > 1000 {
		return failf(http.StatusBadRequest, "ParameterInvalid", "parameter count is invalid : %d", count)
	}
	want, f := parseQuery(q.Get("query"))
	if f != nil {
		return f
	}
	page, f := c.page(q.Get("cursor"), q.Get("end_cursor"), count)
	if f != nil {
		return f
	}
	var list []byte
	lines, before, kept := 0, 0, 0
	for _, g := range page.groups {
		wire := g.wire
		before += g.logs
		if q.Get("query") != "" {
			n := 0
			if wire, n = want.filter(wire); n == 0 {
				continue
			}
			lines += n
		}
		kept++
		list = appendBytes(list, 1, wire)
	}
	h := c.w.Header()
	h.Set("x-log-cursor", encodeCursor(page.next))
	h.Set("x-log-count", strconv.Itoa(kept))
	h.Set("x-log-bodyrawsize", strconv.Itoa(len(list)))
	h.Set("x-log-end-of-cursor", strconv.Itoa(btoi(page.end)))
	if len(page.groups) > 0 {
		h.Set("x-log-read-last-cursor", strconv.FormatInt(page.next-1, 10)) // decimal, unlike every other cursor
		h.Set("x-log-cursor-time", strconv.FormatInt(page.groups[len(page.groups)-1].received.Unix(), 10))
	}
	if q.Get("query") != "" {
		h.Set("x-log-rawdatasize", strconv.Itoa(page.size))
		h.Set("x-log-rawdatacount", strconv.Itoa(len(page.groups)))
		h.Set("x-log-rawdatalines", strconv.Itoa(before))
		h.Set("x-log-resultlines", strconv.Itoa(lines))
		h.Set("x-log-failedlines", "0")
	}
	return c.sendCompressed("application/x-protobuf", list)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pullPage is a stretch of a shard.
type pullPage struct {
	groups []group
	size   int   // raw bytes
	next   int64 // cursor behind it
	end    bool  // nothing behind it now
}

func (c *call) page(from, to string, count int) (pullPage, *fail) {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	_, s, f := c.shard()
	if f != nil {
		return pullPage{}, f
	}
	i, ok := s.index(from)
	if !ok {
		return pullPage{}, invalidCursor(from)
	}
	last := len(s.groups)
	if to != "" {
		if last, ok = s.index(to); !ok {
			return pullPage{}, invalidCursor(to)
		}
	}
	last = max(i, min(last, i+count))
	p := pullPage{}
	for j := i; j < last; j++ {
		n := len(s.groups[j].wire)
		if j > i && p.size+n > maxPull {
			last = j
			break
		}
		p.size += n
	}
	p.groups = s.groups[i:last:last] // groups are never changed, only dropped by reslicing
	p.next, p.end = s.base+int64(last), last == len(s.groups)
	return p, nil
}

// sendCompressed answers with body in a compression that the client takes.
func (c *call) sendCompressed(contentType string, body []byte) *fail {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	if len(body) > 0 {
		kind := codec.LZ4
		if accept := c.r.Header.Get("Accept-Encoding"); strings.Contains(accept, "zstd") && !strings.Contains(accept, "lz4") {
			kind = codec.Zstd
		}
		packed, err := kind.AppendCompressed(nil, body)
		if err != nil {
			return failf(http.StatusInternalServerError, "InternalServerError", "%v", err)
		}
		h.Set("x-log-compresstype", kind.String())
		body = packed
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(body) // a client that has gone away asks again
	return nil
}

// listShards answers a bare array.
func (c *call) listShards() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return f
	}
	writeJSON(c.w, http.StatusOK, views(l.shards))
	return nil
}

// splitShard answers ?action=split with &key= or &shardCount=: the shard becomes readonly and has children.
func (c *call) splitShard() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, s, f := c.shard()
	if f != nil {
		return f
	}
	q := c.r.URL.Query()
	n, f := number(q, "shardCount", 2)
	if f != nil {
		return f
	}
	bad := failf(http.StatusBadRequest, "ParameterInvalid", "invalid shard key or count")
	if s.readonly || n < 2 || n > maxShards+1-len(l.writable()) {
		return bad
	}
	bounds := divide(s.begin, s.end, n)
	if q.Get("key") != "" {
		key, ok := hashKey(q.Get("key"))
		if !ok || key <= s.begin || !s.owns(key) {
			return bad
		}
		bounds = []string{s.begin, key, s.end}
	}
	for i := 1; i < len(bounds); i++ {
		if bounds[i-1] >= bounds[i] {
			return bad // narrower than the number of parts
		}
	}
	writeJSON(c.w, http.StatusOK, views(c.e.split(l, s, bounds)))
	return nil
}

// mergeShards answers ?action=merge: a shard and its right neighbour become readonly and have one child.
func (c *call) mergeShards() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, s, f := c.shard()
	if f != nil {
		return f
	}
	var right *shard
	for _, other := range l.writable() {
		if other.begin == s.end {
			right = other
		}
	}
	if s.readonly || right == nil {
		return failf(http.StatusBadRequest, "ParameterInvalid", "shard %d has no neighbour to merge with", s.id)
	}
	s.readonly, right.readonly = true, true
	l.moved(s, c.e.opt.SplitForgets)
	l.moved(right, c.e.opt.SplitForgets)
	child := newShard(len(l.shards), s.begin, right.end, c.e.opt.Now(), s.id, right.id)
	l.shards = append(l.shards, child)
	writeJSON(c.w, http.StatusOK, views([]*shard{child, s, right}))
	return nil
}
