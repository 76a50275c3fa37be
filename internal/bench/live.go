package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// until waits for something that happens in another process.
func until(ctx context.Context, limit time.Duration, ok func() bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(limit)
	for !ok() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if time.Now().After(end) {
			return errors.New("gave up waiting")
		}
	}
	return nil
}

func listening(ctx context.Context, addr string) error {
	return until(ctx, 10*time.Second, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// delay is how long one line was on its way: from the write to the moment in which the sink answers.
type delay struct {
	sent int64 // Unix nanoseconds
	took time.Duration
}

// delays collects them.
type delays struct {
	mu   sync.Mutex
	list []delay
}

func (d *delays) inspect(group []byte) {
	now := time.Now().UnixNano()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range stamped.FindAllSubmatch(group, -1) {
		at, _ := strconv.ParseInt(string(m[1]), 10, 64)
		d.list = append(d.list, delay{at, time.Duration(now - at)})
	}
}

// came is how many lines have come. It is asked again and again while lines are under way, and must not hold them up.
func (d *delays) came() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.list)
}

// quantiles returns how many lines came, the median and the 99th percentile.
func (d *delays) quantiles() (n int, p50, p99 time.Duration) { return d.quantilesUntil(time.Now()) }

// quantilesUntil is quantiles of those that were sent before a time.
func (d *delays) quantilesUntil(end time.Time) (n int, p50, p99 time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []time.Duration
	for _, l := range d.list {
		if l.sent < end.UnixNano() {
			list = append(list, l.took)
		}
	}
	if len(list) == 0 {
		return 0, 0, 0
	}
	slices.Sort(list)
	return len(list), list[len(list)/2], list[len(list)*99/100]
}

// latency appends 1,000 lines a second to one file.
func (b *bench) latency(ctx context.Context) error {
	for _, try := range []struct {
		name, batch string
		sdk         []string
	}{
		{"shipper, defaults", "", nil},
		{"shipper, max_delay = 50ms", `max_delay = "50ms"`, nil},
		{"sdk, defaults", "", []string{}},
		{"sdk, linger 100 ms", "", []string{"-linger", "100"}},
	} {
		if err := b.delay(ctx, try.name, try.batch, try.sdk); err != nil {
			return err
		}
	}
	return nil
}

// delay measures one program: that of the SDK with its arguments, or shipper (nil) with lines of [target.central.batch].
func (b *bench) delay(ctx context.Context, name, batch string, sdk []string) error {
	var d delays
	s, err := newSink(d.inspect)
	if err != nil {
		return err
	}
	defer s.close()
	path := filepath.Join(b.dir, "live.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	h, err := b.host(settings{addr: s.addr, paths: path, batch: batch})
	if err != nil {
		return err
	}
	defer h.remove()
	var c *child
	if sdk == nil {
		c, err = h.start(ctx, b)
	} else {
		c, err = startChild(ctx, b.bin["sdk"], append(sdk, "-endpoint", "http://"+s.addr, "-follow", fmt.Sprintf("%ds", b.seconds+5), path)...)
	}
	if err != nil {
		return err
	}
	defer c.stop()
	if err := until(ctx, 2*time.Second, func() bool { return false }); ctx.Err() != nil {
		return err
	}
	sent, err := b.drip(ctx, path)
	if err != nil {
		return err
	}
	_ = until(ctx, 5*time.Second, func() bool { return d.came() >= sent })
	cpu := c.busy()
	_ = c.stop()
	n, p50, p99 := d.quantiles()
	fmt.Fprintf(b.out, "  %-26s p50 %4d ms, p99 %4d ms, %d of %d lines, %d requests, CPU %.2f %%\n", name, p50.Milliseconds(), p99.Milliseconds(),
		n, sent, s.requests.Load(), 100*cpu.Seconds()/float64(b.seconds+2))
	return nil
}

// drip writes lines at the pace of an application, one write each.
func (b *bench) drip(ctx context.Context, path string) (lines int, err error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := rand.New(rand.NewPCG(1, 1))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var buf []byte
	for began := time.Now(); ; {
		due := int(time.Since(began) / time.Millisecond)
		if due >= b.seconds*1000 {
			return lines, nil
		}
		for ; lines < due; lines++ {
			buf = append(nginxLine(buf[:0], r, lines), " sent="...)
			buf = append(strconv.AppendInt(buf, time.Now().UnixNano(), 10), '\n')
			if _, err := f.Write(buf); err != nil {
				return lines, err
			}
		}
		select {
		case <-ctx.Done():
			return lines, context.Cause(ctx)
		case <-tick.C:
		}
	}
}
