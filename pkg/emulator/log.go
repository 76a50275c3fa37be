package emulator

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipper/pkg/ram"
)

// call is one Log Service request on its way through the checks.
type call struct {
	e      *Emulator
	w      http.ResponseWriter
	r      *http.Request
	target target
	now    time.Time

	revoked bool // by a fault: RAM says no whatever the policies say

	api     api
	args    map[string]string // variable parts of the path
	body    []byte
	caller  caller
	project *project // nil where the API has none
}

func (c *call) arg(name string) string { return c.args[name] }

// api is one operation of Log Service: what it is called for RAM, which resource RAM is asked about, and who does it.
type api struct {
	op       string // post | pull | meta; what faults and statistics go by
	action   string // for RAM: log:PostLogStoreLogs
	resource string // below the project: "/logstore/{logstore}"; without one for the project itself
	do       func(*call) *fail
}

// serveLog answers one Log Service request. The order of the checks is our choice; the service documents none.
func (e *Emulator) serveLog(w http.ResponseWriter, r *http.Request, t target) {
	c := &call{e: e, w: w, r: r, target: t, now: e.opt.Now()}
	var f *fail
	c.api, c.args, f = e.table.match(r)
	if t.project == "" && f == nil && r.Method == http.MethodGet && strings.Trim(r.URL.Path, "/") == "" {
		c.api = api{OpMeta, listProjects, "", (*call).listProjects}
	}
	buf := e.bodies.Get().(*[]byte)
	defer e.bodies.Put(buf)
	late := c.readBody(buf) // before any answer: a client that is still writing might not see it
	x := e.faults.draw(c.api.op)
	if x != nil && x.Kind == ClockSkew {
		c.now = c.now.Add(x.Skew)
	}
	c.revoked = x != nil && x.Kind == Revoke
	id := requestID()
	stamp(w.Header(), id, c.now)
	if e.misbehave(w, r, c.api.op, x) {
		return
	}
	if f == nil {
		f = late
	}
	if f == nil {
		f = c.serve()
	}
	if f != nil {
		e.counts.answered(c.api.op, f.Code)
		e.refused(c.api.op, id, c.caller, f)
		writeFail(w, f)
		return
	}
	e.counts.answered(c.api.op, "ok")
	if x != nil && x.Kind == CutAfter {
		cut() // the answer lies in a buffer and dies with the connection
	}
}

// serve walks the checks and then the operation.
func (c *call) serve() *fail {
	auth, f := checkHeaders(c.r.Header)
	if f != nil {
		return f
	}
	if f := checkDate(auth, c.r.Header, c.now); f != nil {
		return f
	}
	var secret string
	if c.caller, secret, f = c.e.identify(auth.keyID, c.r.Header.Get("x-acs-security-token"), c.e.opt.Now()); f != nil {
		return f
	}
	if f := verify(auth, secret, c.r, c.target.host, c.body); f != nil {
		return f
	}
	if f := c.authorize(auth); f != nil {
		return f
	}
	return c.api.do(c)
}

// readBody reads what was sent into buf, up to what the largest acceptable body can need.
func (c *call) readBody(buf *[]byte) *fail {
	n := c.r.ContentLength
	if n < 0 {
		return failf(http.StatusLengthRequired, "MissingContentLength", "Content-Length does not exist in http header when it is necessary.")
	}
	const most = maxBody + maxBody/255 + 16 // a literal-only LZ4 block
	if n > most {
		_, _ = io.CopyN(io.Discard, c.r.Body, 8*most)
		return tooLarge(int(n))
	}
	*buf = slices.Grow((*buf)[:0], int(n))
	c.body = (*buf)[:n]
	if _, err := io.ReadFull(c.r.Body, c.body); err != nil {
		return failf(http.StatusBadRequest, "PostBodyInvalid", "The body ends before Content-Length.").because("%v", err)
	}
	return nil
}

