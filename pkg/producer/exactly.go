package producer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"shipper/internal/backoff"
	"shipper/pkg/batch"
	"shipper/pkg/checkpoint"
)

// With exactly_once every sender has a lane: a hash key whose numbers the service remembers (see checkpoint.Lane). A batch travels
// alone, and what travels under a number is on the disk before it does. A request that may have arrived goes out under its number
// until the service says 200, or that it knows the number.

// Lanes lends lanes. *checkpoint.Store does.
type Lanes interface {
	// Lanes returns n lanes to a place, and those beyond n on which an earlier Producer of the target left a request.
	Lanes(target, place string, n int) []*checkpoint.Lane
}

// number is what a load travels under.
type number struct {
	key    string
	seq    uint64 // 0: none
	unsure bool   // it may have arrived
}

// lane is a sender's lane and the batch that travels on it. A nil lane does nothing.
type lane struct {
	*checkpoint.Lane
	queue []load // of the batch: what is left to be sent, in order
	kept  bool   // the disk has all of it: the lane answers for it
	fixed bool   // the first of queue goes out as an earlier run kept it
}

// borrow shares out the lanes among the senders: with exactly_once each has one to send on, and all see to what was left on others.
func (p *Producer) borrow() [][]*checkpoint.Lane {
	out := make([][]*checkpoint.Lane, p.InFlight)
	if p.Lanes == nil {
		return out
	}
	n := 0
	if p.Config.ExactlyOnce {
		n = p.InFlight
	}
	left := 0
	for _, l := range p.Lanes.Lanes(p.Target, p.client.place(), n) {
		i := l.Index() % p.InFlight
		out[i] = append(out[i], l)
		if l.Open() {
			left++
		}
	}
	if left > 0 {
		p.Log.Info(fmt.Sprintf("requests that were not answered before the last end go out first, under the same numbers: %d", left))
	}
	return out
}

// takeLane sends what an earlier Producer left on lanes, and returns the one to send on; nil without exactly_once.
func (p *Producer) takeLane(ctx, attempts context.Context, lanes []*checkpoint.Lane) *lane {
	for _, l := range lanes {
		if l.Open() && ctx.Err() == nil {
			d := delivery{Producer: p, attempts: attempts, lane: &lane{Lane: l}}
			d.resume(ctx)
		}
	}
	if !p.Config.ExactlyOnce {
		return nil
	}
	return &lane{Lane: lanes[0]}
}

// plan says what is left to be sent of the batch.
func (n *lane) plan(queue []load) {
	if n != nil {
		n.queue = queue
	}
}

// done says that nothing is left.
func (n *lane) done() {
	if n != nil {
		n.Done()
		n.queue, n.kept = nil, false
	}
}

// keeps reports whether the lane answers for an unsettled batch; then its memory is given back.
func (n *lane) keeps(b *batch.Batch) bool {
	if n == nil || !n.kept {
		return false
	}
	b.Free()
	return true
}

// enumerate gives l its number, and has what travels under it on the disk. If the disk cannot take it, it travels all the same: the
// key is on no disk then, so that a crash repeats it and mixes up nothing.
func (d *delivery) enumerate(l *load, body *Body) {
	n := d.lane
	if n == nil {
		return
	}
	if n.fixed {
		n.fixed = false
		return
	}
	defer d.busy.begin()()
	b := l.pieces[0].slip.batch
	p := checkpoint.Pack{Claim: b.Claim(), Plan: appendPlan(nil, n.queue), Keep: l.seq > 0}
	if whole := l.logs() == b.Logs && l.pieces[0].mended == 0; !n.kept && whole {
		p.Content = [][]byte{appendContentHead(nil, body, b), body.data}
	}
	n.kept = n.Begin(p) == nil
	if key, seq := n.Number(); key != l.key || seq != l.seq {
		l.number = number{key: key, seq: seq}
	}
}

// renumber takes another key, because the present one's numbers were used up by somebody else.
func (d *delivery) renumber(l *load, body *Body) {
	d.Log.Warn("the service has seen a number before it was used: another hash key is taken",
		"code", idTaken, "lane", d.lane.Index())
	d.lane.Renumber()
	l.number = number{}
	d.enumerate(l, body)
}

