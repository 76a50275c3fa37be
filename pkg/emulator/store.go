package emulator

import (
	"slices"
	"strings"
	"time"
)

// project and logstore are the stored counterparts of Project and Logstore. Guarded by Emulator.mu.
type project struct {
	Project
	created, modified time.Time
	logstores         map[string]*logstore
	bucket            bytesAndRequests
}

type logstore struct {
	Logstore
	created, modified time.Time
	shards            []*shard
	next              int               // of the round robin
	sequence          map[string]uint64 // last sequence id of each hash key
	groups            map[string]*consumerGroup
	index             []byte // the index configuration, as it was given; nil = none
}

func newProject(p Project, now time.Time) *project {
	out := &project{Project: p, created: now, modified: now, logstores: map[string]*logstore{}}
	for _, l := range p.Logstores {
		out.logstores[l.Name] = newLogstore(l, now)
	}
	return out
}

func newLogstore(l Logstore, now time.Time) *logstore {
	if l.Shards <= 0 {
		l.Shards = 2
	}
	if l.TTL <= 0 {
		l.TTL = 30
	}
	return &logstore{
		Logstore: l, created: now, modified: now, shards: newShards(l.Shards, now),
		sequence: map[string]uint64{}, groups: map[string]*consumerGroup{},
	}
}

// names are the Logstores of p, sorted.
func (p *project) names() []string {
	var out []string
	for n := range p.logstores {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// describe is p as a piece of a World.
func (p *project) describe() Project {
	out := p.Project
	out.Logstores = nil
	for _, n := range p.names() {
		l := p.logstores[n].Logstore
		l.Shards = len(p.logstores[n].writable())
		out.Logstores = append(out.Logstores, l)
	}
	return out
}

// shard finds a shard by number.
func (l *logstore) shard(id int) *shard {
	if i := slices.IndexFunc(l.shards, func(s *shard) bool { return s.id == id }); i >= 0 {
		return l.shards[i]
	}
	return nil
}

// store puts groups into a shard, or counts them only. The caller holds the lock and gives the memory away.
func (e *Emulator) store(s *shard, groups []group) {
	if e.opt.Discard {
		s.base += int64(len(groups)) // the cursor moves as if they were there
		return
	}
	s.groups = append(s.groups, groups...)
}

// Content is one key and value of a log, or one tag of a group.
type Content struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Log is one stored log.
type Log struct {
	Time     time.Time `json:"time"`
	Contents []Content `json:"contents"`
}

// Value is the value under key, "" if there is none.
func (l Log) Value(key string) string { return value(l.Contents, key) }

// Group is one stored LogGroup.
type Group struct {
	Project  string    `json:"project"`
	Logstore string    `json:"logstore"`
	Shard    int       `json:"shard"`
	Cursor   string    `json:"cursor"`
	Received time.Time `json:"received"`
	Topic    string    `json:"topic"`
	Source   string    `json:"source"`
	Tags     []Content `json:"tags,omitempty"` // keys without the prefix __tag__:
	Logs     []Log     `json:"logs"`
}

// Tag is the value of a tag, "" if there is none.
func (g Group) Tag(key string) string { return value(g.Tags, key) }

func value(list []Content, key string) string {
	if i := slices.IndexFunc(list, func(c Content) bool { return c.Key == key }); i >= 0 {
		return list[i].Value
	}
	return ""
}

// ReadAll returns every group that is stored in a Logstore, shard by shard in the order of arrival. It is nil if there is
// no such Logstore or nothing in it.
func (e *Emulator) ReadAll(projectName, logstoreName string) []Group {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.projects[projectName]
	if p == nil || p.logstores[logstoreName] == nil {
		return nil
	}
	var out []Group
	for _, s := range p.logstores[logstoreName].shards {
		for i, g := range s.groups {
			d := decodeGroup(g.wire)
			d.Project, d.Logstore, d.Shard, d.Cursor, d.Received = projectName, logstoreName, s.id, encodeCursor(s.base+int64(i)), g.received
			out = append(out, d)
		}
	}
	return out
}

// Clear forgets every stored log and every sequence id of a Logstore; cursors go on counting.
func (e *Emulator) Clear(projectName, logstoreName string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.projects[projectName]
	if p == nil || p.logstores[logstoreName] == nil {
		return
	}
	l := p.logstores[logstoreName]
	clear(l.sequence)
	for _, s := range l.shards {
		s.base, s.groups = s.tail(), nil
	}
}

// PutProject adds a project, or changes one: owner, region and description become those of p, and the Logstores that p
// names are added. What is stored stays.
func (e *Emulator) PutProject(p Project) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	uids := map[string]bool{}
	for uid := range e.accounts {
		uids[uid] = true
	}
	if err := checkProject(p, uids); err != nil {
		return err
	}
	old, now := e.projects[p.Name], e.opt.Now()
	if old == nil {
		e.projects[p.Name] = newProject(p, now)
		return nil
	}
	for _, l := range p.Logstores {
		e.putLogstore(old, l, now)
	}
	p.Logstores = nil
	old.Project, old.modified = p, now
	return nil
}

// PutLogstore adds a Logstore to a project or changes its settings. The number of shards of one that exists stays.
func (e *Emulator) PutLogstore(projectName string, l Logstore) error {
	if err := checkLogstore(l); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.projects[projectName]
	if p == nil {
		return failf(404, "ProjectNotExist", "The Project does not exist : %s", projectName)
	}
	e.putLogstore(p, l, e.opt.Now())
	return nil
}

func (e *Emulator) putLogstore(p *project, l Logstore, now time.Time) {
	old := p.logstores[l.Name]
	if old == nil {
		p.logstores[l.Name] = newLogstore(l, now)
		return
	}
	old.AppendMeta, old.modified = l.AppendMeta, now
	if l.TTL > 0 {
		old.TTL = l.TTL
	}
}

// DeleteProject removes a project with everything in it.
func (e *Emulator) DeleteProject(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.projects, name)
}

// DeleteLogstore removes a Logstore with everything in it.
func (e *Emulator) DeleteLogstore(projectName, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.projects[projectName]; p != nil {
		delete(p.logstores, name)
	}
}

// inRegion reports whether a project is in a region; "" is every region.
func (p *project) inRegion(region string) bool {
	return region == "" || strings.EqualFold(p.Region, region)
}
