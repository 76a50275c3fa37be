package producer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A body that is too large is halved until it fits; every log arrives once, and a log that never fits is buried alone.
func TestSplit(t *testing.T) {
	for _, status := range []int{413, 400} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, worldOptions{logs: 16, answer: func(r *request) answer {
					if r.raw > 500 || r.has("huge") {
						return answer{status: status, code: "PostBodyTooLarge", message: fmt.Sprintf("Body size %d must little than 500", r.raw)}
					}
					return answer{}
				}})
				lines := numbered(50)
				lines[17] = "huge " + strings.Repeat("x", 100)
				w.write(lines...)
				w.run()
				w.check(once(slices.Delete(slices.Clone(lines), 17, 18)...), []string{lines[17]})
				letter := w.dead.letters[0]
				if letter.From != int64(17*len("line 0000\n")) || letter.To-letter.From != int64(len(lines[17])+1) || letter.Logs != 1 ||
					letter.Path != "/var/log/a.log" || letter.Code != "PostBodyTooLarge" || letter.RequestID == "" || letter.Project != "sec-logs" {
					t.Errorf("%+v", letter)
				}
			})
		})
	}
}

// What a proxy calls too large is halved too, but no log is given up on a proxy's word.
func TestSplitByStranger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, worldOptions{answer: func(r *request) answer {
			if time.Since(start) < time.Hour && (len(r.lines) > 2 || r.has("0003")) {
				return answer{status: 413, page: "<html>Request Entity Too Large</html>", noID: true}
			}
			return answer{}
		}})
		w.write(numbered(8)...)
		w.run()
		w.check(once(numbered(8)...), nil)
	})
}

// fault answers as the service does to logs it cannot take, until they are mended.
func fault(code, message string, bad func(*request) bool) func(*request) answer {
	return func(r *request) answer {
		if bad(r) {
			return answer{status: 400, code: code, message: message}
		}
		return answer{}
	}
}

// A log whose time is out of range is given the present time by one repair; its neighbours keep theirs.
func TestMendTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var stored []time.Time
		w := newWorld(t, worldOptions{logs: 100, answer: fault("PostBodyInvalid", "The post data time is out of range", func(r *request) bool {
			var times []time.Time
			for _, l := range r.logs {
				at := time.Unix(int64(l.GetTime()), int64(l.GetTimeNs()))
				if d := time.Since(at); d > 7*24*time.Hour || d < -15*time.Minute {
					return true
				}
				times = append(times, at)
			}
			stored = append(stored, times...)
			return false
		})})
		w.write(numbered(40)...)
		time.Sleep(8 * 24 * time.Hour) // the network was down
		w.writer.Write(chunkAt(w, time.Now().Add(-time.Hour), "fresh"))
		w.batcher.Seal()
		w.run()
		w.check(once(append(numbered(40), "fresh")...), nil)
		if n := w.service.requests(); n > 3 || w.Stats().Mended != 40 {
			t.Errorf("%d requests, %d mended", n, w.Stats().Mended)
		}
		for i, at := range stored {
			want := time.Now()
			if i == 40 {
				want = want.Add(-time.Hour)
			}
			if at.Sub(want).Abs() > time.Second {
				t.Errorf("log %d got %v, want %v", i, at, want)
			}
		}
	})
}

