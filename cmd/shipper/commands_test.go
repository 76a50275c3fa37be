package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go test -run ^TestCommandsDocument$ . -update

var update = flag.Bool("update", false, "write docs/commands.md")

const commandsIntro = `<!-- Written by go generate ./cmd/shipper from the commands themselves. Change them there. -->

# Commands

Text for people goes to standard output, logs go to standard error. With ` + "`--json`" + ` every command that shows something prints
JSON; fields are added over time, none is renamed or removed.

## Exit codes

| code | meaning |
|---|---|
| 0 | all well |
| 1 | a check, a test, a verification or a replay found a problem; ` + "`status --ready`: not ready" + ` |
| 64 | wrong command, flag or argument |
| 66 | ` + "`run --once`" + ` matched no file |
| 69 | the endpoint, or the daemon, cannot be reached |
| 73 | the state directory cannot be used: locked by another shipper (its process is named), not writable, or of a newer version |
| 74 | local input or output failed |
| 75 | stopped with lines unsent; they are safe in their files |
| 77 | the cloud said no |
| 78 | configuration |

`

// commandsDocument is docs/commands.md.
func commandsDocument() []byte {
	root := newRoot(&global{stdout: io.Discard, stderr: io.Discard})
	root.InitDefaultCompletionCmd()
	var b bytes.Buffer
	b.WriteString(commandsIntro)
	b.WriteString("## Flags of every command\n\n")
	writeFlags(&b, root.PersistentFlags())
	for _, c := range root.Commands() {
		writeCommand(&b, c, "##")
	}
	return b.Bytes()
}

func writeCommand(b *bytes.Buffer, c *cobra.Command, level string) {
	if !c.IsAvailableCommand() {
		return
	}
	c.InitDefaultHelpFlag()
	fmt.Fprintf(b, "%s shipper %s\n\n", level, strings.TrimPrefix(c.CommandPath(), "shipper "))
	if len(c.Commands()) == 0 || c.Name() == "completion" {
		fmt.Fprintf(b, "    %s\n\n", strings.TrimSuffix(c.UseLine(), " [flags]"))
	}
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	if c.Name() == "completion" {
		text = "Write the completion script of a shell: bash, fish, powershell or zsh. `shipper completion bash --help` tells how to load it."
	}
	b.WriteString(strings.TrimSpace(quoteIndented(text)) + "\n\n")
	writeFlags(b, c.NonInheritedFlags())
	if c.Name() == "completion" {
		return
	}
	for _, sub := range c.Commands() {
		writeCommand(b, sub, level+"#")
	}
}

// quoteIndented fences the indented examples of a text: for Markdown they would run into the lines around them.
func quoteIndented(text string) string {
	var out []string
	inside := false
	for _, line := range strings.Split(text, "\n") {
		indented := strings.HasPrefix(line, "  ")
		if indented && !inside {
			if n := len(out); n > 0 && out[n-1] != "" {
				out = append(out, "")
			}
			out = append(out, "```")
		} else if !indented && inside {
			out = append(out, "```")
			if line != "" {
				out = append(out, "")
			}
		}
		inside = indented
		out = append(out, line)
	}
	if inside {
		out = append(out, "```")
	}
	return strings.Join(out, "\n")
}

func writeFlags(b *bytes.Buffer, flags *pflag.FlagSet) {
	header := false
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if !header {
			b.WriteString("| flag | meaning |\n|---|---|\n")
			header = true
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + value
		}
		switch f.DefValue {
		case "", "false", "[]", "0", "0s":
		default:
			usage += fmt.Sprintf(" (default `%s`)", f.DefValue)
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, strings.ReplaceAll(usage, "|", `\|`))
	})
	if header {
		b.WriteString("\n")
	}
}

// TestCommandsDocument compares docs/commands.md with the commands.
func TestCommandsDocument(t *testing.T) {
	t.Setenv("SHIPPER_CONFIG", "") // the default that is shown
	const path = "../../docs/commands.md"
	want := commandsDocument()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/commands.md is not what the commands say; run: go generate ./cmd/shipper")
	}
}

// TestCommandsAreDocumented holds every command to a sentence and every flag to a meaning.
func TestCommandsAreDocumented(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s: no short description", c.CommandPath())
		}
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s: no meaning", c.CommandPath(), f.Name)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&global{stdout: io.Discard, stderr: io.Discard}))
}
