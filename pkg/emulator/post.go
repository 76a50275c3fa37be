package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipper/internal/codec"
)

// maxBody is the most that a request may bring, raw, in bytes (help: PutLogs).
const maxBody = 10 << 20

// post is PostLogStoreLogs to any shard: /logstores/L, .../shards/lb and the path of metric stores.
func (c *call) post() *fail { return c.deliver("", nil) }

// postRoute is PostLogStoreLogs to the shard of a hash key, with a sequence id if the client wants each written once:
// .../shards/route?key=&seqid=
func (c *call) postRoute() *fail {
	key, seq, f := c.route()
	if f != nil {
		return f
	}
	return c.deliver(key, seq)
}

func (c *call) deliver(key string, seq *uint64) *fail {
	name := c.arg("logstore")
	c.e.mu.Lock()
	_, f := c.logstore(name)
	c.e.mu.Unlock()
	if f != nil {
		return f
	}
	buf := c.e.bodies.Get().(*[]byte)
	defer c.e.bodies.Put(buf)
	groups, raw, f := c.unpack((*buf)[:0])
	if f != nil {
		return f
	}
	if cap(raw) > cap(*buf) {
		*buf = raw[:0]
	}
	now := c.e.opt.Now()

	c.e.mu.Lock()
	l, f := c.logstore(name) // it may have gone meanwhile
	if f == nil {
		f = c.e.accept(c.project, l, delivery{groups, len(raw), key, seq, clientIP(c.r)}, now)
	}
	c.e.mu.Unlock()
	if f != nil {
		return f
	}
	logs := 0
	for _, g := range groups {
		logs += g.logs
	}
	c.e.counts.stored(len(groups), logs, len(raw), len(c.body))
	c.ok()
	return nil
}

// delivery is what one request brings.
type delivery struct {
	groups []group
	size   int     // raw bytes
	key    string  // hash key, "" = any shard
	seq    *uint64 // sequence id of the hash key; nil = none
	from   string  // address of the client
}

// accept stores groups in the shard that the key names, or in the next one. The caller holds the lock.
func (e *Emulator) accept(p *project, l *logstore, d delivery, now time.Time) *fail {
	shards := l.writable()
	if len(shards) == 0 {
		return failf(http.StatusBadRequest, "LogStoreWithoutShard", "logstore %s has no shard", l.Name)
	}
	s := shards[l.next%len(shards)]
	if d.key != "" {
		s = shards[slices.IndexFunc(shards, func(s *shard) bool { return s.owns(d.key) })]
	}
	if !p.bucket.take(d.size, e.opt.ProjectRate, now) {
		return failf(http.StatusForbidden, "WriteQuotaExceed", "Project write quota exceed: qps or inflow")
	}
	if !s.bucket.take(d.size, e.opt.ShardRate, now) {
		return failf(http.StatusForbidden, "ShardWriteQuotaExceed", "Write quota exceed for shard %d", s.id)
	}
	if d.seq != nil {
		if f := l.number(d.key, *d.seq); f != nil {
			return f
		}
	}
	if d.key == "" {
		l.next = (l.next + 1) % len(shards)
	}
	for i := range d.groups {
		g := &d.groups[i]
		g.received = now
		if e.opt.Discard {
			continue
		}
		g.wire = slices.Clone(g.wire) // it lies in a pooled buffer
		if l.AppendMeta {
			g.wire = appendTag(g.wire, "__client_ip__", d.from)
			g.wire = appendTag(g.wire, "__receive_time__", strconv.FormatInt(now.Unix(), 10))
		}
	}
	e.store(s, d.groups)
	return nil
}

// route reads hash key and sequence id.
func (c *call) route() (key string, seq *uint64, _ *fail) {
	q := c.r.URL.Query()
	key, ok := hashKey(q.Get("key"))
	if !q.Has("key") {
		return "", nil, failf(http.StatusBadRequest, "MissingParameter", "Missing query key : key")
	}
	if !ok {
		return "", nil, failf(http.StatusBadRequest, "ParameterInvalid", "key %s is invalid, it must be 32 hexadecimal digits", q.Get("key"))
	}
	if !q.Has("seqid") {
		return key, nil, nil
	}
	n, err := strconv.ParseUint(q.Get("seqid"), 10, 64)
	if err != nil {
		return "", nil, failf(http.StatusBadRequest, "ParameterInvalid", "seqid %s is invalid", q.Get("seqid"))
	}
	return key, &n, nil
}

