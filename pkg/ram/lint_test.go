package ram

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func codes(r Report) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, strings.TrimPrefix(f.Code, "SHP-"))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// What the plan writes has nothing to be said against it, and nothing to spare.
func TestLintOfGenerated(t *testing.T) {
	for name, p := range plans() {
		for _, d := range []Document{TrustDocument, RoleDocument, CallerDocument} {
			doc := p.Policy(d)
			r := Lint(doc.JSON(), p)
			if r.Document != d || !r.Allows || len(r.Extra) != 0 || len(r.Missing) != 0 {
				t.Errorf("%s %s: %+v", name, d, r)
			}
			for _, f := range r.Findings {
				// a plan that asks for all Logstores' configs or lists gets what it asks for, with the warning
				if f.Severity != Note && name != "all" && name != "more" {
					t.Errorf("%s %s: %+v", name, d, f)
				}
			}
		}
	}
	r := Lint(plan().Session().JSON(), plan())
	if !r.Allows || len(r.Findings)+len(r.Extra) != 0 {
		t.Errorf("%+v", r)
	}
}

// Any one statement taken away: Lint names what is missing.
func TestLintOfTooLittle(t *testing.T) {
	for name, p := range plans() {
		role := p.Role()
		for i := range role.Statement {
			less := &Policy{Statement: slices.Delete(slices.Clone(role.Statement), i, i+1)}
			if len(less.Statement) == 0 {
				continue
			}
			if r := Lint(less.JSON(), p); r.Allows || len(r.Missing) == 0 || !slices.Contains(codes(r), "A226") {
				t.Errorf("%s without statement %d: %+v", name, i+1, r)
			}
		}
	}
}

