package tail

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkIdle10k is the cost of a whole sweep over 10,000 idle files; one is made each 30 s.
func BenchmarkIdle10k(b *testing.B) {
	dir, w := b.TempDir(), newWorld(b)
	for i := range 10000 {
		sub := filepath.Join(dir, fmt.Sprint(i%20))
		if i < 20 {
			os.Mkdir(sub, 0o755)
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("app%d.log", i)), fmt.Appendf(nil, "line %d\n", i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	o := w.options(filepath.Join(dir, "**", "*.log"))
	o.MaxOpenFiles = 20000
	tl := still(b, w, o)
	drain(tl)
	tl.coarse = 0 // the directories have just been made
	for _, d := range tl.dirs {
		d.polled, d.watched = false, true // as if they could be watched, without the notifications
	}
	clock := time.Now()
	tl.now = func() time.Time { return clock }
	before := cpuTime()
	for b.Loop() {
		for range 30 { // seconds
			clock = clock.Add(time.Second)
			tl.step(stepTick)
			drain(tl)
		}
	}
	cpu := cpuTime() - before
	b.ReportMetric(100*cpu.Seconds()/float64(b.N)/30, "%core")
}
