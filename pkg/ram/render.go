package ram

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Format is how documents are written out.
type Format string

// The formats. AliyunFormat is a shell script, TerraformFormat a configuration, MarkdownFormat a page for the administrators.
const (
	JSONFormat      Format = "json"
	AliyunFormat    Format = "aliyun"
	TerraformFormat Format = "terraform"
	MarkdownFormat  Format = "markdown"
)

// Formats lists all of them.
func Formats() []Format {
	return []Format{JSONFormat, AliyunFormat, TerraformFormat, MarkdownFormat}
}

// Render writes documents of the plan in a format; no document named means all of them. The plan is validated first.
func (p Plan) Render(f Format, docs ...Document) (string, error) {
	if err := p.Validate(); err != nil {
		return "", fmt.Errorf("write policies: %w", err)
	}
	for _, d := range docs {
		if !slices.Contains(Documents(), d) {
			return "", fmt.Errorf("write policies: there is no document %q", short(string(d)))
		}
	}
	if len(docs) == 0 {
		docs = Documents()
	}
	switch f {
	case JSONFormat:
		return p.JSON(docs...), nil
	case AliyunFormat:
		return p.Aliyun(docs...), nil
	case TerraformFormat:
		return p.Terraform(docs...), nil
	case MarkdownFormat:
		return p.Markdown(docs...), nil
	}
	return "", fmt.Errorf("write policies: there is no format %q", short(string(f)))
}

// JSON is one document as it is pasted; several become an object keyed by their names, in their order. A role with more
// Logstores than one document takes has an array of them.
func (p Plan) JSON(docs ...Document) string {
	if len(docs) == 1 {
		return documents(p.parts(docs[0]))
	}
	var b bytes.Buffer
	b.WriteString("{")
	for i, d := range docs {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%q:%s", d, documents(p.parts(d)))
	}
	b.WriteString("}")
	var out bytes.Buffer
	if err := json.Indent(&out, b.Bytes(), "", "  "); err != nil {
		return b.String()
	}
	return out.String() + "\n"
}

// documents is one document as JSON, or an array of several.
func documents(list []*Policy) string {
	if len(list) == 1 {
		return string(list[0].JSON())
	}
	var out []json.RawMessage
	for _, p := range list {
		out = append(out, p.Compact())
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return "[]\n" // documents that were just written are JSON
	}
	return string(text) + "\n"
}

// callPolicy is the name that the caller policy gets in its account.
func (p Plan) callPolicy() string { return policyName("assume-" + p.RoleARN.RoleName()) }

// policyName makes a name that RAM takes: letters, digits and hyphens, at most 128.
func policyName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(letters+digits+"-", r) {
			return r
		}
		return '-'
	}, name)
	return name[:min(len(name), 128)]
}

// purpose is a description for consoles, in plain ASCII.
func (p Plan) purpose(d Document) string {
	switch d {
	case TrustDocument:
		return "lets " + p.Caller.ARN() + " write logs here"
	case CallerDocument:
		return "lets the log shipper assume " + p.RoleARN.String()
	}
	return short("writes to " + p.destinations())
}

// destinations names the Logstores in a line.
func (p Plan) destinations() string {
	var out []string
	for _, t := range p.Targets {
		out = append(out, t.Project+"/"+t.Logstore)
	}
	return strings.Join(tidy(out), ", ")
}

// region is what tools need to be told; RAM itself is the same in all of them.
func (p Plan) region() string {
	for _, t := range p.Targets {
		if t.Region != "" {
			return t.Region
		}
	}
	return anyRegion
}

// maxSession is the MaxSessionDuration to give the role, in seconds: at least what sessions ask for, at least the hour that is
// the smallest value.
func (p Plan) maxSession() int {
	return int(max(p.Duration, DefaultDuration).Seconds())
}

func (p Plan) session() string {
	if p.SessionName != "" {
		return p.SessionName
	}
	return "shipper"
}

// indent puts a prefix before every line.
func indent(prefix, text string) string {
	text = strings.TrimSuffix(text, "\n")
	return prefix + strings.ReplaceAll(text, "\n", "\n"+prefix) + "\n"
}
