package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// corpus makes files with about size bytes in all and returns the pattern that matches them and the exact number of bytes and
// lines. The same arguments give the same content.
func (b *bench) corpus(kind string, files int) (pattern string, bytes, lines int64, err error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("%s-%d", kind, files))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", 0, 0, err
	}
	line := map[string]func([]byte, *rand.Rand, int) []byte{"nginx": nginxLine, "json": jsonLine, "wide": wideLine}[kind]
	each := int64(b.size) * 1e6 / int64(files)
	for i := range files {
		n, m, err := writeLines(filepath.Join(dir, fmt.Sprintf("%04d.log", i)), each, uint64(i), line)
		if err != nil {
			return "", 0, 0, err
		}
		bytes, lines = bytes+n, lines+m
	}
	return filepath.Join(dir, "*.log"), bytes, lines, nil
}

// writeLines fills a file up to size and leaves it in the page cache, where all programs find it.
func writeLines(path string, size int64, seed uint64, line func([]byte, *rand.Rand, int) []byte) (bytes, lines int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, 0, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	r := rand.New(rand.NewPCG(seed, 1))
	var buf []byte
	for bytes < size {
		buf = append(line(buf[:0], r, int(lines)), '\n')
		if _, err := w.Write(buf); err != nil {
			f.Close()
			return 0, 0, err
		}
		bytes += int64(len(buf))
		lines++
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return 0, 0, err
	}
	return bytes, lines, f.Close()
}

var (
	agents = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148",
		"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "curl/8.5.0", "Go-http-client/1.1",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	}
	paths    = []string{"/", "/index.html", "/api/v1/orders", "/api/v1/users", "/static/app.js", "/static/logo.svg", "/login", "/search", "/cart/items"}
	referers = []string{"-", "https://www.example.com/", "https://www.example.com/search?q=shoes", "https://shop.example.com/cart"}
	statuses = []int{200, 200, 200, 200, 200, 304, 301, 404, 499, 500}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// begin is the time of the first line of every corpus.
var begin = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

// nginxLine is a line in nginx's combined format with request time and id, 204 bytes long on average with its line feed.
func nginxLine(dst []byte, r *rand.Rand, n int) []byte {
	return fmt.Appendf(dst, `%d.%d.%d.%d - - [%s] "GET %s?id=%d HTTP/1.1" %d %d "%s" "%s" %.3f %08x`,
		r.IntN(223)+1, r.IntN(256), r.IntN(256), r.IntN(256), begin.Add(time.Duration(n)*time.Millisecond).Format("02/Jan/2006:15:04:05 -0700"),
		pick(r, paths), r.IntN(1_000_000), pick(r, statuses), r.IntN(80_000), pick(r, referers), pick(r, agents),
		r.Float64()*2, r.Uint32())
}

// jsonLine is a structured log of a service, 367 bytes long on average with its line feed.
func jsonLine(dst []byte, r *rand.Rand, n int) []byte {
	return fmt.Appendf(dst, `{"time":"%s","level":"%s","service":"orders","host":"app-%02d","trace_id":"%016x%016x","span_id":"%016x","user_id":%d,"path":"%s","status":%d,"duration_ms":%.2f,"msg":"request finished","client":{"ip":"10.%d.%d.%d","agent":"%s"}}`,
		begin.Add(time.Duration(n)*time.Millisecond).Format(time.RFC3339Nano), pick(r, []string{"info", "info", "info", "warn", "error"}), r.IntN(12),
		r.Uint64(), r.Uint64(), r.Uint64(), r.IntN(1_000_000), pick(r, paths), pick(r, statuses), r.Float64()*400,
		r.IntN(256), r.IntN(256), r.IntN(256), pick(r, agents))
}

// wideLine is 511 bytes of words, of which a third hardly compress.
func wideLine(dst []byte, r *rand.Rand, n int) []byte {
	dst = fmt.Appendf(dst, "%012d ", n)
	for len(dst) < 511 {
		if r.IntN(3) == 0 {
			dst = fmt.Appendf(dst, "%016x ", r.Uint64())
		} else {
			words := pick(r, agents)
			dst = append(append(dst, words[:min(24, len(words))]...), ' ')
		}
	}
	return dst[:511]
}
