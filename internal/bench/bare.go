package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"shipper/internal/codec"
)

// The bare pipeline: each core takes a part of the files, reads blocks, splits lines, writes each as a log of protobuf,
// compresses groups of a MiB, hashes them as a V4 signature does, and posts. It keeps no positions, follows no file, retries
// nothing. It is how fast a shipper could be on this machine that did nothing else.

const (
	bareBlock = 256 << 10
	bareGroup = 1 << 20
)

// part is a range of one file.
type part struct {
	path     string
	from, to int64
}

func bare(addr string, patterns []string) error {
	var parts []part
	for _, p := range patterns {
		paths, err := filepath.Glob(p)
		if err != nil {
			return err
		}
		for _, path := range paths {
			st, err := os.Stat(path)
			if err != nil {
				return err
			}
			n := int64(1)
			if len(paths) < runtime.GOMAXPROCS(0) {
				n = int64(runtime.GOMAXPROCS(0))
			}
			for i := range n {
				parts = append(parts, part{path, st.Size() * i / n, st.Size() * (i + 1) / n})
			}
		}
	}
	todo := make(chan part, len(parts))
	for _, p := range parts {
		todo <- p
	}
	close(todo)
	var wg sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(errs), WriteBufferSize: 64 << 10, DisableCompression: true}}
	for i := range errs {
		wg.Go(func() {
			w := pipeline{url: "http://" + addr + "/logstores/web/shards/lb", client: client, block: make([]byte, bareBlock)}
			for p := range todo {
				if errs[i] = w.ship(p); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// pipeline is what one core works with.
type pipeline struct {
	url    string
	client *http.Client
	block  []byte
	group  []byte
	body   []byte
	logs   int
}

func (w *pipeline) ship(p part) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	for off := p.from; off < p.to; {
		n, err := f.ReadAt(w.block[:min(int64(len(w.block)), p.to-off)], off)
		if err != nil && err != io.EOF {
			return err
		}
		used, err := w.split(w.block[:n])
		if err != nil {
			return err
		}
		if used == 0 {
			break
		}
		off += int64(used)
	}
	return w.post()
}

// split encodes the whole lines of block.
func (w *pipeline) split(block []byte) (used int, err error) {
	now := time.Now()
	for used < len(block) {
		n := bytes.IndexByte(block[used:], '\n')
		if n < 0 {
			return used, nil
		}
		w.group = appendLog(w.group, block[used:used+n], now)
		w.logs++
		used += n + 1
		if len(w.group) > bareGroup-2048 || w.logs == 4096 {
			if err := w.post(); err != nil {
				return used, err
			}
		}
	}
	return used, nil
}

// appendLog appends a Log of a LogGroup with one field, content.
func appendLog(dst, text []byte, now time.Time) []byte {
	size := func(n int) int { return len(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), uint64(n))) }
	pair := 1 + 1 + 7 + 1 + size(len(text)) + len(text)
	body := 6 + 1 + size(pair) + pair + 5
	dst = binary.AppendUvarint(append(dst, 1<<3|2), uint64(body))
	dst = binary.AppendUvarint(append(dst, 1<<3), uint64(now.Unix()))
	dst = binary.AppendUvarint(append(dst, 2<<3|2), uint64(pair))
	dst = append(dst, 1<<3|2, 7, 'c', 'o', 'n', 't', 'e', 'n', 't')
	dst = append(binary.AppendUvarint(append(dst, 2<<3|2), uint64(len(text))), text...)
	return binary.LittleEndian.AppendUint32(append(dst, 4<<3|5), uint32(now.Nanosecond()))
}

// post compresses, hashes and sends the group.
func (w *pipeline) post() (err error) {
	if w.logs == 0 {
		return nil
	}
	raw := len(w.group)
	if w.body, err = codec.LZ4.AppendCompressed(w.body[:0], w.group); err != nil {
		return err
	}
	w.group, w.logs = w.group[:0], 0
	sum := sha256.Sum256(w.body)
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write(sum[:])
	req, err := http.NewRequest(http.MethodPost, w.url, bytes.NewReader(w.body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", hex.EncodeToString(mac.Sum(nil)))
	req.Header.Set("x-log-bodyrawsize", fmt.Sprint(raw))
	req.Header.Set("x-log-compresstype", "lz4")
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}
