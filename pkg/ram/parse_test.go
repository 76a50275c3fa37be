package ram

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	const head = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:*",`
	for _, c := range []struct{ in, want string }{
		{``, `1:1: the document is empty`},
		{" \n", `2:1: the document is empty`},
		{`[]`, `1:1: a policy is an object`},
		{`{`, `1:2: the document ends without its closing }`},
		{`{"Version":"1"`, `1:15: the document ends without its closing }`},
		{`{"Version":"1",}`, `1:16: comma before the closing } of the document`},
		{`{"Version":"1"}`, `1:1: Statement is missing`},
		{`{"Version":1,"Statement":[]}`, `1:12: Version must be the string "1"`},
		{`{"Version":"2012-10-17","Statement":[]}`, `Version must be`},
		{`{"Statement":[]}`, `"Version": "1" is missing`},
		{`{"Version":"1","Statement":[]}`, `1:28: Statement is empty`},
		{`{"Version":"1","Statement":[{}]}`, `1:29: Effect is missing`},
		{`{"Version":"1" "Statement":[{}]}`, `1:16: missing comma after the value of "Version"`},
		{`{"Version" "1"}`, `missing colon after "Version"`},
		{`{"Version":"1","Version":"1"}`, `1:16: "Version" is in the document twice`},
		{`{'Version':'1'}`, `straight double quotes`},
		{"{\u201cVersion\u201d:1}", `straight double quotes`},
		{"\ufeff{}", `byte order mark`},
		{"```json\n{}\n```", `Markdown code block`},
		{"// x\n{}", `JSON has no comments`},
		{`{} {}`, `1:4: "{" after the end`},
		{head + `"Resource":"*","Sid":"x"}]}`, `unknown element "Sid" in a statement: RAM has no such element`},
		{head + `"resource":"*"}]}`, `did you mean "Resource"?`},
		{head + `"Resource":[]}]}`, `Resource is empty`},
		{head + `"Resource":[1]}]}`, `an entry of Resource is not a string`},
		{head + `"Resource":"*","NotResource":"*"}]}`, `both Resource and NotResource`},
		{head + `"NotAction":"*","Resource":"*"}]}`, `both Action and NotAction`},
		{head + `"Effect":"Deny"}]}`, `"Effect" is in an entry of the Statement array twice`},
		{head[:len(head)-1] + `}]}`, `Resource is missing`},
		{head + `"Resource":["a" "b"]}]}`, `missing comma after "a" in the Resource array`},
		{head + `"Resource":["a",]}]}`, `comma before the closing ] of the Resource array`},
		{head + `"Resource":["a"}]}`, `} where the Resource array must be closed with ]`},
		{head + `"Resource":"*","Principal":{"AWS":"x"}}]}`, `here it is "RAM"`},
		{head + `"Resource":"*","Principal":{}}]}`, `Principal names nobody`},
		{head + `"Resource":"*","Condition":{"IpAddr":{"acs:SourceIp":"1.1.1.1"}}}]}`, `did you mean "IpAddress"?`},
		{head + `"Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":"1.1.1"}}}]}`, `neither an address nor a range`},
		{head + `"Resource":"*","Condition":{"Bool":{"acs:MFAPresent":"yes"}}}]}`, `neither true nor false`},
		{head + `"Resource":"*","Condition":{"DateLessThan":{"acs:CurrentTime":"tomorrow"}}}]}`, `not an ISO 8601 time`},
		{head + "\"Resource\":\"*\n\"}]}", `the string is not closed on its line`},
		{head + "\"Resource\":\"\xff\"}]}", `not valid UTF-8`},
		{head + `"Resource":"\x"}]}`, `invalid escape`},
		{head + `"Resource":nul}]}`, `where a value is expected`},
		{strings.Repeat(`[`, 10000), `nested too deeply`},
		{`{"Version":"1"}` + strings.Repeat(" ", MaxParse), `longer than the 16384`},
	} {
		_, err := Parse([]byte(c.in))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.60s: %v, want a SyntaxError", c.in, err)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s\n got %s\nwant %s", c.in, err, c.want)
		}
	}
}

func TestParseForms(t *testing.T) {
	p := mustParse(t, `{"Version":"1","Statement":{"Effect":"Deny","NotAction":["a:B"],"NotResource":"r",
		"Condition":{"Bool":{"acs:SecureTransport":true},"NumericLessThan":{"x":[1,"2.5"]}}}}`)
	s := p.Statement[0]
	if s.Effect != Deny || s.NotAction[0] != "a:B" || s.NotResource[0] != "r" || len(s.Condition) != 2 || s.Line != 1 {
		t.Fatalf("%+v", s)
	}
	if c := s.Condition[1]; c.Values[0] != "1" || c.Values[1] != "2.5" || c.Line != 2 {
		t.Fatalf("%+v", c)
	}
	p = mustParse(t, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
		"Principal":{"RAM":"acs:ram::1:root","Service":["ecs.aliyuncs.com"],"Federated":"acs:ram::1:oidc-provider/x"}}]}`)
	if got := p.Statement[0].Principal.all(); len(got) != 3 {
		t.Fatal(got)
	}
}

func mustParse(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return p
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"Version":"1","Statement":[{"Effect":"Allow","NotAction":"a","Resource":"*","Condition":{"Bool":{"k":true}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1 || p != nil {
				t.Fatalf("%v, %v", p, err)
			}
			return
		}
		Decide(Request{Action: "log:PostLogStoreLogs", Resource: "acs:log:r:1:project/p/logstore/l"}, p, p)
		TrustDecide(p, Principal{Account: "1", Kind: User, Name: "u"}, nil)
	})
}
