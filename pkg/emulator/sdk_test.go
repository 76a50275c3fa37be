package emulator

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	consumer "github.com/aliyun/aliyun-log-go-sdk/consumer"
	"github.com/aliyun/aliyun-log-go-sdk/producer"
)

// Everything that the official client can write arrives, whatever signature and compression, and can be read back with it.
func TestWriteAndRead(t *testing.T) {
	l := start(t, Options{})
	want := 0
	for _, version := range []sls.AuthVersionType{sls.AuthV1, sls.AuthV4} {
		w := l.writer(version)
		for _, comp := range []int{sls.Compress_LZ4, sls.Compress_ZSTD, sls.Compress_None} {
			for _, key := range []*string{nil, ptr("0123456789abcdef0123456789ABCDEF")} {
				err := w.PostLogStoreLogsV2(DefaultProject, DefaultLogstore, &sls.PostLogStoreLogsRequest{LogGroup: sample(3), HashKey: key, CompressType: comp})
				if err != nil {
					t.Fatalf("%s, compression %d, key %v: %v", version, comp, key, err)
				}
				want++
			}
		}
		if err := w.PutLogs(DefaultProject, DefaultLogstore, sample(1, strings.Repeat("x", 100_000))); err != nil {
			t.Fatal(err)
		}
		want++
	}
	r := l.reader()
	shards, err := r.ListShards(DefaultProject, DefaultLogstore)
	if err != nil || len(shards) != 2 {
		t.Fatalf("shards %v, %v", shards, err)
	}
	got := 0
	for _, s := range shards {
		for _, comp := range []int{sls.Compress_LZ4, sls.Compress_ZSTD} {
			cursor, err := r.GetCursor(DefaultProject, DefaultLogstore, s.ShardID, "begin")
			if err != nil {
				t.Fatal(err)
			}
			for {
				list, meta, err := r.PullLogsWithQuery(&sls.PullLogRequest{Project: DefaultProject, Logstore: DefaultLogstore, ShardID: s.ShardID,
					Cursor: cursor, LogGroupMaxCount: 2, CompressType: comp})
				if err != nil {
					t.Fatal(err)
				}
				if meta.NextCursor == cursor {
					break
				}
				if comp == sls.Compress_LZ4 {
					got += len(list.LogGroups)
				}
				if g := list.LogGroups[0]; g.GetTopic() != "t" || g.GetSource() != "10.0.0.1" || g.LogTags[0].GetKey() != "__path__" || g.GetCursor() != cursor {
					t.Fatalf("group %v, cursor %s, want %s", g, g.GetCursor(), cursor)
				}
				cursor = meta.NextCursor
			}
			end, err := r.GetCursor(DefaultProject, DefaultLogstore, s.ShardID, "end")
			if err != nil || end != cursor {
				t.Fatalf("end %s, reached %s, %v", end, cursor, err)
			}
			if at, err := r.(*sls.Client).GetPrevCursorTime(DefaultProject, DefaultLogstore, s.ShardID, end); err != nil || time.Since(at) > time.Minute {
				t.Fatalf("cursor time %v, %v", at, err)
			}
		}
	}
	if got != want {
		t.Errorf("read %d groups, wrote %d", got, want)
	}
	if n := len(l.ReadAll(DefaultProject, DefaultLogstore)); n != want {
		t.Errorf("ReadAll has %d groups, want %d", n, want)
	}
	if s := l.Stats(); s.Groups != int64(want) || s.Requests["post"]["ok"] != int64(want) || s.TokensIssued != 2 {
		t.Errorf("stats %+v", s)
	}
}

// A V4 signature for another region than the project's is none.
func TestRegion(t *testing.T) {
	l := start(t, Options{})
	c := l.writer(sls.AuthV4)
	c.SetRegion("cn-beijing")
	wantSLS(t, "region", c.PutLogs(DefaultProject, DefaultLogstore, sample(1)), 401, "SignatureNotMatch", "")
}

