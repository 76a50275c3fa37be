package emulator

import (
	"net/http"
	"strings"
)

const (
	listProjects  = "log:ListProject"
	createProject = "log:CreateProject"
)

// Resources of RAM below a project (protocol: "Action list", authentication rules).
const (
	onProject   = ""
	onLogstores = "/logstore/*"
	onLogstore  = "/logstore/{logstore}"
	onGroups    = "/logstore/{logstore}/consumergroup/*"
	onGroup     = "/logstore/{logstore}/consumergroup/{group}"
)

// route is one line of the table: a method, a path with {variables}, and the query's "type" or "action" where that tells
// operations of one path apart.
type route struct {
	method, path, kind string
	api
}

// routes is the surface of Log Service. The first line that fits wins.
func routes() []route {
	const (
		post, get, put, del = http.MethodPost, http.MethodGet, http.MethodPut, http.MethodDelete
		ls                  = "logstores/{logstore}"
	)
	write := api{OpPost, "log:PostLogStoreLogs", onLogstore, (*call).post}
	read := func(do func(*call) *fail) api { return api{OpPull, "log:GetCursorOrData", onLogstore, do} }
	return []route{
		{post, ls + "/shards/lb", "", write},
		{post, ls + "/shards/route", "", api{OpPost, "log:PostLogStoreLogs", onLogstore, (*call).postRoute}},
		{post, ls, "", write},
		{post, "prometheus/{tenant}/{logstore}/api/v1/write", "", write},

		{get, ls + "/shards/{n}", "cursor", read((*call).getCursor)},
		{get, ls + "/shards/{n}", "cursor_time", read((*call).getCursorTime)},
		{get, ls + "/shards/{n}", "logs", read((*call).pullLogs)},
		{get, ls + "/shards/{n}", "log", read((*call).pullLogs)},
		{get, ls + "/shards", "", api{OpPull, "log:ListShards", onLogstore, (*call).listShards}},
		{post, ls + "/shards/{n}", "split", api{OpMeta, "log:SplitShard", onLogstore, (*call).splitShard}},
		{post, ls + "/shards/{n}", "merge", api{OpMeta, "log:MergeShards", onLogstore, (*call).mergeShards}},

		{post, ls + "/logs", "", api{OpPull, "log:GetLogStoreLogs", onLogstore, (*call).getLogsV3}},
		{get, ls, "log", api{OpPull, "log:GetLogStoreLogs", onLogstore, (*call).getLogs}},
		{get, ls, "histogram", api{OpPull, "log:GetLogStoreHistogram", onLogstore, (*call).getHistograms}},
		{get, ls + "/index", "", api{OpMeta, "log:GetIndex", onLogstore, (*call).getIndex}},
		{post, ls + "/index", "", api{OpMeta, "log:CreateIndex", onLogstore, (*call).putIndex}},
		{put, ls + "/index", "", api{OpMeta, "log:UpdateIndex", onLogstore, (*call).putIndex}},
		{del, ls + "/index", "", api{OpMeta, "log:DeleteIndex", onLogstore, (*call).deleteIndex}},

		{get, ls + "/consumergroups", "", api{OpPull, "log:ListConsumerGroup", onGroups, (*call).listGroups}},
		{post, ls + "/consumergroups", "", api{OpPull, "log:CreateConsumerGroup", onGroups, (*call).createGroup}},
		{put, ls + "/consumergroups/{group}", "", api{OpPull, "log:UpdateConsumerGroup", onGroup, (*call).updateGroup}},
		{del, ls + "/consumergroups/{group}", "", api{OpPull, "log:DeleteConsumerGroup", onGroup, (*call).deleteGroup}},
		{get, ls + "/consumergroups/{group}", "", api{OpPull, "log:GetConsumerGroupCheckPoint", onGroup, (*call).getCheckpoints}},
		{post, ls + "/consumergroups/{group}", "heartbeat", api{OpPull, "log:ConsumerGroupHeartBeat", onGroup, (*call).heartbeat}},
		{post, ls + "/consumergroups/{group}", "checkpoint", api{OpPull, "log:ConsumerGroupUpdateCheckPoint", onGroup, (*call).updateCheckpoint}},

		{get, ls, "", api{OpMeta, "log:GetLogStore", onLogstore, (*call).getLogstore}},
		{put, ls, "", api{OpMeta, "log:UpdateLogStore", onLogstore, (*call).updateLogstore}},
		{del, ls, "", api{OpMeta, "log:DeleteLogStore", onLogstore, (*call).deleteLogstore}},
		{get, "logstores", "", api{OpMeta, "log:ListLogStores", onLogstores, (*call).listLogstores}},
		{post, "logstores", "", api{OpMeta, "log:CreateLogStore", onLogstores, (*call).createLogstore}},

		{get, "", "", api{OpMeta, "log:GetProject", onProject, (*call).getProject}},
		{post, "", "", api{OpMeta, createProject, onProject, (*call).createProject}},
		{put, "", "", api{OpMeta, "log:UpdateProject", onProject, (*call).updateProject}},
		{del, "", "", api{OpMeta, "log:DeleteProject", onProject, (*call).deleteProject}},
	}
}

// table is routes with the paths taken apart.
type table []struct {
	route
	parts []string
}

func newTable() table {
	var t table
	for _, r := range routes() {
		parts := strings.Split(r.path, "/")
		if r.path == "" {
			parts = nil
		}
		t = append(t, struct {
			route
			parts []string
		}{r, parts})
	}
	return t
}

// match finds the operation of a request. A path that is none is answered as the service answers it, a Logstore name that
// cannot be one included: 405.
func (t table) match(r *http.Request) (api, map[string]string, *fail) {
	bad := failf(http.StatusMethodNotAllowed, "InvalidMethod", "Invalid request method : %s %s", r.Method, r.URL.RequestURI())
	parts, err := segments(r)
	if err != nil {
		return api{op: OpMeta}, nil, bad
	}
	q := r.URL.Query()
	kind := q.Get("type")
	if kind == "" {
		kind = q.Get("action")
	}
	for i := range t {
		c := &t[i]
		if c.method != r.Method || c.kind != "" && c.kind != kind || !fits(c.parts, parts) {
			continue
		}
		args := map[string]string{}
		for j, w := range c.parts {
			if w[0] == '{' {
				args[w[1:len(w)-1]] = parts[j]
			}
		}
		if l, ok := args["logstore"]; ok && !logstoreForm.MatchString(l) {
			continue
		}
		return c.api, args, nil
	}
	return api{op: OpMeta}, nil, bad
}

// fits compares a path with a pattern.
func fits(pattern, parts []string) bool {
	if len(pattern) != len(parts) {
		return false
	}
	for i, w := range pattern {
		if w[0] != '{' && w != parts[i] {
			return false
		}
	}
	return true
}
