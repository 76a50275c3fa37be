package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"shipper/pkg/emulator"
)

// What the role may do: the one write, and nothing.
const (
	demoWrite   = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:*:` + emulator.OwnerUID + `:project/` + emulator.DefaultProject + `/logstore/` + emulator.DefaultLogstore + `"}]}`
	demoNothing = `{"Version":"1","Statement":[{"Effect":"Deny","Action":"log:*","Resource":"*"}]}`
)

// tally reads everything back and counts how often each line arrived.
func (d *demo) tally() map[int]int {
	seen := map[int]int{}
	for _, g := range d.cloud.ReadAll(emulator.DefaultProject, emulator.DefaultLogstore) {
		for _, l := range g.Logs {
			if n, ok := demoNumber(l.Value("content")); ok {
				seen[n]++
			}
		}
	}
	return seen
}

func (d *demo) distinct() int { return len(d.tally()) }

// demoNumber finds the number of a line: "TIME demo line 000123 from ...".
func demoNumber(line string) (int, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 {
		return 0, false
	}
	n, err := strconv.Atoi(fields[3])
	return n, err == nil
}

func (d *demo) scene(at time.Duration) demoScene {
	return demoScene{
		at: at, written: d.writer.written(), delivered: d.distinct(), rotations: int(d.writer.turns.Load()),
		tokens: d.cloud.Stats().TokensIssued,
	}
}

// verdict stops shipper in good order, reads everything back and says what became of each line.
func (d *demo) verdict(ctx context.Context) error {
	code, err := d.ship.stop()
	if err != nil {
		return fail(exitIO, fmt.Errorf("demo: stop shipper: %w", err))
	}
	d.view.say("shipper stopped, exit code %d", code)
	if d.writer.err != nil {
		return fail(exitIO, fmt.Errorf("demo: the log writer: %w", d.writer.err))
	}
	seen := d.tally()
	written, lost, repeated := d.writer.written(), 0, 0
	for n := 1; n <= written; n++ {
		switch times := seen[n]; {
		case times == 0:
			lost++
		case times > 1:
			repeated += times - 1
		}
	}
	s := d.cloud.Stats()
	fmt.Fprintf(d.view.w, `
  written                              %6d lines, %d rotations
  delivered                            %6d
  lost                                 %6d
  repeated                             %6d   (in flight at the kill -9)
  tokens used                          %6d   (each lives %s)
  requests rejected for expired token  %6d
  requests denied while revoked        %6d

`, written, d.writer.turns.Load(), len(seen), lost, repeated, s.TokensIssued, demoTokenLife, s.ExpiredTokens, s.Denied)
	if lost > 0 || code != exitOK {
		fmt.Fprintf(d.view.w, "shipper's last words:\n%s\n", d.ship.lastWords(20))
		return exit(exitProblem)
	}
	if err := ctx.Err(); err != nil {
		return fail(exitIO, err)
	}
	_, err = fmt.Fprintf(d.view.w, "Next: shipper emulator to play with it, or write configs/minimal.toml for your own two accounts.\n")
	return err
}
