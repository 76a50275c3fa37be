package reference

import (
	"fmt"
	"strings"
)

// example is the value shown for a key that has no default, or whose default would explain nothing.
func example(k Key) string {
	switch k.Table + " " + k.Name {
	case " include":
		return `["conf.d/*.toml"]`
	case "credentials.NAME access_key_id":
		return `{ file = "/etc/shipper/credentials/id" }`
	case "credentials.NAME access_key_secret":
		return `{ file = "/etc/shipper/credentials/secret" }`
	case "credentials.NAME security_token":
		return `{ env = "SECURITY_TOKEN" }`
	case "credentials.NAME command":
		return `["/usr/local/bin/token", "--json"]`
	case "target.NAME project":
		return `"sec-logs"`
	case "target.NAME logstore":
		return `"web"`
	case "target.NAME region":
		return `"cn-hangzhou"`
	case "target.NAME role_arn":
		return `"acs:ram::1111111111111111:role/shipper-writer"`
	case "target.NAME credentials":
		return `"host"`
	case "target.NAME tags":
		return `{ env = "prod" }`
	case "input.NAME tags":
		return `{ app = "nginx" }`
	case "input.NAME paths":
		return `["/var/log/nginx/*.log"]`
	case "input.NAME exclude":
		return `["**/*.gz"]`
	case "input.NAME target":
		return `"central"`
	case "input.NAME.multiline start":
		return `'^\d{4}-'`
	}
	return k.Default
}

// needed reports whether the file must say it; the line is not commented out then.
func needed(k Key) bool {
	switch k.Table + " " + k.Name {
	case "target.NAME project", "target.NAME logstore", "target.NAME region", "target.NAME role_arn", "input.NAME paths":
		return true
	}
	return false
}

// preface is the head of configs/shipper.toml.
const preface = `# shipper.toml: every key there is. Written by go generate ./pkg/config from the comments in the code.
#
# Lines with "#" and no space behind it are settings, shown with their defaults (or with an example where there is none); remove the
# "#" to change one. What is not commented out is what a configuration needs. Check it with: shipper validate
`

// steps shows one of each kind; they are alternatives and not defaults.
const steps = `
#[[input.nginx.step]]
#parse = { as = "regex", pattern = '^(?P<time>\S+) (?P<level>\w+) (?P<content>.*)$' }
#[[input.nginx.step]]
#time = { key = "time", layout = "rfc3339", zone = "Local" }
#[[input.nginx.step]]
#drop_if = { key = "level", regex = '^DEBUG$' }
#[[input.nginx.step]]
#keep_if = { key = "content", regex = '.' }
#[[input.nginx.step]]
#redact = { regex = '\b\d{16}\b', replace = "****" }
#[[input.nginx.step]]
#add = { team = "web" }
#[[input.nginx.step]]
#rename = { level = "severity" }
#[[input.nginx.step]]
#remove = ["time"]
`

// tests are an example, too.
const tests = `
#[[test]]
#name = "an error"
#input = "nginx"
#at = "2026-05-01T12:00:00Z"
#lines = ['2026-05-01T11:59:58Z ERROR card 1234567812345678 refused']
#[[test.log]]
#fields = { content = "card **** refused", severity = "ERROR", team = "web" }
#time = "2026-05-01T11:59:58Z"
#[[test]]
#name = "nothing is sent of what nobody reads"
#input = "nginx"
#lines = ['2026-05-01T11:59:58Z DEBUG cache miss']
`

// TOML is configs/shipper.toml.
func TOML(keys []Key) []byte {
	var b strings.Builder
	b.WriteString(preface)
	table := ""
	for _, k := range keys {
		if strings.HasPrefix(k.Table, "input.NAME.step.") || k.Table == "test.log" { // shown with the table around them
			continue
		}
		if k.Table != table {
			table = k.Table
			fmt.Fprintln(&b)
			comment(&b, strings.ReplaceAll(tables()[table], "`", ""))
			switch {
			case table == "test":
				b.WriteString(strings.TrimPrefix(tests, "\n"))
			case k.List:
				b.WriteString(strings.TrimPrefix(steps, "\n"))
			default:
				mark := ""
				if table == "credentials.NAME" || table == "input.NAME.multiline" { // to be there means something
					mark = "#"
				}
				fmt.Fprintf(&b, "%s[%s]\n", mark, named(table))
			}
		}
		if k.List {
			continue
		}
		fmt.Fprintln(&b)
		comment(&b, strings.ReplaceAll(k.Doc, "`", ""))
		mark := "#"
		if needed(k) {
			mark = ""
		}
		fmt.Fprintf(&b, "%s%s = %s\n", mark, k.Name, example(k))
	}
	return []byte(b.String())
}

// named gives tables the names of the example.
func named(table string) string {
	return strings.NewReplacer("credentials.NAME", "credentials.host", "target.NAME", "target.central", "input.NAME", "input.nginx").Replace(table)
}

// comment writes text in lines of at most 110 characters.
func comment(b *strings.Builder, text string) {
	line := "#"
	for _, w := range strings.Fields(text) {
		if len(line)+1+len(w) > 110 {
			fmt.Fprintln(b, line)
			line = "#"
		}
		line += " " + w
	}
	fmt.Fprintln(b, line)
}
