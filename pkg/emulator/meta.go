package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// logstoreView is a Logstore in requests and answers.
type logstoreView struct {
	Name       string `json:"logstoreName"`
	TTL        int    `json:"ttl"`
	Shards     int    `json:"shardCount"`
	Tracking   bool   `json:"enable_tracking"`
	AutoSplit  bool   `json:"autoSplit"`
	MaxSplit   int    `json:"maxSplitShard"`
	AppendMeta bool   `json:"appendMeta"`
	Telemetry  string `json:"telemetryType"`
	Mode       string `json:"mode,omitempty"`
	Created    int64  `json:"createTime,omitempty"`
	Modified   int64  `json:"lastModifyTime,omitempty"`
}

// decodeBody reads a JSON body.
func (c *call) decodeBody(v any) *fail {
	if err := json.Unmarshal(c.body, v); err != nil {
		return failf(http.StatusBadRequest, "PostBodyInvalid", "The body is not valid json string").because("%v", err)
	}
	return nil
}

// slice cuts list by the parameters offset and size.
func (c *call) slice(list []string, size int) ([]string, *fail) {
	q := c.r.URL.Query()
	offset, f := number(q, "offset", 0)
	if f != nil {
		return nil, f
	}
	if size, f = number(q, "size", size); f != nil {
		return nil, f
	}
	offset = min(max(offset, 0), len(list))
	return list[offset : offset+min(max(size, 0), len(list)-offset)], nil
}

func (c *call) getLogstore() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return f
	}
	writeJSON(c.w, http.StatusOK, logstoreView{
		Name: l.Name, TTL: l.TTL, Shards: len(l.writable()), MaxSplit: 64, AppendMeta: l.AppendMeta, Telemetry: "None", Mode: "standard",
		Created: l.created.Unix(), Modified: l.modified.Unix(),
	})
	return nil
}

func (c *call) listLogstores() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	part := c.r.URL.Query().Get("logstoreName")
	names := slices.DeleteFunc(c.project.names(), func(n string) bool { return !strings.Contains(n, part) })
	total := len(names)
	names, f := c.slice(names, 200)
	if f != nil {
		return f
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"count": len(names), "total": total, "logstores": append([]string{}, names...)})
	return nil
}

func (c *call) createLogstore() *fail {
	var v logstoreView
	if f := c.decodeBody(&v); f != nil {
		return f
	}
	made := Logstore{Name: v.Name, Shards: v.Shards, TTL: v.TTL, AppendMeta: v.AppendMeta}
	if err := checkLogstore(made); err != nil {
		return failf(http.StatusBadRequest, "LogstoreInfoInvalid", "logstore info is invalid").because("%v", err)
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if c.project.logstores[v.Name] != nil {
		return failf(http.StatusBadRequest, "LogStoreAlreadyExist", "logstore %s already exists", v.Name)
	}
	c.project.logstores[v.Name] = newLogstore(made, c.e.opt.Now())
	c.ok()
	return nil
}

func (c *call) updateLogstore() *fail {
	var v logstoreView
	if f := c.decodeBody(&v); f != nil {
		return f
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return f
	}
	if v.TTL > 0 {
		l.TTL = v.TTL
	}
	l.AppendMeta, l.modified = v.AppendMeta, c.e.opt.Now()
	c.ok()
	return nil
}

func (c *call) deleteLogstore() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if _, f := c.logstore(c.arg("logstore")); f != nil {
		return f
	}
	delete(c.project.logstores, c.arg("logstore"))
	c.ok()
	return nil
}

// projectView is a project in answers; times are Unix seconds as text.
type projectView struct {
	Name        string `json:"projectName"`
	Description string `json:"description"`
	Status      string `json:"status"`
	Owner       string `json:"owner"`
	Region      string `json:"region"`
	Created     string `json:"createTime"`
	Modified    string `json:"lastModifyTime"`
}

func (p *project) view() projectView {
	unix := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	v := projectView{p.Name, p.Description, "Normal", p.Owner, p.Region, unix(p.created), unix(p.modified)}
	if p.Forbidden {
		v.Status = "Disable"
	}
	return v
}

func (c *call) getProject() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	writeJSON(c.w, http.StatusOK, c.project.view())
	return nil
}

// listProjects answers GET / on an endpoint without a project: the caller's own projects in the endpoint's region.
func (c *call) listProjects() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	part, region := c.r.URL.Query().Get("projectName"), ""
	if _, ok := cloud(c.target.name); ok {
		region = regionOf(c.target.name)
	}
	var names []string
	for n, p := range c.e.projects {
		if p.Owner == c.caller.account && p.inRegion(region) && strings.Contains(n, part) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	total := len(names)
	names, f := c.slice(names, 100)
	if f != nil {
		return f
	}
	list := []projectView{}
	for _, n := range names {
		list = append(list, c.e.projects[n].view())
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"count": len(list), "total": total, "projects": list})
	return nil
}

func (c *call) createProject() *fail {
	var v projectView
	if f := c.decodeBody(&v); f != nil {
		return f
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if c.e.projects[c.target.project] != nil {
		return failf(http.StatusBadRequest, "ProjectAlreadyExist", "Project %s already exists", c.target.project)
	}
	p := Project{Name: c.target.project, Owner: c.caller.account, Region: regionOf(c.target.name), Description: v.Description}
	if err := checkProject(p, map[string]bool{p.Owner: true}); err != nil || v.Name != p.Name {
		return failf(http.StatusBadRequest, "ParameterInvalid", "The project name is invalid : %s", v.Name)
	}
	c.e.projects[p.Name] = newProject(p, c.e.opt.Now())
	c.ok()
	return nil
}

func (c *call) updateProject() *fail {
	var v projectView
	if f := c.decodeBody(&v); f != nil {
		return f
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.project.Description, c.project.modified = v.Description, c.e.opt.Now()
	c.ok()
	return nil
}

func (c *call) deleteProject() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	delete(c.e.projects, c.project.Name)
	c.ok()
	return nil
}

// The index configuration is kept as it was given and has no effect: queries look at everything.

func (c *call) getIndex() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return f
	}
	if l.index == nil {
		return failf(http.StatusNotFound, "IndexConfigNotExist", "index config doesn't exist")
	}
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(l.index)
	return nil
}

func (c *call) putIndex() *fail {
	if !json.Valid(c.body) {
		return failf(http.StatusBadRequest, "IndexInfoInvalid", "index info is not valid json")
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return f
	}
	if l.index != nil && c.r.Method == http.MethodPost {
		return failf(http.StatusBadRequest, "IndexAlreadyExist", "log store index is already created")
	}
	l.index = slices.Clone(c.body)
	c.ok()
	return nil
}

func (c *call) deleteIndex() *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, f := c.logstore(c.arg("logstore"))
	if f != nil {
		return f
	}
	l.index = nil
	c.ok()
	return nil
}
