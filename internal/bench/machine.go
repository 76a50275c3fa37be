package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine describes where the figures come from.
func machine() string {
	return fmt.Sprintf("%s, %d cores, %s, %s/%s, load %s", valueIn("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, firstFields("/proc/loadavg", 3))
}

// valueIn returns what stands behind the colon of the first line of a file that begins with key.
func valueIn(path, key string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func firstFields(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(n, len(fields))], " ")
}
