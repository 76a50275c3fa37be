package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shipper/pkg/config"
)

// global is what every command has at hand: the flags before the command's own, and where to print.
type global struct {
	stdout, stderr io.Writer

	config  string
	set     []string
	json    bool
	color   string
	verbose bool
	quiet   bool

	started bool // the command line was right, and the command is at work
}

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:   "shipper",
		Short: "Ship log files to another Alibaba Cloud account's Log Service",
		Long: `shipper tails log files on the hosts and containers of one Alibaba Cloud account and writes their lines to a
Logstore of another account, with the temporary credentials of a role that it renews in the background.

  shipper demo        the whole two-account story on this machine, no cloud
  shipper validate    is the configuration right?
  shipper policy all  what the administrators of both accounts paste
  shipper check       does everything hold, up to an acknowledged line?
  shipper run         tail and send`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          help,
	}
	root.SetOut(g.stdout)
	root.SetErr(g.stderr)
	f := root.PersistentFlags()
	f.StringVarP(&g.config, "config", "c", cmp.Or(os.Getenv("SHIPPER_CONFIG"), config.DefaultPath), "configuration `file` ($SHIPPER_CONFIG)")
	f.StringArrayVar(&g.set, "set", nil, "set one `key=value`, such as target.central.batch.max_delay=2s; may be repeated")
	f.BoolVar(&g.json, "json", false, "print JSON")
	f.StringVar(&g.color, "color", "auto", "colour: auto, always or never")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "log more (level debug)")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "print less (level error)")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch g.color {
		case "auto", "always", "never":
			g.started = true
			return nil
		}
		return failf(exitUsage, "--color %q: write auto, always or never", g.color)
	}
	root.AddCommand(
		newRun(g), newValidate(g), newStatus(g), newDemo(g), newEmulator(g), newVersion(g),
	)
	root.AddCommand(newCheck(g), newVerify(g), newPolicy(g), newExplain(g))
	root.AddCommand(newOffsets(g), newDLQ(g), newReload(g), newTest(g), newTap(g), newTop(g))
	root.SetHelpCommand(newHelp(root))
	return root
}

// newHelp is --help for those who write it as a word.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Tell what a command takes",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err == nil {
				err = noArgs(cmd, rest)
			}
			if err != nil {
				return err
			}
			return cmd.Help()
		},
	}
}

// help is what a command does that only holds others.
func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// noArgs refuses arguments, and names the command that may be meant.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasAvailableSubCommands():
		return failf(exitUsage, "%s takes no argument, and %q is one", cmd.CommandPath(), args[0])
	}
	text := ""
	cmd.SuggestionsMinimumDistance = 2 // letters
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text = "; did you mean " + cmd.CommandPath() + " " + strings.Join(near, " or ") + "?"
	}
	return failf(exitUsage, "unknown command %q%s", cmd.CommandPath()+" "+args[0], text)
}

// oneArg wants one argument, and says what it is.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return failf(exitUsage, "%s wants one argument: %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// colored reports whether w takes colour: when asked to, or when it is a terminal and nobody said no.
func (g *global) colored(w io.Writer) bool {
	switch g.color {
	case "always":
		return true
	case "never":
		return false
	}
	_, no := os.LookupEnv("NO_COLOR")
	return !no && isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func newVersion(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			if g.json {
				return printJSON(g.stdout, map[string]string{"version": buildVersion(), "go": goVersion()})
			}
			_, err := fmt.Fprintf(g.stdout, "shipper %s (%s)\n", buildVersion(), goVersion())
			return err
		},
	}
}
