package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A long thin link: 50 ms round trip, 100 Mbit/s.
const (
	linkBytes = 100e6 / 8 // a second
	linkDelay = 25 * time.Millisecond
	linkQueue = 256 << 10 // bytes of a connection on their way or waiting for the link: a socket buffer of usual size
)

// link ships a backlog over a long thin link.
func (b *bench) link(ctx context.Context) error {
	pattern, size, _, err := b.corpus("nginx", 1)
	if err != nil {
		return err
	}
	defer os.RemoveAll(filepath.Dir(pattern))
	s, err := newSink(nil)
	if err != nil {
		return err
	}
	defer s.close()
	p, err := newProxy(s.addr)
	if err != nil {
		return err
	}
	defer p.close()
	elapsed, _, cpu, err := b.ship(ctx, "shipper", settings{addr: p.addr, paths: pattern})
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "  %.0f MB of logs, %.0f MB on the wire, 100 Mbit/s, 50 ms: %.1f s, the link was %.0f %% used (start and end included), %.2f CPU s/GB\n",
		float64(size)/1e6, float64(s.wire.Load())/1e6, elapsed.Seconds(), 100*float64(s.wire.Load())/linkBytes/elapsed.Seconds(),
		cpu.Seconds()/(float64(size)/1e9))
	return nil
}

// proxy forwards connections through one link that all of them share.
type proxy struct {
	addr string
	to   string
	l    net.Listener
	wg   sync.WaitGroup

	mu    sync.Mutex
	free  time.Time // when the link has sent what it was given
	conns []net.Conn
}

func newProxy(to string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{addr: l.Addr().String(), to: to, l: l}
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c) })
		}
	})
	return p, nil
}

func (p *proxy) close() {
	p.l.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *proxy) serve(in net.Conn) {
	time.Sleep(2 * linkDelay) // the handshake
	out, err := net.Dial("tcp", p.to)
	if err != nil {
		in.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, in, out)
	p.mu.Unlock()
	if t, ok := in.(*net.TCPConn); ok {
		_ = t.SetReadBuffer(linkQueue / 2) // else the kernel would take in megabytes that the link has not sent
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.carry(out, in, true) })
	p.carry(in, out, false)
	wg.Wait()
}

// packet is bytes that arrive at a time.
type packet struct {
	data []byte
	at   time.Time
}

// carry moves bytes in one direction; up is the direction in which the link is thin.
func (p *proxy) carry(dst, src net.Conn, up bool) {
	const mtu = 16 << 10
	queue := make(chan packet, linkQueue/mtu)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer dst.Close()
		for pkt := range queue {
			time.Sleep(time.Until(pkt.at))
			if _, err := dst.Write(pkt.data); err != nil {
				src.Close()
			}
		}
	})
	for {
		buf := make([]byte, mtu)
		n, err := src.Read(buf)
		if n > 0 {
			at := time.Now()
			if up {
				at = p.send(n)
			}
			queue <- packet{buf[:n], at.Add(linkDelay)}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				src.Close()
			}
			close(queue)
			wg.Wait()
			return
		}
	}
}

// send takes the link for n bytes and returns when the last of them has left.
func (p *proxy) send(n int) time.Time {
	p.mu.Lock()
	p.free = maxTime(p.free, time.Now()).Add(time.Duration(float64(n) / linkBytes * float64(time.Second)))
	at := p.free
	p.mu.Unlock()
	return at
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
