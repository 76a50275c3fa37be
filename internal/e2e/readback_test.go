package e2e

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// arrived is what the Logstore holds, put in the order that the pack ids give.
type arrived struct {
	lines   []string            // every line, one after the other
	streams map[string][]string // lines of one pack id prefix, in the order of its numbers
}

// readBack pulls every shard with the official SDK's client, as account A's own reader would.
func (c *cloud) readBack(t *testing.T) arrived {
	t.Helper()
	client := sls.CreateNormalInterfaceV2("http://"+emulator.DefaultRegion+".log.aliyuncs.com",
		sls.NewStaticCredentialsProvider(emulator.ReaderKeyID, emulator.ReaderKeySecret, ""))
	client.SetHTTPClient(emulatortest.Client(c.addr))
	shards, err := client.ListShards(emulator.DefaultProject, emulator.DefaultLogstore)
	if err != nil {
		t.Fatal(err)
	}
	type pack struct {
		seq   uint64
		lines []string
	}
	packs := map[string][]pack{}
	out := arrived{streams: map[string][]string{}}
	for _, shard := range shards {
		cursor, err := client.GetCursor(emulator.DefaultProject, emulator.DefaultLogstore, shard.ShardID, "begin")
		if err != nil {
			t.Fatal(err)
		}
		for {
			list, next, err := client.PullLogs(emulator.DefaultProject, emulator.DefaultLogstore, shard.ShardID, cursor, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range list.LogGroups {
				prefix, seq := packID(t, g)
				p := pack{seq: seq}
				for _, l := range g.Logs {
					for _, kv := range l.Contents {
						if kv.GetKey() == "content" {
							p.lines = append(p.lines, kv.GetValue())
						}
					}
				}
				out.lines = append(out.lines, p.lines...)
				packs[prefix] = append(packs[prefix], p)
			}
			if next == cursor {
				break
			}
			cursor = next
		}
	}
	for prefix, ps := range packs {
		slices.SortStableFunc(ps, func(a, b pack) int { return cmp.Compare(a.seq, b.seq) })
		for _, p := range ps {
			out.streams[prefix] = append(out.streams[prefix], p.lines...)
		}
	}
	return out
}

func packID(t *testing.T, g *sls.LogGroup) (prefix string, seq uint64) {
	t.Helper()
	for _, tag := range g.LogTags {
		if tag.GetKey() != "__pack_id__" {
			continue
		}
		prefix, num, ok := strings.Cut(tag.GetValue(), "-")
		seq, err := strconv.ParseUint(num, 16, 64)
		if !ok || err != nil {
			t.Fatalf("pack id %q", tag.GetValue())
		}
		return prefix, seq
	}
	t.Fatal("a group without __pack_id__")
	return "", 0
}

// tally counts how often each line arrived.
func (a arrived) tally() map[string]int {
	n := make(map[string]int, len(a.lines))
	for _, l := range a.lines {
		n[l]++
	}
	return n
}

// stored is how many logs the Logstore holds.
func (c *cloud) stored() int {
	n := 0
	for _, g := range c.ReadAll(emulator.DefaultProject, emulator.DefaultLogstore) {
		n += len(g.Logs)
	}
	return n
}

// missing is how many of the numbered requests are not in the Logstore.
func (c *cloud) missing(want map[int]bool) int {
	have := make(map[int]bool, len(want))
	for _, g := range c.ReadAll(emulator.DefaultProject, emulator.DefaultLogstore) {
		for _, l := range g.Logs {
			if m := numbered.FindStringSubmatch(l.Value("content")); m != nil {
				n, err := strconv.Atoi(m[1])
				if err == nil && want[n] {
					have[n] = true
				}
			}
		}
	}
	return len(want) - len(have)
}