// authorize finds the project and asks RAM. An API without a project is asked about in the caller's own account.
func (c *call) authorize(auth authorization) *fail {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	owner, region := c.caller.account, regionOf(c.target.name)
	resource := "project/" + c.target.project + c.api.resource
	switch {
	case c.target.project == "":
		if c.api.action != listProjects {
			return failf(http.StatusNotFound, "ProjectNotExist", "The Project does not exist : ")
		}
		resource = "project/*"
	default:
		c.project = c.e.projects[c.target.project]
		if c.project == nil && c.api.action == createProject {
			break
		}
		if c.project == nil {
			return failf(http.StatusNotFound, "ProjectNotExist", "The Project does not exist : %s", c.target.project)
		}
		if f := c.checkRegion(auth); f != nil {
			return f
		}
		owner, region = c.project.Owner, c.project.Region
	}
	for name, val := range c.args {
		resource = strings.ReplaceAll(resource, "{"+name+"}", val)
	}
	q := ram.Request{
		Action:   c.api.action,
		Resource: ram.ARN{Service: "log", Region: region, Account: owner, Resource: resource}.String(),
		Context:  conditions(c.r, c.e.opt.Now()),
	}
	d := c.caller.decide(q, owner)
	if c.revoked {
		d = ram.Decision{By: "the fault " + Revoke}
	}
	if !d.Allowed {
		f := unauthorized("denied by sts or ram, action: %s, resource: %s", q.Action, q.Resource).because("%s", why(d))
		f.Detail = c.caller.denied(q, d, "AccountLevelIdentityBasedPolicy")
		return f
	}
	if c.project != nil && c.project.Forbidden {
		return failf(http.StatusForbidden, "ProjectForbidden", "The Project has been forbidden : %s", c.project.Name)
	}
	return nil
}

// checkRegion compares the project's region with what the client believes. An endpoint of another region does not know the
// project; that V4 with another region does not match is our choice.
func (c *call) checkRegion(auth authorization) *fail {
	name := c.target.name
	if _, ok := cloud(name); ok && !c.project.inRegion(regionOf(name)) {
		return failf(http.StatusNotFound, "ProjectNotExist", "The Project does not exist : %s", c.project.Name).
			because("the endpoint is one of %s, the project is in %s", regionOf(name), c.project.Region)
	}
	if auth.v4 && !c.project.inRegion(auth.region) {
		return failf(http.StatusUnauthorized, "SignatureNotMatch", "Signature %s not matched", auth.signature).
			because("it is for region %s, the project is in %s", auth.region, c.project.Region)
	}
	return nil
}

// regionOf is the region of an endpoint of the cloud: the label before its domain without a network suffix. Any other
// endpoint is taken to be in the default region.
func regionOf(host string) string {
	rest, ok := cloud(host)
	if !ok {
		return DefaultRegion
	}
	label := rest[strings.LastIndexByte(rest, '.')+1:]
	for _, network := range []string{"-intranet", "-share", "-vpc"} {
		label = strings.TrimSuffix(label, network)
	}
	return label
}

// logstore finds a Logstore of the project. The caller holds the lock.
func (c *call) logstore(name string) (*logstore, *fail) {
	if l := c.project.logstores[name]; l != nil {
		return l, nil
	}
	return nil, failf(http.StatusNotFound, "LogStoreNotExist", "logstore %s does not exist", name)
}

// ok answers 200 without a body.
func (c *call) ok() {
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusOK)
}

// segments are the decoded parts of a path.
func segments(r *http.Request) ([]string, error) {
	path := strings.Trim(r.URL.EscapedPath(), "/")
	if path == "" {
		return nil, nil
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		s, err := url.PathUnescape(p)
		if err != nil || s == "" {
			return nil, errors.New("malformed path")
		}
		parts[i] = s
	}
	return parts, nil
}

// number reads an integer parameter of the query; absent means def.
func number(q url.Values, name string, def int) (int, *fail) {
	s := q.Get(name)
	if s == "" {
		return def, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, failf(http.StatusBadRequest, "ParameterInvalid", "parameter %s is invalid : %s", name, s)
	}
	return n, nil
}