// judge is Classify for a request that may have a number. taken says that the number was used up by somebody else.
func (d *delivery) judge(l *load, r Reply, err error) (f Finding, taken bool) {
	if l.seq == 0 {
		return Classify(r, err), false
	}
	f = ClassifyNumbered(r, err, l.unsure)
	l.unsure = l.unsure || mayBeStored(r, err, f)
	if f.ID == idStored {
		d.meter.already.Add(1)
	}
	return f, f.ID == idTaken
}

// What only the answer to a numbered request can mean.
const (
	idStored  = "SHP-P820"
	idTaken   = "SHP-P821"
	idUnknown = "SHP-P822"
)

// ClassifyNumbered is Classify for a request with a number. unsure says that an earlier one with this number may have been stored: then
// that the service knows the number is a yes, and otherwise a Retry under another key.
func ClassifyNumbered(r Reply, err error, unsure bool) Finding {
	f := Classify(r, err)
	switch text := strings.ToLower(f.Message); {
	case f.RequestID == "":
	case strings.EqualFold(f.Code, "InvalidSequenceId") && unsure:
		f.Verdict, f.ID, f.Result, f.Whose = OK, idStored, ResultOK, Nobody
		f.Cause = "stored by an earlier request whose answer was lost"
	case strings.EqualFold(f.Code, "InvalidSequenceId"):
		f.Verdict, f.ID, f.Whose = Retry, idTaken, Host
		f.Cause = "the number of a request that was never sent is known already: somebody else used it"
	case f.Verdict == Reject && (strings.Contains(text, "seqid") || strings.Contains(text, "sequence")):
		f.Verdict, f.ID, f.Result, f.Whose = Hold, idUnknown, ResultDenied, Setting
		f.Cause, f.Fix = "the service does not take numbered requests to this Logstore", "set exactly_once = false"
	}
	return f
}

// mayBeStored reports whether a request that was not accepted may have been stored all the same. When in doubt it may.
func mayBeStored(r Reply, err error, f Finding) bool {
	if err != nil {
		dial, ok := errors.AsType[*net.OpError](err)
		return !(ok && dial.Op == "dial")
	}
	return f.RequestID == "" || r.Status >= 500 || r.Status < 400
}

// doubt counts logs of a numbered request that may be stored and are dealt with in another way now.
func (d *delivery) doubt(l *load) {
	if l.seq > 0 && l.unsure {
		d.meter.repeats.Add(int64(l.logs()))
	}
}

// resume sends what an earlier run left on the lane.
func (d *delivery) resume(ctx context.Context) {
	n := d.lane
	wait := backoff.New(time.Second, time.Minute, nil)
	p, sent, err := n.Left()
	for ; err != nil; p, sent, err = n.Left() {
		d.Log.Error("a request that waits for its answer cannot be read from the disk: its lines wait", "code", "SHP-K006", "lane", n.Index(), "err", err)
		if backoff.Rest(ctx, wait.Next(), nil); ctx.Err() != nil {
			return
		}
	}
	s, queue, err := d.restore(p)
	if err != nil {
		d.Log.Error("a request that waits for its answer is of another version: after the next start its lines are sent again", "code", "SHP-K006",
			"lane", n.Index(), "err", err)
		n.Done()
		return
	}
	n.kept = true
	if sent {
		key, seq := n.Number()
		queue[0].number = number{key: key, seq: seq, unsure: true}
		n.fixed = true
	}
	if d.work(ctx, queue); s.open > 0 {
		n.keeps(s.batch)
	}
}

// contentVersion rises when an older program could not read what this one keeps on a lane.
const contentVersion = 1

// appendContentHead appends what stands before the body in a lane's content.
func appendContentHead(dst []byte, body *Body, b *batch.Batch) []byte {
	dst = append(dst, contentVersion, byte(body.codec))
	dst = binary.AppendUvarint(dst, uint64(body.rawSize))
	state := b.AppendState(nil)
	return append(binary.AppendUvarint(dst, uint64(len(state))), state...)
}

// appendPlan appends what became of the batch so far and which loads are left.
func appendPlan(dst []byte, queue []load) []byte {
	s := queue[0].pieces[0].slip
	for _, n := range [...]int64{int64(s.open), s.done.Acked, s.done.Dead, s.done.Logs, int64(len(queue))} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	for i := range queue {
		p := &queue[i].pieces[0]
		for _, n := range [...]int{queue[i].rejects, p.from, p.to} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
		dst = append(dst, byte(p.mended), byte(p.forced))
	}
	return dst
}
