package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// BenchmarkMany10k is what 10,000 empty files cost: to be met first, their first line, and another one, in CPU time of a file.
func BenchmarkMany10k(b *testing.B) {
	const files = 10_000
	var start, first, next time.Duration
	for b.Loop() {
		dir, w := b.TempDir(), newWorld(b)
		var paths []string
		for i := range files {
			sub := filepath.Join(dir, fmt.Sprint(i%20))
			if i < 20 {
				os.Mkdir(sub, 0o755)
			}
			paths = append(paths, filepath.Join(sub, fmt.Sprintf("app%d.log", i)))
			write(b, paths[i], "")
		}
		o := w.options(filepath.Join(dir, "*", "*.log"))
		o.MaxOpenFiles = 2 * files
		began := cpuTime()
		tl := still(b, w, o)
		drain(tl)
		start += cpuTime() - began
		for _, sum := range []*time.Duration{&first, &next} {
			for i, p := range paths {
				write(b, p, fmt.Sprintf("line %d of a file of which there are many\n", i))
			}
			began := cpuTime()
			for at := 0; at < files; at += 100 { // what comes within a few milliseconds
				for _, p := range paths[at : at+100] {
					tl.events.path(p)
				}
				tl.step(0)
				drain(tl)
			}
			*sum += cpuTime() - began
		}
		if got := len(w.take("a")); got != 2*files {
			b.Fatalf("%d lines", got)
		}
		tl.Close()
	}
	for name, sum := range map[string]time.Duration{"start": start, "first": first, "next": next} {
		b.ReportMetric(float64(sum.Microseconds())/float64(b.N)/files, name+"-µs/file")
	}
}

// cpuTime is what the process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
