package batch

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Meta is what every group of a target carries.
type Meta struct {
	Topic    string // shown as __topic__; may be empty
	Source   string // the host's address, shown as __source__
	Hostname string // tag __hostname__
	Tags     map[string]string
}

// Group is what every group of one stream carries.
type Group struct {
	Path func() string     // where the file is now: tag __path__. Called as a batch is sealed; safe for concurrent use
	Tags map[string]string // of the input; they win over those of the target
}

const (
	pathMax  = 511 // LoongCollector cuts __path__ here
	packMax  = 16 + 1 + 16
	hostTag  = "__hostname__"
	pathTag  = "__path__"
	packTag  = "__pack_id__"
	pathCost = 2 + 3 + 2 + len(pathTag) + 3 // upper bounds, lengths included, without the path
	packCost = 2 + 3 + 2 + len(packTag) + 3 + packMax
)

// trailer is what stands behind the logs of a group: topic, source and tags. It is shared by the streams of a target whose
// inputs have the same tags.
type trailer struct {
	before []byte // topic, source, __hostname__
	after  []byte // tags of target and input
}

// reserve is the most that a trailer can take.
func (t *trailer) reserve() int { return len(t.before) + pathCost + pathMax + packCost + len(t.after) }

// room is the most that a trailer with this path can take.
func (t *trailer) room(path string) int {
	if !utf8.ValidString(path) {
		return t.reserve()
	}
	return t.reserve() - pathMax + min(len(path), pathMax)
}

func (t *trailer) append(dst []byte, path string, prefix, seq uint64) []byte {
	dst = append(dst, t.before...)
	dst = appendPair(dst, tagTags, pathTag, cut([]byte(strings.ToValidUTF8(path, "\uFFFD")), pathMax))
	var pack [packMax]byte
	id := strconv.AppendUint(pack[:0], prefix, 16)
	id = strconv.AppendUint(append(id, '-'), seq, 16)
	for i, c := range id {
		if c >= 'a' {
			id[i] = c - 'a' + 'A'
		}
	}
	dst = appendPair(dst, tagTags, packTag, id)
	return append(dst, t.after...)
}

// trailers makes and shares trailers.
type trailers struct {
	meta Meta
	mu   sync.Mutex
	made map[string]*trailer // by the bytes of after
}

func (ts *trailers) of(input map[string]string) *trailer {
	tags := maps.Clone(ts.meta.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	for _, key := range slices.Sorted(maps.Keys(input)) {
		delete(tags, key)
	}
	var after []byte
	for _, m := range [...]map[string]string{tags, input} {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			after = appendPair(after, tagTags, strings.ToValidUTF8(key, "\uFFFD"), strings.ToValidUTF8(m[key], "\uFFFD"))
		}
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t := ts.made[string(after)]; t != nil {
		return t
	}
	t := &trailer{after: after}
	if topic := strings.ToValidUTF8(ts.meta.Topic, "\uFFFD"); topic != "" {
		t.before = appendText(t.before, tagTopic, topic)
	}
	if source := strings.ToValidUTF8(ts.meta.Source, "\uFFFD"); source != "" {
		t.before = appendText(t.before, tagSource, source)
	}
	if host := strings.ToValidUTF8(ts.meta.Hostname, "\uFFFD"); host != "" {
		t.before = appendPair(t.before, tagTags, hostTag, host)
	}
	if ts.made == nil {
		ts.made = map[string]*trailer{}
	}
	ts.made[string(after)] = t
	return t
}