// The SDK's calls around a Logstore and its queries.
func TestMeta(t *testing.T) {
	w := DefaultWorld()
	w.Accounts[0].Keys = []Key{{ID: "LTAIrootOfA", Secret: "s"}}
	l := start(t, Options{World: w})
	c := l.sls(sls.AuthV4, "LTAIrootOfA", "s", "")
	must(t, c.CreateLogStore(DefaultProject, "app", 7, 3, false, 0))
	var e *sls.Error
	if err := c.CreateLogStore(DefaultProject, "app", 7, 3, false, 0); !errors.As(err, &e) || e.Code != "LogStoreAlreadyExist" {
		t.Fatalf("second creation: %v", err)
	}
	names, err := c.ListLogStore(DefaultProject)
	must(t, err)
	if fmt.Sprint(names) != "[app web]" {
		t.Errorf("names %v", names)
	}
	s, err := c.GetLogStore(DefaultProject, "app")
	must(t, err)
	if s.TTL != 7 || s.ShardCount != 3 {
		t.Errorf("logstore %+v", s)
	}
	p, err := c.GetProject(DefaultProject)
	must(t, err)
	if p.Owner != OwnerUID || p.Region != DefaultRegion {
		t.Errorf("project %+v", p)
	}
	list, err := c.ListProject()
	must(t, err)
	if fmt.Sprint(list) != "[sec-logs]" {
		t.Errorf("projects %v", list)
	}
	_, err = c.CreateProject("other-logs", "second")
	must(t, err)
	if ok, err := c.CheckProjectExist("other-logs"); err != nil || !ok {
		t.Errorf("exists %v, %v", ok, err)
	}
	must(t, c.DeleteProject("other-logs"))
	if ok, err := c.CheckProjectExist("other-logs"); err != nil || ok {
		t.Errorf("exists %v, %v", ok, err)
	}
	must(t, c.CreateIndex(DefaultProject, "app", *sls.CreateDefaultIndex()))
	ix, err := c.GetIndex(DefaultProject, "app")
	must(t, err)
	if ix.Line == nil {
		t.Error("the index is not the one that was given")
	}

	for _, n := range []int{1, 300, math.MaxInt} {
		_, err := c.SplitNumShard(DefaultProject, "app", 1, n)
		wantSLS(t, "split into "+strconv.Itoa(n), err, 400, "ParameterInvalid", "")
	}
	shards, err := c.SplitShard(DefaultProject, "app", 1, "")
	must(t, err)
	if len(shards) != 3 || shards[0].Status != "readonly" {
		t.Fatalf("split %v", shards)
	}
	if shards, err = c.MergeShards(DefaultProject, "app", shards[1].ShardID); err != nil || len(shards) != 3 {
		t.Fatalf("merge %v, %v", shards, err)
	}
	for i := range 20 {
		key := fmt.Sprintf("%032x", i)
		key = key[30:] + key[:30]
		must(t, c.PostLogStoreLogs(DefaultProject, "app", sample(1, fmt.Sprintf("request %d", i)), &key))
	}
	now := time.Now().Unix()
	rows, err := c.GetLogs(DefaultProject, "app", "", now-60, now+60, "*", 100, 0, false)
	must(t, err)
	if len(rows.Logs) != 20 || rows.Logs[0]["__tag__:__path__"] != "/var/log/a.log" || !rows.IsComplete() {
		t.Errorf("%d rows, first %v", len(rows.Logs), rows.Logs[0])
	}
	if v3, err := c.GetLogsV3(DefaultProject, "app", &sls.GetLogRequest{From: now - 60, To: now + 60, Query: "content: 17"}); err != nil || len(v3.Logs) != 1 {
		t.Errorf("rows %v, %v", v3, err)
	}
	h, err := c.GetHistograms(DefaultProject, "app", "", now-60, now+60, "request")
	must(t, err)
	if h.Count != 20 {
		t.Errorf("histogram counts %d", h.Count)
	}
	must(t, c.DeleteLogStore(DefaultProject, "app"))
	if _, err := c.GetLogStore(DefaultProject, "app"); !errors.As(err, &e) || e.Code != "LogStoreNotExist" || e.HTTPCode != 404 {
		t.Errorf("deleted: %v", err)
	}
}

// The SDK's producer and its consumer library, unmodified, move every line once.
func TestProducerAndConsumer(t *testing.T) {
	if underRace {
		t.Skip("the SDK's Producer.Close races with Start, and its client sets timeouts from every shard's goroutine")
	}
	l := start(t, Options{})
	cred := l.assume(nil)
	config := producer.GetDefaultProducerConfig()
	config.Endpoint, config.HTTPClient, config.LingerMs = endpoint, l.client, 100
	config.CredentialsProvider = sls.NewStaticCredentialsProvider(cred.AccessKeyId, cred.AccessKeySecret, cred.SecurityToken)
	config.AllowLogLevel = "error"
	config.GeneratePackId = true
	p, err := producer.NewProducer(config)
	if err != nil {
		t.Fatal(err)
	}
	p.Start()
	const lines = 500
	for i := range lines {
		log := producer.GenerateLog(uint32(time.Now().Unix()), map[string]string{"content": fmt.Sprint(i)})
		if err := p.SendLog(DefaultProject, DefaultLogstore, "topic", "127.0.0.1", log); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(10_000); err != nil {
		t.Fatal(err)
	}

	var seen atomic.Int64
	worker := consumer.InitConsumerWorkerWithCheckpointTracker(consumer.LogHubConfig{
		Endpoint: endpoint, AccessKeyID: ReaderKeyID, AccessKeySecret: ReaderKeySecret, HTTPClient: l.client,
		Project: DefaultProject, Logstore: DefaultLogstore, ConsumerGroupName: "verify", ConsumerName: "c 一",
		CursorPosition: consumer.BEGIN_CURSOR, HeartbeatIntervalInSecond: 1, DataFetchIntervalInMs: 20,
		AutoCommitIntervalInMS: 100, AllowLogLevel: "error", DisableRuntimeMetrics: true,
	}, func(_ int, groups *sls.LogGroupList, tracker consumer.CheckPointTracker) (string, error) {
		for _, g := range groups.LogGroups {
			seen.Add(int64(len(g.Logs)))
		}
		return "", tracker.SaveCheckPoint(true)
	})
	worker.Start()
	poll(t, func() bool { return seen.Load() >= lines })
	worker.StopAndWait()
	if n := seen.Load(); n != lines {
		t.Errorf("consumed %d lines, sent %d", n, lines)
	}
	points, err := l.reader().GetCheckpoint(DefaultProject, DefaultLogstore, "verify")
	if err != nil || len(points) != 2 {
		t.Fatalf("checkpoints %v, %v", points, err)
	}
}

// poll waits for real I/O of code that tells nobody when it is done.
func poll(t *testing.T, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ready(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