// unpack decompresses the body into buf and validates every LogGroup in it. The groups are parts of the returned bytes.
func (c *call) unpack(buf []byte) ([]group, []byte, *fail) {
	h := c.r.Header
	if t, _, _ := strings.Cut(h.Get("Content-Type"), ";"); t != "application/x-protobuf" {
		return nil, nil, failf(http.StatusBadRequest, "InvalidContentType", "Content-Type %s is unsupported.", h.Get("Content-Type"))
	}
	size, err := strconv.Atoi(h.Get("x-log-bodyrawsize"))
	if err != nil {
		size = maxBody + 1 // checkHeaders has seen that it is a number
	}
	if size > maxBody {
		return nil, nil, tooLarge(size)
	}
	kind, err := codec.Parse(h.Get("x-log-compresstype"))
	if err != nil || h.Get("x-log-compresstype") == "none" {
		return nil, nil, failf(http.StatusBadRequest, "ParameterInvalid", "Http extend authorization : x-log-compresstype pair is invalid")
	}
	raw, err := kind.Decompress(buf, c.body, size)
	if err != nil {
		return nil, nil, unpackable().because("%v", err)
	}
	w := window{}
	if !c.e.opt.AnyLogTime {
		now := c.e.opt.Now()
		w = window{now.Add(-7 * 24 * time.Hour).Unix(), now.Add(15 * time.Minute).Unix()}
	}
	if h.Get("x-log-mode") == "batch_group" {
		return unpackList(raw, w)
	}
	n, f := checkGroup(raw, w)
	return []group{{wire: raw, logs: n}}, raw, f
}

func tooLarge(n int) *fail {
	return failf(http.StatusRequestEntityTooLarge, "PostBodyTooLarge", "Body size %d must little than %d", n, maxBody)
}

func unpackable() *fail {
	return failf(http.StatusBadRequest, "PostBodyUncompressError", "Failed to decompress logs.")
}

// unpackList reads an SlsLogPackageList: many groups, each compressed by itself. Their raw sizes together obey the limit
// of one request. The returned bytes are those of the groups, in a row.
func unpackList(list []byte, w window) (groups []group, raw []byte, bad *fail) {
	var ends []int
	err := visit(list, func(f field) error {
		if ok, err := f.is(1, wireBytes); !ok || err != nil {
			return err
		}
		data, size, kind, err := readPackage(f.data)
		if err != nil {
			return err
		}
		if size > maxBody || len(raw)+size > maxBody {
			bad = tooLarge(len(raw) + size)
			return errWire
		}
		if raw, err = kind.Decompress(raw, data, size); err != nil {
			bad = unpackable().because("package %d: %v", len(ends)+1, err)
			return err
		}
		ends = append(ends, len(raw))
		return nil
	})
	if bad != nil {
		return nil, nil, bad
	}
	if err != nil {
		return nil, nil, unparsable()
	}
	from := 0
	for i, to := range ends {
		n, f := checkGroup(raw[from:to], w)
		if f != nil {
			return nil, nil, f.because("package %d of %d: %s", i+1, len(ends), f.Why)
		}
		groups = append(groups, group{wire: raw[from:to], logs: n})
		from = to
	}
	return groups, raw, nil
}

// readPackage reads an SlsLogPackage. An absent compress_type means LZ4.
func readPackage(b []byte) (data []byte, size int, kind codec.Codec, err error) {
	kind = codec.LZ4
	err = visit(b, func(f field) error {
		switch {
		case f.number == 1 && f.kind == wireBytes:
			data = f.data
		case f.number == 2 && f.kind == wireVarint && f.num <= 1<<31-1:
			size = int(f.num)
		case f.number == 3 && f.kind == wireVarint && f.num <= uint64(codec.Zstd):
			kind = codec.Codec(f.num)
		case f.number <= 3:
			return errWire
		}
		return nil
	})
	return data, size, kind, err
}