// The JSON of the help pages, against a plan for accounts A and B.
func TestLintOfHelpPages(t *testing.T) {
	verify := plan()
	verify.Verify = true
	for _, c := range []struct {
		file   string
		need   Plan
		kind   Document
		allows bool
		codes  string
		extra  int
	}{
		{"help-trust-root", plan(), TrustDocument, false, "A215 A227", 0},
		{"help-steps-trust-root", plan(), TrustDocument, false, "A215 A227", 0},
		{"help-write-all", plan(), RoleDocument, true, "A206", 1},
		{"help-steps-write-all", plan(), RoleDocument, true, "A206", 1},
		{"help-read-missing-comma", verify, "", false, "A201", 0},
		{"help-steps-read-all", verify, RoleDocument, false, "A206 A226", 7},
		{"help-iot-read", plan(), RoleDocument, false, "A206 A224 A226", 19},
		{"help-iot-write", plan(), RoleDocument, false, "A206 A224 A226", 16},
		{"help-iot-assume", plan(), CallerDocument, false, "A204 A215 A226", 1},
		{"help-iot-session", plan(), RoleDocument, false, "A224 A226", 1},
	} {
		data, err := os.ReadFile(filepath.Join("testdata", c.file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		r := Lint(data, c.need)
		if got := strings.Join(codes(r), " "); r.Document != c.kind || r.Allows != c.allows || got != c.codes || len(r.Extra) != c.extra {
			t.Errorf("%s: %s allows %v, %s, %d extra, want %s %v %s %d\n%+v", c.file, r.Document, r.Allows, got, len(r.Extra), c.kind, c.allows, c.codes, c.extra, r.Extra)
		}
	}
}

func TestLintSyntaxHasPosition(t *testing.T) {
	data, err := os.ReadFile("testdata/help-read-missing-comma.json")
	if err != nil {
		t.Fatal(err)
	}
	f := Lint(data, plan()).Findings[0]
	if f.Line != 14 || f.Column != 7 || f.Title != "missing comma after the Action array" || f.Severity != Error {
		t.Errorf("%+v", f)
	}
}

// Every trap, each in the smallest document that falls into it, and what Lint advises.
func TestLintTraps(t *testing.T) {
	const log = "acs:log:*:" + accountA + ":project/sec-logs"
	const web = log + "/logstore/web"
	role := plan().RoleARN.String()
	trust := func(principal, rest string) string {
		return `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + principal + rest + `}`
	}
	const ext = `,"Condition":{"StringEquals":{"sts:ExternalId":"x-7f3a"}}`
	good := trust(`{"RAM":["acs:ram::`+accountB+`:role/web-host"]}`, ext)
	verify := func(p *Plan) { p.Verify = true }
	onlyAccount := func(p *Plan) { p.Caller = Principal{Account: accountB, Kind: Root} }
	noID := func(p *Plan) { p.ExternalID = "" }
	for _, c := range []struct {
		name   string
		doc    string
		change func(*Plan)
		allows bool
		codes  string
		text   string // in a fix or an explanation
	}{
		{"star below only", doc("Allow", write, web+"/*"), nil, false, "A202 A226", "list " + web + " as well"},
		{"both forms", `{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":["` + web + `","` + web + `/*"]}`, nil, true, "", ""},
		{"bare only, reading back", `{"Effect":"Allow","Action":["log:PostLogStoreLogs","log:GetCursorOrData","log:CreateConsumerGroup","log:ListConsumerGroup",
			"log:ConsumerGroupUpdateCheckPoint","log:ConsumerGroupHeartBeat","log:GetConsumerGroupCheckPoint","log:UpdateConsumerGroup"],
			"Resource":"` + web + `"}`, verify, false, "A226 A229", "list " + web + "/* as well"},
		{"eaten, project", doc("Allow", write, "acs:log::"+accountA+":project/"), nil, false, "A203 A226", "write acs:log:*:" + accountA + ":project/*"},
		{"eaten, logstore", doc("Allow", write, "acs:log::"+accountA+":project/sec-logs/logstore/web/"), nil, false, "A203 A226", "write " + web},
		{"eaten template", doc("Allow", write, "acs:log::{projectOwnerAliUid}:project/"), nil, false, "A203 A215 A226", ""},
		{"iot instead of sts", doc("Allow", "iot:QueryProduct", role), nil, false, "A204 A226", `write "Action": "sts:AssumeRole", "Resource": "` + role + `"`},
		{"star", doc("Allow", write, "*"), nil, true, "A206", "write " + web},
		{"every project", doc("Allow", write, "acs:log:*:"+accountA+":project/*"), nil, true, "A206", "every project"},
		{"every Logstore", doc("Allow", write, log+"/logstore/*"), nil, true, "A206", "every Logstore of project sec-logs"},
		{"not resource", `{"Effect":"Allow","Action":"log:PostLogStoreLogs","NotResource":"x"}`, nil, true, "A206", "list the Logstore"},
		{"everything", doc("Allow", "*", "*"), nil, true, "A206 A217", "every action of every service"},
		{"log star", doc("Allow", "log:*", web), nil, true, "A217", "log:DeleteLogStore"},
		{"official sample", doc("Allow", "log:Post*", "acs:log:*:*:project/sec-logs/logstore/web"), nil, true, "", ""},
		{"not action", `{"Effect":"Allow","NotAction":"ecs:*","Resource":"` + web + `"}`, nil, true, "A217", "every action but ecs:*"},
		{"wrong account", doc("Allow", write, strings.ReplaceAll(web, accountA, accountB)), nil, false, "A209 A226", "the account of the hosts"},
		{"unprefixed", `{"Effect":"Allow","Action":["log:PostLogStoreLogs","log:HeartBeat"],"Resource":"` + web + `"}`, nil, true, "A210", "write log:ConsumerGroupHeartBeat"},
		{"blank in the name", doc("Allow", "Log: postlogstorelogs", web), nil, false, "A216 A226", "write log:PostLogStoreLogs"},
		{"lower case", doc("Allow", "log:postlogstorelogs", web), nil, true, "A216", "RAM does not promise"},
		{"unknown action", doc("Allow", "log:PostLogStoreLog", web), nil, false, "A216 A226", ""},
		{"no service", doc("Allow", "PostLogStoreLogs", web), nil, false, "A216 A226", "service:Name"},
		{"deny", doc("Allow", write, web) + "," + doc("Deny", "log:*", "*"), nil, false, "A220 A226", "remove the Deny"},
		{"conditional", `{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"` + web + `","Condition":{"IpAddress":{"acs:SourceIp":"10.0.0.0/8"}}}`, nil, true, "A221", "acs:SourceIp"},
		{"conditional deny", doc("Allow", write, web) + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"acs:SecureTransport":"false"}}}`, nil, true, "A221", ""},
		{"principal", `{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"` + web + `","Principal":{"RAM":"acs:ram::` + accountB + `:root"}}`, nil, false, "A212 A226", "remove the Principal"},

		{"assume everything", doc("Allow", AssumeRole, "*"), nil, true, "A207", "write " + role},
		{"assume all of A", doc("Allow", AssumeRole, "acs:ram::"+accountA+":role/*"), nil, true, "A207", ""},
		{"assume the one", doc("Allow", AssumeRole, "acs:ram:*:"+accountA+":role/shipper-writer"), nil, true, "", ""},
		{"role of B", doc("Allow", AssumeRole, "acs:ram::"+accountB+":role/shipper-writer"), nil, false, "A223 A226", "belongs to " + accountA},
		{"role of a third", doc("Allow", AssumeRole, "acs:ram::3333:role/shipper-writer"), nil, false, "A209 A226", ""},
		{"role arn to be filled in", doc("Allow", AssumeRole, "Role Arn"), nil, false, "A215 A226", ""},
		{"root key", doc("Allow", AssumeRole, role), onlyAccount, true, "A213", "use the key of a RAM user or a role"},

		{"good trust", good, nil, true, "", ""},
		{"root", trust(`{"RAM":["acs:ram::`+accountB+`:root"]}`, ext), nil, true, "A205 A213", "write acs:ram::" + accountB + ":role/web-host"},
		{"root, nobody named", trust(`{"RAM":["acs:ram::`+accountB+`:root"]}`, ext), onlyAccount, true, "A205 A213", ":user/NAME"},
		{"a user, nobody named", trust(`{"RAM":["acs:ram::`+accountB+`:user/u"]}`, ext), onlyAccount, true, "A213", ""},
		{"no external id", trust(`{"RAM":["acs:ram::`+accountB+`:role/web-host"]}`, ""), nil, true, "A208", `"sts:ExternalId": "x-7f3a"`},
		{"another external id", trust(`{"RAM":["acs:ram::`+accountB+`:role/web-host"]}`, strings.ReplaceAll(ext, "7f3a", "0000")), nil, false, "A219 A227", "Demanded: x-0000"},
		{"external id not configured", good, noID, false, "A219 A227", "set external_id"},
		{"external id misspelt", trust(`{"RAM":["acs:ram::`+accountB+`:role/web-host"]}`, strings.ReplaceAll(ext, "ExternalId", "ExternalID")), nil, true, "A208 A219 A221", "write sts:ExternalId"},
		{"wrong principal account", trust(`{"RAM":["acs:ram::`+accountA+`:root"]}`, ext), nil, false, "A209 A227", "account of the Logstore itself"},
		{"another user", trust(`{"RAM":["acs:ram::`+accountB+`:user/x"]}`, ext), nil, false, "A227 A228", "list acs:ram::" + accountB + ":role/web-host"},
		{"everybody", trust(`"*"`, ext), nil, true, "A225", "whole cloud"},
		{"resource in trust", trust(`{"RAM":["acs:ram::`+accountB+`:role/web-host"]}`, `,"Resource":"*"`+ext), nil, true, "A211", "remove the Resource"},
		{"service trusted too", good + "," + trust(`{"Service":["ecs.aliyuncs.com"]}`, ""), nil, true, "A228", "ecs.aliyuncs.com"},
		{"wrong action", `{"Effect":"Allow","Action":"iot:QueryProduct","Principal":{"RAM":["acs:ram::` + accountB + `:role/web-host"]}}`, nil, false, "A204 A227", ""},
		{"deny in trust", good + `,{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + accountB + `:root"]}}`, nil, false, "A220 A227", "remove the Deny"},
		{"long session", good, func(p *Plan) { p.Duration = 2 * time.Hour }, true, "A214", "at least 7200 seconds"},
		{"session name", good, func(p *Plan) { p.SessionName = "host/1" }, true, "A222", ""},
	} {
		p := plan()
		if c.change != nil {
			c.change(&p)
		}
		r := Lint([]byte(`{"Version":"1","Statement":[`+c.doc+`]}`), p)
		if got := strings.Join(codes(r), " "); got != c.codes || r.Allows != c.allows {
			t.Errorf("%s: allows %v, %s; want %v, %s", c.name, r.Allows, got, c.allows, c.codes)
		}
		found := c.text == ""
		for _, f := range r.Findings {
			found = found || strings.Contains(f.Fix, c.text) || strings.Contains(f.Explanation, c.text)
			if f.Title == "" || f.Explanation == "" || f.Severity == "" || strings.Contains(f.Explanation+f.Fix, "%!") {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
		if !found {
			t.Errorf("%s: no %q in %+v", c.name, c.text, r.Findings)
		}
	}
}

func TestLintExtra(t *testing.T) {
	const web = "acs:log:*:" + accountA + ":project/sec-logs/logstore/web"
	for _, c := range []struct {
		name string
		doc  string
		want []string
	}{
		{"nothing", doc("Allow", write, web), nil},
		{"the region spelt out", doc("Allow", write, strings.Replace(web, "*", "cn-hangzhou", 1)), nil},
		{"below a Logstore nothing is written", doc("Allow", write, web+"/*"), nil},
		{"a name that begins alike", doc("Allow", write, web+"*"), []string{write + " " + web + "*"}},
		{"another region of no use", doc("Allow", write, "acs:log:*:3333:project/sec-logs/logstore/web"), nil},
		{"denied elsewhere", doc("Allow", write, web+"*") + "," + doc("Deny", "*", "acs:log:*:*:project/*/logstore/*"), nil},
		{"another action", doc("Allow", "log:DeleteLogStore", web), []string{"log:DeleteLogStore " + web}},
		{"two resources, one allowed", doc("Allow", "log:ApplyConfigToGroup", "acs:log:*:"+accountA+":project/sec-logs/logtailconfig/*"), nil},
		{"two resources, both allowed", doc("Allow", "log:ApplyConfigToGroup", "acs:log:*:"+accountA+":project/sec-logs/*"), []string{
			"log:ApplyConfigToGroup acs:log:*:" + accountA + ":project/sec-logs/*", "log:ApplyConfigToGroup acs:log:*:" + accountA + ":project/sec-logs/*"}},
		{"unknown and foreign", `{"Effect":"Allow","Action":["log:Frob","oss:*"],"Resource":"x"}`, []string{"log:Frob x", "oss:* x"}},
		{"not resource", `{"Effect":"Allow","Action":"log:ListProject","NotResource":"x"}`, []string{"log:ListProject everything but x"}},
	} {
		var got []string
		for _, g := range Lint([]byte(`{"Version":"1","Statement":[`+c.doc+`]}`), plan()).Extra {
			got = append(got, g.Action+" "+g.Resource)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
	all := Lint([]byte(`{"Version":"1","Statement":[`+doc("Allow", "log:*", "*")+`]}`), plan()).Extra
	for _, a := range table {
		if !slices.ContainsFunc(all, func(g Grant) bool { return g.Action == a.Name }) {
			t.Errorf("log:* on * allows %s", a.Name)
		}
	}
	trust := `{"Version":"1","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + accountB + `:root","acs:ram::3333:user/x"]}}}`
	if got := Lint([]byte(trust), plan()).Extra; len(got) != 2 || got[1].Principal != "acs:ram::3333:user/x" {
		t.Errorf("%+v", got)
	}
}

// Without a configuration Lint still finds what is wrong with a document by itself, and lists what it allows.
func TestLintWithoutPlan(t *testing.T) {
	r := Lint([]byte(`{"Version":"1","Statement":[`+doc("Allow", write, "acs:log:*:1:project/p/logstore/l/*")+`]}`), Plan{})
	if got := strings.Join(codes(r), " "); got != "A202" || !r.Allows {
		t.Errorf("%s %+v", got, r)
	}
	r = Lint([]byte(`{"Version":"1","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1:root"}}}`), Plan{})
	if got := strings.Join(codes(r), " "); got != "A205 A213" || !r.Allows {
		t.Errorf("%s %+v", got, r)
	}
}

// The largest document that is read, made to be hard to look at, is looked at in moments: going back and forth in it would outlast
// the test.
func TestLintHostile(t *testing.T) {
	for _, piece := range []string{"*a", "*", "?*", "*:*/"} {
		pattern := strings.Repeat(piece, 16000/len(piece))
		Lint([]byte(`{"Version":"1","Statement":[`+doc("Allow", "*", pattern)+`]}`), plan())
	}
}

func TestOverlap(t *testing.T) {
	v := others(Plan{Owner: "1"})
	for _, c := range []struct {
		pattern, template string
		witness           string // empty: none
	}{
		{"*", oneLogstore, "acs:log:cn-hangzhou:1:project/other/logstore/other"},
		{"acs:log:*:1:project/p/logstore/l", oneLogstore, "acs:log:cn-hangzhou:1:project/p/logstore/l"},
		{"acs:log:*:1:project/p/logstore/l/*", oneLogstore, ""},
		{"acs:log:*:1:project/p/logstore/l/*", allConsumer, "acs:log:cn-hangzhou:1:project/p/logstore/l/consumergroup/*"},
		{"acs:log:*:1:project/p/logstore/l", allLogstore, ""},
		{"acs:log:*:1:project/p/*", allLogstore, "acs:log:cn-hangzhou:1:project/p/logstore/*"},
		{"acs:log:*:1:project/p/logstore/?", allLogstore, "acs:log:cn-hangzhou:1:project/p/logstore/*"},
		{"*:project/a?c*/logstore/w*b", oneLogstore, "acs:log:cn-hangzhou:1:project/axc/logstore/wb"},
		{"acs:log:*:1:project", ofProject, ""},
		{"acs:log:*:1:project/", ofProject, ""},
		{"acs:oss:*", ofProject, ""},
	} {
		got, ok := overlap(c.pattern, tokens(c.template, v))
		if got != c.witness || ok != (c.witness != "") || ok && !Match(c.pattern, got) {
			t.Errorf("%s and %s: %q", c.pattern, c.template, got)
		}
	}
}

func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Codes() {
		if seen[f.Code] || !strings.HasPrefix(f.Code, "SHP-A2") || f.Title == "" || f.Explanation == "" || f.Severity == "" {
			t.Errorf("%+v", f)
		}
		seen[f.Code] = true
	}
}

func FuzzLint(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, d := range Documents() {
		f.Add(plan().Policy(d).JSON())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := plan()
		p.Verify = true
		r := Lint(data, p)
		if _, err := Parse(data); (err != nil) != (r.Document == "") {
			t.Fatalf("%v %+v", err, r)
		}
		Lint(data, Plan{})
	})
}
