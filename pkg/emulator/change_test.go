package emulator

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// What exists can be changed while it is used, through the service's calls and from outside.
func TestChange(t *testing.T) {
	w := DefaultWorld()
	w.Accounts[0].Keys = []Key{{ID: "LTAIrootOfA", Secret: "s"}}
	l := start(t, Options{World: w})
	c := l.sls(sls.AuthV1, "LTAIrootOfA", "s", "")
	must(t, c.PutLogs(DefaultProject, DefaultLogstore, sample(1)))
	must(t, c.UpdateLogStoreV2(DefaultProject, &sls.LogStore{Name: DefaultLogstore, TTL: 3, AppendMeta: true}))
	s, err := c.GetLogStore(DefaultProject, DefaultLogstore)
	must(t, err)
	if s.TTL != 3 || !s.AppendMeta {
		t.Errorf("logstore %+v", s)
	}
	_, err = c.UpdateProject(DefaultProject, "of the security team")
	must(t, err)
	if p := l.World().Projects[0]; p.Description != "of the security team" || p.Logstores[0].TTL != 3 {
		t.Errorf("project %+v", p)
	}
	must(t, c.CreateIndex(DefaultProject, DefaultLogstore, *sls.CreateDefaultIndex()))
	wantSLS(t, "second index", c.CreateIndex(DefaultProject, DefaultLogstore, *sls.CreateDefaultIndex()), 400, "IndexAlreadyExist", "")
	must(t, c.UpdateIndex(DefaultProject, DefaultLogstore, *sls.CreateDefaultIndex()))
	must(t, c.DeleteIndex(DefaultProject, DefaultLogstore))

	must(t, l.PutProject(Project{Name: DefaultProject, Owner: SenderUID, Region: DefaultRegion, Logstores: []Logstore{{Name: "more"}, {Name: "web"}}}))
	wantSLS(t, "sold to another account", c.PutLogs(DefaultProject, DefaultLogstore, sample(1)), 401, "Unauthorized", "acs:log:cn-hangzhou:"+SenderUID)
	if p := l.World().Projects[0]; len(p.Logstores) != 2 || len(l.ReadAll(DefaultProject, "web")) != 1 {
		t.Errorf("project %+v", p)
	}
	if err := l.PutLogstore("nothing", Logstore{Name: "web"}); err == nil {
		t.Error("a Logstore without a project")
	}
	if err := l.PutRole("9", Role{Name: "x", Trust: trustPolicy}); err == nil {
		t.Error("a role without an account")
	}
	if err := l.PutRole(OwnerUID, Role{Name: "x", Trust: trustPolicy, MaxSessionDuration: -1}); err == nil {
		t.Error("a role whose sessions end before they begin")
	}
	if err := l.PutAccount(Account{UID: "9", Keys: []Key{{ID: SenderKeyID, Secret: "s"}}}); err == nil {
		t.Error("an account with the key of another")
	}
	for _, bad := range [][2]string{
		{"faults", `{"kind":"slow","delay":"-1s"}`}, {"faults", ``}, {"faults", `{"kind":"slow"} {}`}, {"token_life", `"-5s"`},
	} {
		method := "PUT"
		if bad[0] == "faults" {
			method = "POST"
		}
		if got := l.ctl(method, bad[0], bad[1]); got.status != 400 || len(l.Faults().List()) > 0 {
			t.Errorf("%s %s: %d %s", bad[0], bad[1], got.status, got.body)
		}
	}
	if got := l.ctl("GET", "stats", ""); !strings.Contains(got.body, `"faults":{}`) {
		t.Errorf("nothing is null: %s", got.body)
	}
	must(t, l.PutAccount(Account{UID: OwnerUID}))
	wantSLS(t, "a key that is gone", c.PutLogs(DefaultProject, DefaultLogstore, sample(1)), 401, "Unauthorized", "AccessKeyId not found")
	l.DeleteLogstore(DefaultProject, "more")
	l.DeleteProject(DefaultProject)
	if n := len(l.World().Projects); n != 0 {
		t.Errorf("%d projects left", n)
	}
}

// Many at once: the counts come out right, and the race detector has something to look at.
func TestConcurrent(t *testing.T) {
	l := start(t, Options{})
	cred := l.assume(nil)
	const senders, each = 4, 25
	stop := make(chan struct{})
	var busy, done sync.WaitGroup
	for _, work := range []func(){
		func() { _ = l.SetRolePolicy(WriterRole, writePolicy) },
		func() { l.Stats(); l.World(); l.ReadAll(DefaultProject, DefaultLogstore) },
		func() {
			_ = l.Faults().Inject(Fault{Op: OpPull, Kind: ServerBusy, Count: 1})
			l.Faults().List()
			l.Faults().Clear()
		},
		func() { _, _ = l.reader().GetCursor(DefaultProject, DefaultLogstore, 0, "end") },
	} {
		busy.Go(func() {
			for tick := time.NewTicker(time.Millisecond); ; {
				select {
				case <-stop:
					tick.Stop()
					return
				case <-tick.C:
					work()
				}
			}
		})
	}
	for i := range senders {
		done.Go(func() {
			w := l.sls(sls.AuthV4, cred.AccessKeyId, cred.AccessKeySecret, cred.SecurityToken)
			for j := range each {
				if err := w.PutLogs(DefaultProject, DefaultLogstore, sample(1, fmt.Sprint(i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	close(stop)
	busy.Wait()
	seen := map[string]bool{}
	for _, g := range l.ReadAll(DefaultProject, DefaultLogstore) {
		seen[g.Logs[0].Value("content")] = true
	}
	if len(seen) != senders*each || l.Stats().Logs != senders*each {
		t.Errorf("%d lines stored, %d counted", len(seen), l.Stats().Logs)
	}
}
