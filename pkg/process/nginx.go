package process

import (
	"bytes"
	"strings"

	"shipper/internal/invalid"
)

// The formats that nginx brings (ngx_http_log_module: combined; the nginx.conf of its packages: main).
const (
	nginxCombined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
	nginxMain     = nginxCombined + ` "$http_x_forwarded_for"`
)

// nginx takes the variables of a log_format. Each ends where the text that follows it in the format first occurs: nginx escapes
// quotes inside values, so that is where it ended it.
type nginx struct {
	head []byte // before the first variable
	vars []nginxVar
}

type nginxVar struct {
	name []byte
	tail []byte // the text after it; empty only for the last
}

func newNginx(format, prefix string) (extractor, error) {
	switch strings.TrimSpace(format) {
	case "", "combined":
		format = nginxCombined
	case "main":
		format = nginxMain
	}
	x, literal := &nginx{}, ""
	for format != "" {
		i := strings.IndexByte(format, '$')
		if i < 0 {
			i = len(format)
		}
		literal, format = literal+format[:i], format[i:]
		name, rest, ok := nginxName(format)
		if !ok {
			if format != "" { // a dollar on its own
				literal, format = literal+"$", format[1:]
			}
			continue
		}
		if err := x.end(literal); err != nil {
			return nil, err
		}
		x.vars = append(x.vars, nginxVar{name: []byte(prefix + name)})
		literal, format = "", rest
	}
	if len(x.vars) == 0 {
		return nil, invalid.Key("pattern", "has no $variable in it", `"combined", "main", or the log_format of nginx.conf`)
	}
	x.vars[len(x.vars)-1].tail = []byte(literal)
	return x, nil
}

// end says which text comes before the next variable.
func (x *nginx) end(literal string) error {
	if len(x.vars) == 0 {
		x.head = []byte(literal)
		return nil
	}
	last := &x.vars[len(x.vars)-1]
	if literal == "" {
		return invalid.Key("pattern", "has nothing between $"+string(last.name)+" and the variable after it", "")
	}
	last.tail = []byte(literal)
	return nil
}

// nginxName reads $name or ${name}.
func nginxName(s string) (name, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, "$")
	if !ok {
		return "", "", false
	}
	if inner, braced := strings.CutPrefix(s, "{"); braced {
		name, rest, ok = strings.Cut(inner, "}")
		return name, rest, ok && name != ""
	}
	n := 0
	for n < len(s) && (s[n] == '_' || s[n]-'a' < 26 || s[n]-'A' < 26 || s[n]-'0' < 10) {
		n++
	}
	return s[:n], s[n:], n > 0
}

func (x *nginx) extract(s *scratch, text []byte) string {
	const misfit = "the line is not in this log_format"
	text, ok := bytes.CutPrefix(text, x.head)
	if !ok {
		return misfit
	}
	for i, v := range x.vars {
		var value []byte
		if i == len(x.vars)-1 {
			value, ok = bytes.CutSuffix(text, v.tail)
		} else {
			value, text, ok = bytes.Cut(text, v.tail)
		}
		if !ok {
			return misfit
		}
		if !s.add(v.name, value[:len(value):len(value)]) {
			return tooMany
		}
	}
	return ""
}
