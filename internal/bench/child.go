package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// child is one program under measurement.
type child struct {
	cmd   *exec.Cmd
	said  bytes.Buffer
	began time.Time
	peak  atomic.Int64 // bytes of resident memory
	done  chan struct{}
	err   error
}

// look is how often memory is looked at: VmHWM is a high-water mark of the kernel, so only what came within the last
// moment of a life can be missed. (ru_maxrss would count the parent's memory at the time of the fork.)
const look = 10 * time.Millisecond

func startChild(ctx context.Context, program string, args ...string) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, program, args...), done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	c.began = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	go func() { c.err = c.cmd.Wait(); close(gone) }()
	go func() {
		tick := time.NewTicker(look)
		defer tick.Stop()
		defer close(c.done)
		for {
			c.peak.Store(max(c.peak.Load(), c.memory("VmHWM")))
			select {
			case <-gone:
				return
			case <-tick.C:
			}
		}
	}()
	return c, nil
}

// wait returns how long the program lived and the CPU time that it used.
func (c *child) wait() (elapsed, cpu time.Duration, err error) {
	<-c.done
	elapsed = time.Since(c.began)
	if c.err != nil {
		return 0, 0, fmt.Errorf("%s: %w\n%s", c.cmd.Path, c.err, c.last())
	}
	return elapsed, c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime(), nil
}

// last is the end of what the program said.
func (c *child) last() []byte {
	b := c.said.Bytes()
	return b[max(0, len(b)-2000):]
}

// stop asks the program to end and waits for it.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	<-c.done
	return c.err
}

// memory reads a field of /proc/PID/status in bytes; 0 when the process is gone.
func (c *child) memory(field string) int64 {
	v := valueIn(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid), field)
	kb, _ := strconv.ParseInt(strings.TrimSuffix(v, " kB"), 10, 64)
	return kb << 10
}

// busy is the CPU time so far, to the nanosecond.
func (c *child) busy() time.Duration {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.cmd.Process.Pid))
	var sum time.Duration
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // a thread that has ended
		}
		if f := strings.Fields(string(text)); len(f) > 0 {
			ns, _ := strconv.ParseInt(f[0], 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}
