package readback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipper/internal/codec"
	"shipper/pkg/creds"
	"shipper/pkg/producer"
)

// timeout is when the group gives the shards of a silent consumer to others, in seconds; it is the setting of the group.
const timeout = 30

// pageGroups is how many LogGroups one request asks for; maxRaw bounds what one answer may unfold to, in bytes.
const (
	pageGroups = 100
	maxRaw     = 64 << 20
)

// Refused is an answer of the service that is not a yes.
type Refused struct {
	Op string // "CreateConsumerGroup"
	producer.Finding
}

// Error says what was asked and what the answer was.
func (r *Refused) Error() string { return r.Op + ": " + r.Finding.String() }

// Options describe one Reader.
type Options struct {
	Client   *producer.Client
	Creds    *creds.Credentials // a session that may read
	Logstore string
	Group    string           // of the Logstore; made if it is not there
	Consumer string           // who reads: the same name for the same host
	Now      func() time.Time // by the service's clock; nil = time.Now
}

// Reader is one consumer of the group. It is used by one goroutine.
type Reader struct {
	o      Options
	since  time.Time
	shards map[int]string // where to read on, by the shards that the group has handed out
}

// Open joins the group, which it makes or corrects first, and reads from since on.
func Open(ctx context.Context, o Options, since time.Time) (*Reader, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Reader{o: o, since: since, shards: map[int]string{}}
	if err := r.join(ctx); err != nil {
		return nil, err
	}
	return r, r.Beat(ctx)
}

// group is a consumer group as the service lists it.
type group struct {
	Name    string `json:"name"`
	Timeout int    `json:"timeout"`
	Order   bool   `json:"order"`
}

// join makes the group or, if it has other settings, changes them.
func (r *Reader) join(ctx context.Context) error {
	var have []group
	if err := r.ask(ctx, "ListConsumerGroup", http.MethodGet, r.groups(), nil, &have); err != nil {
		return err
	}
	i := slices.IndexFunc(have, func(g group) bool { return g.Name == r.o.Group })
	settings := map[string]any{"timeout": timeout, "order": false}
	switch {
	case i < 0:
		settings["consumerGroup"] = r.o.Group
		err := r.ask(ctx, "CreateConsumerGroup", http.MethodPost, r.groups(), settings, nil)
		if e, ok := errors.AsType[*Refused](err); ok && strings.EqualFold(e.Code, "ConsumerGroupAlreadyExist") {
			return nil // another host was quicker
		}
		return err
	case have[i].Timeout != timeout || have[i].Order:
		return r.ask(ctx, "UpdateConsumerGroup", http.MethodPut, r.groups()+"/"+r.o.Group, settings, nil)
	}
	return nil
}

func (r *Reader) groups() string {
	return "/logstores/" + url.PathEscape(r.o.Logstore) + "/consumergroups"
}

