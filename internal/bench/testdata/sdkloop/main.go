// Command sdkloop is the usual way to ship a file with the SDK: a loop that reads lines and gives each to the producer.
// It keeps no positions and notices no rotation.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aliyun/aliyun-log-go-sdk/producer"
)

func main() {
	endpoint := flag.String("endpoint", "", "where to send")
	linger := flag.Int64("linger", 0, "milliseconds; 0 is the producer's default")
	follow := flag.Duration("follow", 0, "how long to wait for more, looking every 10 ms")
	flag.Parse()
	c := producer.GetDefaultProducerConfig()
	c.Endpoint = *endpoint
	c.AccessKeyID, c.AccessKeySecret = "LTAI5tFakeBench000000", "fake-secret-of-the-benchmark"
	c.AllowLogLevel = "error"
	c.HTTPClient = client(strings.TrimPrefix(*endpoint, "http://"), int(c.MaxIoWorkerCount))
	if *linger > 0 {
		c.LingerMs = *linger
	}
	p, err := producer.NewProducer(c)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p.Start()
	var wg sync.WaitGroup
	for _, pattern := range flag.Args() {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if err := ship(p, path, *follow); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}()
		}
	}
	wg.Wait()
	p.SafeClose()
}

// client dials one address, whatever the name: the SDK puts the project in front of it.
func client(addr string, conns int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: conns,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		},
	}}
}

func ship(p *producer.Producer, path string, follow time.Duration) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 256<<10)
	until := time.Now().Add(follow)
	var rest string
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF && time.Now().Before(until) {
			rest += line
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil {
			return nil
		}
		line, rest = strings.TrimSuffix(rest+line, "\n"), ""
		log := producer.GenerateLog(uint32(time.Now().Unix()), map[string]string{"content": line})
		if err := p.SendLog("sec-logs", "web", "", "", log); err != nil {
			return err
		}
	}
}