// Logs that the service does not like for reasons that we cannot see are found by bisecting, and their neighbours delivered once.
func TestBisect(t *testing.T) {
	codes := map[string]string{"InvalidTimestamp": "Invalid timestamps are in logs.", "InvalidEncoding": "Non-UTF8 characters are in logs.",
		"InvalidKey": "Invalid keys are in logs.", "PostBodyInvalid": "The post data time is out of range",
		// Of these nobody says that one log is at fault.
		"PostBodyInvalid ": "Protobuffer content cannot be parsed.", "Blocked": "The request looks like an attack."}
	for code, message := range codes {
		t.Run(message, func(t *testing.T) {
			code := strings.TrimSpace(code)
			bubble(t, func(t *testing.T) {
				w := newWorld(t, worldOptions{logs: 64, answer: fault(code, message, func(r *request) bool { return r.has("poison") })})
				lines := numbered(200)
				lines[0], lines[70], lines[199] = "poison 0", "poison 1", "poison 2"
				w.write(lines...)
				w.run()
				good := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "poison") })
				w.check(once(good...), []string{"poison 0", "poison 1", "poison 2"})
				if n := w.service.requests(); n > 3*2*8+3*rejectTries+10 {
					t.Errorf("%d requests to find 3 logs of 200", n)
				}
				if s := w.Stats(); s.DeadLogs != 3 || s.Dead[code] != 3 || s.Held {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// What the service calls wrong is believed of a single log, after three tries; the batches beside it are not touched.
func TestReject(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tries := 0
		w := newWorld(t, worldOptions{answer: fault("PostBodyInvalid", "Protobuffer content cannot be parsed.", func(r *request) bool {
			if r.has("bad") {
				tries++
			}
			return r.has("bad")
		})})
		w.write("bad 1", "bad 2")
		w.write(numbered(20)...)
		w.run()
		w.check(once(numbered(20)...), []string{"bad 1", "bad 2"})
		if tries < 1+2*rejectTries || tries > 6+2*rejectTries || len(w.dead.letters) != 2 {
			t.Errorf("%d tries, %d letters", tries, len(w.dead.letters))
		}
		if !strings.Contains(w.log.String(), "SHP-P801") {
			t.Errorf("no alarm:\n%s", w.log)
		}
	})
}

// When everything is refused it is not the data: the target is held after a few letters, and delivers what is left when the
// cause is gone.
func TestRejectOfEverythingHolds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, worldOptions{inFlight: 2, logs: 1, answer: fault("InvalidMethod", "Invalid request method : POST", func(*request) bool {
			return time.Since(start) < 5*time.Minute
		})})
		w.MaxBytes = 1
		w.write(numbered(100)...)
		w.run()
		if c := w.counts(); c.Pending() != 0 || c.Acked+c.Dead != w.pos {
			t.Errorf("%+v", c)
		}
		if n := len(w.dead.letters); n < maxStreak || n > maxStreak+8 {
			t.Errorf("%d letters in 5 minutes of a broken request", n)
		}
		if !strings.Contains(w.log.String(), "delivery is held") || !strings.Contains(w.log.String(), "delivery goes on") {
			t.Errorf("log:\n%s", w.log)
		}
	})
}

// Neither does a batch become dead log by log while that lasts, nor is it taken apart any further.
func TestRejectOfEverythingKeepsBatches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, worldOptions{inFlight: 2, logs: 500, answer: fault("ParameterInvalid", "x-log-bodyrawsize", func(*request) bool {
			return time.Since(start) < 5*time.Minute
		})})
		w.MaxBytes = 1
		w.write(numbered(5000)...)
		w.run()
		logs := 0
		for _, l := range w.dead.letters {
			logs += l.Logs
		}
		if logs < maxStreak || logs > 600 {
			t.Errorf("%d logs in %d letters in 5 minutes of a broken request", logs, len(w.dead.letters))
		}
		if n := w.service.requests(); n > 200 {
			t.Errorf("%d requests", n)
		}
		if c := w.counts(); c.Pending() != 0 || c.Acked+c.Dead != w.pos {
			t.Errorf("%+v", c)
		}
	})
}

// Lines are not settled as dead before they are safe.
func TestDeadLetterDiskFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{answer: fault("InvalidKey", "", func(r *request) bool { return r.has("poison") })})
		w.dead.fail = 5
		w.write("poison")
		start := time.Now()
		go func() {
			time.Sleep(500 * time.Millisecond)
			if s := w.Stats(); s.Unkept != 1 || !strings.Contains(s.UnkeptReason, "no space") {
				t.Errorf("while it waits: %d, %q", s.Unkept, s.UnkeptReason)
			}
		}()
		w.run()
		if s := w.Stats(); s.Unkept != 0 || s.UnkeptReason != "" || strings.Count(w.log.String(), "SHP-P903") != 2 {
			t.Errorf("afterwards: %d, %q\n%s", s.Unkept, s.UnkeptReason, w.log)
		}
		w.check(nil, []string{"poison"})
		if time.Since(start) < 5*time.Second {
			t.Error("the disk was asked without pause")
		}
	})
}

// Whoever stops waiting does not say that the letters are safe.
func TestDeadLetterDiskFullAtStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{answer: fault("InvalidKey", "", func(*request) bool { return true })})
		w.dead.fail = 1000
		w.write("poison")
		w.batcher.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = w.Run(ctx)
		if strings.Contains(w.log.String(), "no dead letter waits") || w.Stats().Unkept != 0 || w.counts().Dead != 0 {
			t.Errorf("%+v\n%s", w.counts(), w.log)
		}
	})
}