// own is the address of the group with a query.
func (r *Reader) own(kind string, more ...string) string {
	q := url.Values{"type": {kind}, "consumer": {r.o.Consumer}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return r.groups() + "/" + r.o.Group + "?" + q.Encode()
}

// Beat tells the group that this consumer is there and takes over the shards that it hands out. It has to be called more often
// than every 30 s.
func (r *Reader) Beat(ctx context.Context) error {
	held := []int{} // an empty list is [], not null
	for n := range r.shards {
		held = append(held, n)
	}
	slices.Sort(held)
	var given []int
	if err := r.ask(ctx, "ConsumerGroupHeartBeat", http.MethodPost, r.own("heartbeat"), held, &given); err != nil {
		return err
	}
	for n := range r.shards {
		if !slices.Contains(given, n) {
			delete(r.shards, n)
		}
	}
	for _, n := range given {
		if _, have := r.shards[n]; have {
			continue
		}
		cursor, err := r.cursor(ctx, n)
		if err != nil {
			return err
		}
		r.shards[n] = cursor
	}
	return nil
}

// Shards is how many shards this consumer holds.
func (r *Reader) Shards() int { return len(r.shards) }

func (r *Reader) shard(n int) string {
	return "/logstores/" + url.PathEscape(r.o.Logstore) + "/shards/" + strconv.Itoa(n)
}

// cursor is where a shard is read from.
func (r *Reader) cursor(ctx context.Context, n int) (string, error) {
	var doc struct {
		Cursor string `json:"cursor"`
	}
	uri := r.shard(n) + "?type=cursor&from=" + strconv.FormatInt(r.since.Unix(), 10)
	err := r.ask(ctx, "GetCursor", http.MethodGet, uri, nil, &doc)
	return doc.Cursor, err
}

// Pull reads one page of every shard that is held and gives what came, a serialised LogGroupList, to visit. more reports that
// there may be more at once.
func (r *Reader) Pull(ctx context.Context, visit func(shard int, list []byte)) (more bool, err error) {
	for n, cursor := range r.shards {
		q := url.Values{"type": {"logs"}, "cursor": {cursor}, "count": {strconv.Itoa(pageGroups)}}
		a, err := r.call(ctx, "PullLogs", http.MethodGet, r.shard(n)+"?"+q.Encode(), nil, true)
		if err != nil {
			return more, err
		}
		list, err := unfold(a)
		if err != nil {
			return more, fmt.Errorf("PullLogs of shard %d: %w", n, err)
		}
		if next := a.Header.Get("x-log-cursor"); next != "" && next != cursor {
			r.shards[n], more = next, true
		}
		visit(n, list)
	}
	return more, nil
}

// unfold decompresses the logs of an answer.
func unfold(a producer.Answer) ([]byte, error) {
	size, err := strconv.Atoi(a.Header.Get("x-log-bodyrawsize"))
	switch {
	case err != nil || size < 0 || size > maxRaw:
		return nil, fmt.Errorf("x-log-bodyrawsize is %q", a.Header.Get("x-log-bodyrawsize"))
	case size == 0:
		return nil, nil
	}
	kind, err := codec.Parse(a.Header.Get("x-log-compresstype"))
	if err != nil {
		return nil, err
	}
	return kind.Decompress(nil, a.Body, size)
}

// Save writes down how far each shard was read. It first looks at what is written down, and leaves what is the same.
func (r *Reader) Save(ctx context.Context) error {
	var have []struct {
		Shard      int    `json:"shard"`
		Checkpoint string `json:"checkpoint"`
	}
	if err := r.ask(ctx, "GetConsumerGroupCheckPoint", http.MethodGet, r.groups()+"/"+r.o.Group, nil, &have); err != nil {
		return err
	}
	known := map[int]string{}
	for _, c := range have {
		known[c.Shard] = c.Checkpoint
	}
	for n, cursor := range r.shards {
		if known[n] == cursor {
			continue
		}
		body := map[string]any{"shard": n, "checkpoint": cursor}
		if err := r.ask(ctx, "ConsumerGroupUpdateCheckPoint", http.MethodPost, r.own("checkpoint", "forceSuccess", "false"), body, nil); err != nil {
			return err
		}
	}
	return nil
}

// ask sends a JSON document (nil for none) and reads one into answer (nil for none).
func (r *Reader) ask(ctx context.Context, op, method, uri string, question, answer any) error {
	var body []byte
	if question != nil {
		var err error
		if body, err = json.Marshal(question); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	a, err := r.call(ctx, op, method, uri, body, false)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(a.Body, answer); err != nil {
		return fmt.Errorf("%s: the answer is not what the service documents: %w", op, err)
	}
	return nil
}

// tries and pause are for troubles of the service that pass by themselves.
const (
	tries = 3
	pause = time.Second
)

// call sends one request, again if that can help.
func (r *Reader) call(ctx context.Context, op, method, uri string, body []byte, logs bool) (producer.Answer, error) {
	for try := 1; ; try++ {
		a, err := r.o.Client.Call(ctx, r.o.Creds, method, uri, body, logs, r.o.Now())
		f := producer.Classify(a.Reply, err)
		if f.Verdict == producer.OK {
			return a, nil
		}
		if try == tries || f.Verdict != producer.Retry && f.Verdict != producer.Throttle || ctx.Err() != nil {
			return a, &Refused{Op: op, Finding: f}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
