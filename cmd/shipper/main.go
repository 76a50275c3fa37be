// Command shipper ships log files to another Alibaba Cloud account's Log Service. See docs/ and `shipper --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	_ "time/tzdata" // images FROM scratch have no zone files

	_ "golang.org/x/crypto/x509roots/fallback" // nor CA roots; the host's own win where there are any
)

// version is set by the linker; without it the build's own information is used.
var version string

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings handed in. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	g := &global{stdout: stdout, stderr: stderr}
	root := newRoot(g)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	code := exitUsage // what cobra itself finds wrong: unknown flags
	if g.started {
		code = exitIO // standard output, most of all
	}
	if f, ok := errors.AsType[*failure](err); ok {
		code = f.code
	}
	if text := err.Error(); text != "" {
		for line := range strings.SplitSeq(text, "\n") { // several errors that were joined, or one that goes on
			if !strings.HasPrefix(line, " ") {
				line = "shipper: " + line
			}
			fmt.Fprintln(stderr, line)
		}
	}
	if code == exitUsage {
		fmt.Fprintf(stderr, "shipper: see: %s --help\n", cmd.CommandPath())
	}
	return code
}

func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}
