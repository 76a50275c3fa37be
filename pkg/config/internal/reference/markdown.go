package reference

import (
	_ "embed"
	"fmt"
	"strings"
)

// intro is what stands before the tables of docs/configuration.md.
//
//go:embed intro.md
var intro string

// tables says what each table is for, and how its header is written.
func tables() map[string]string {
	return map[string]string{
		"":                        "These stand at the top of a file, before the first table.",
		"agent":                   "What holds for the whole process.",
		"log":                     "shipper's own messages, on standard error.",
		"admin":                   "Where metrics, health and control are served.",
		"credentials.NAME":        "Where this host's own identity comes from. Without any such table the environment is searched, as with `source = \"auto\"`.",
		"target.NAME":             "A Logstore to write to. One for each Logstore or owner.",
		"target.NAME.assume_role": "How the role of `role_arn` is assumed.",
		"target.NAME.batch":       "How lines are gathered into requests.",
		"target.NAME.retry":       "How attempts are spaced. They never end: what the service does not take waits in its file.",
		"input.NAME":              "Files to read, what their lines mean, and where they go.",
		"input.NAME.multiline":    "Lines that belong together. Without the table every line is a log.",
		"input.NAME.step":         "What is done to every log, in order; each step is a table of its own with exactly one of these keys. The keys of the verbs that take a table follow below: `parse = { as = \"json\" }`.",
		"input.NAME.step.parse":   "Takes fields out of the text of one field.",
		"input.NAME.step.time":    "Reads the log's time from a field.",
		"input.NAME.step.drop_if": "Leaves out logs with a field that matches.",
		"input.NAME.step.keep_if": "Leaves out logs without a field that matches.",
		"input.NAME.step.redact":  "Replaces what matches.",
		"test":                    "Lines, and what must become of them: `shipper test` tells whether the steps do that. Write as many as you like, best beside their input.",
		"test.log":                "A log that must be sent. They stand behind the `[[test]]` that they belong to, in order; a test without any expects that every line is dropped.",
		"dead_letter":             "Where logs are kept that the service refuses for ever.",
	}
}

// Markdown is docs/configuration.md.
func Markdown(keys []Key) []byte {
	var b strings.Builder
	b.WriteString(intro)
	table := "\x00"
	for _, k := range keys {
		if k.Table != table {
			table = k.Table
			fmt.Fprintf(&b, "\n%s\n\n%s\n\n", heading(k), tables()[table])
		}
		value := "no default"
		if k.Default != "" {
			value = "default `" + k.Default + "`"
		}
		fmt.Fprintf(&b, "- **`%s`** (%s; %s)  \n  %s\n", k.Name, k.Takes, value, escape(k.Doc))
	}
	return []byte(b.String())
}

func heading(k Key) string {
	switch {
	case k.Table == "":
		return "## Top of the file"
	case k.List:
		return "## `[[" + k.Table + "]]`"
	case strings.Contains(k.Table, ".step."):
		return "### `" + k.Table[strings.LastIndex(k.Table, ".")+1:] + " = { ... }`"
	}
	return "## `[" + k.Table + "]`"
}

// escape keeps * _ and < from meaning something, outside of `code`.
func escape(text string) string {
	parts := strings.Split(text, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.NewReplacer("*", `\*`, "_", `\_`, "<", "&lt;", "|", `\|`).Replace(parts[i])
	}
	return strings.Join(parts, "`")
}
