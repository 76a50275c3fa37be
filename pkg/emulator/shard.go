package emulator

import (
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Keys of shards are points of the 128-bit space of MD5 sums, written as 32 lower-case hexadecimal digits, so that they
// compare as strings. A shard owns [begin, end); the last one owns the end of the space too.
const (
	firstKey = "00000000000000000000000000000000"
	lastKey  = "ffffffffffffffffffffffffffffffff"
)

// group is one LogGroup as it arrived, with the tags that the server added.
type group struct {
	wire     []byte // LogGroup message; nil when forgotten
	received time.Time
	logs     int
}

// shard holds groups in the order of arrival. The cursor of groups[i] is base+i.
type shard struct {
	id         int
	begin, end string
	readonly   bool
	created    time.Time
	base       int64 // counts in nanoseconds of the shard's birth, as the service's cursors seem to
	groups     []group
	parents    []int
	bucket     bytesAndRequests
}

type bytesAndRequests struct{ bytes, requests bucket }

// take reports whether one more request of n bytes fits into the quota.
func (b *bytesAndRequests) take(n int, rate Rate, now time.Time) bool {
	if rate.Requests > 0 && !b.requests.take(1, rate.Requests, now) {
		return false
	}
	return rate.Bytes <= 0 || b.bytes.take(float64(n), rate.Bytes, now)
}

func newShard(id int, begin, end string, now time.Time, parents ...int) *shard {
	return &shard{id: id, begin: begin, end: end, created: now, base: now.UnixNano(), parents: parents}
}

// newShards divides the whole space among n shards.
func newShards(n int, now time.Time) []*shard {
	bounds := divide(firstKey, lastKey, n)
	out := make([]*shard, n)
	for i := range out {
		out[i] = newShard(i, bounds[i], bounds[i+1], now)
	}
	return out
}

// divide returns the n+1 bounds of n equal parts of [from, to).
func divide(from, to string, n int) []string {
	lo, _ := new(big.Int).SetString(from, 16)
	hi, _ := new(big.Int).SetString(to, 16)
	if to == lastKey {
		hi.Add(hi, big.NewInt(1))
	}
	size := new(big.Int).Sub(hi, lo)
	out := []string{from}
	for i := 1; i < n; i++ {
		at := new(big.Int).Mul(size, big.NewInt(int64(i)))
		at.Div(at, big.NewInt(int64(n))).Add(at, lo)
		var b [16]byte
		out = append(out, hex.EncodeToString(at.FillBytes(b[:])))
	}
	return append(out, to)
}

// hashKey checks a key and puts it into its usual form.
func hashKey(s string) (string, bool) {
	s = strings.ToLower(s)
	_, err := hex.DecodeString(s)
	return s, err == nil && len(s) == 32
}

func (s *shard) owns(key string) bool {
	return s.begin <= key && (key < s.end || s.end == lastKey)
}

// tail is the cursor behind the last group.
func (s *shard) tail() int64 { return s.base + int64(len(s.groups)) }

// at is the cursor of the first group that was received at t or later.
func (s *shard) at(t time.Time) int64 {
	i := sort.Search(len(s.groups), func(i int) bool { return !s.groups[i].received.Before(t) })
	return s.base + int64(i)
}

// encodeCursor writes a cursor as the service does: base64 of a decimal number.
func encodeCursor(c int64) string {
	return base64.StdEncoding.EncodeToString(strconv.AppendInt(nil, c, 10))
}

func decodeCursor(s string) (int64, bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return 0, false
	}
	c, err := strconv.ParseInt(string(b), 10, 64)
	return c, err == nil
}

// index turns a cursor into a place in groups. One from before the beginning means the beginning: what was there has been
// forgotten, as it is in the cloud when its time is over.
func (s *shard) index(cursor string) (int, bool) {
	c, ok := decodeCursor(cursor)
	if !ok || c > s.tail() {
		return 0, false
	}
	return int(max(c, s.base) - s.base), true
}

// shardView is a shard in an answer.
type shardView struct {
	ID      int    `json:"shardID"`
	Status  string `json:"status"`
	Begin   string `json:"inclusiveBeginKey"`
	End     string `json:"exclusiveEndKey"`
	Created int64  `json:"createTime"`
}

func (s *shard) view() shardView {
	v := shardView{ID: s.id, Status: "readwrite", Begin: s.begin, End: s.end, Created: s.created.Unix()}
	if s.readonly {
		v.Status = "readonly"
	}
	return v
}

func views(shards []*shard) []shardView {
	out := make([]shardView, 0, len(shards))
	for _, s := range shards {
		out = append(out, s.view())
	}
	return out
}

// writable are the shards of l that take data, in the order of their keys.
func (l *logstore) writable() []*shard {
	var out []*shard
	for _, s := range l.shards {
		if !s.readonly {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *shard) int { return strings.Compare(a.begin, b.begin) })
	return out
}
