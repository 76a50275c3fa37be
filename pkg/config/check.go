package config

import (
	"fmt"
	"strings"

	"shipper/internal/invalid"
	"shipper/internal/units"
	"shipper/pkg/batch"
)

// check asks every owner about its table, then what needs more than one table.
func (l *loader) check(c *Config) {
	if c.Schema != schema && !l.broken["schema"] {
		l.add(l.problem(l.root.table["schema"], true, codeSchema, fmt.Sprintf("schema %d is of a later shipper than this one", c.Schema), "this one knows schema = 1"))
	}
	l.owned(c.Agent.Validate(), "agent")
	l.owned(c.Log.Validate(), "log")
	l.owned(c.Admin.Validate(), "admin")
	for _, name := range sorted(c.Credentials) {
		l.tableName("credentials", name)
		l.owned(c.Credentials[name].Validate(), "credentials", name)
	}
	for _, name := range sorted(c.Targets) {
		l.tableName("target", name)
		l.region(name, c.Targets[name].Region, c.Targets[name].Endpoint)
		l.owned(c.Targets[name].Validate(), "target", name)
	}
	for _, name := range sorted(c.Inputs) {
		l.tableName("input", name)
		l.owned(c.Inputs[name].Validate(), "input", name)
	}
	l.owned(c.DeadLetter.Validate(), "dead_letter")
	l.identities(c)
	l.routes(c)
	l.tests(c)
	l.paths(c)
	l.letters(c)
	l.overlaps(c)
	l.memory(c)
	l.lines(c)
	if c.Admin.exposed() {
		l.warn([]string{"admin", "listen"}, codeExposed, fmt.Sprintf("[admin] listen %q answers to other hosts", c.Admin.Listen), "it shows paths and account numbers and asks for no password; \"127.0.0.1:9620\" keeps it here")
	}
	l.advice(c)
	l.secrets(c)
}

// wrong reports an error at path, once.
func (l *loader) wrong(path []string, code, reason, hint string) {
	l.invalid(path, &invalid.Error{Reason: reason, Hint: hint}, code)
}

// warn reports a warning at path.
func (l *loader) warn(path []string, code, message, hint string) {
	n, covered := l.root.nearest(path)
	p := l.problem(n, covered == len(path) && n.table == nil, code, message, hint)
	p.Warning = true
	l.add(p)
}

// tableName checks a name that becomes part of metrics, file names and messages.
func (l *loader) tableName(kind, name string) {
	if name != "" && len(name) <= 64 && bareOrQuoted(name) == name {
		return
	}
	l.add(l.problem(l.root.find([]string{kind, name}), false, codeName, fmt.Sprintf("%q is not a name for [%s.NAME]", name, kind), "use letters, digits, - and _, at most 64 of them"))
}

// identities resolves and checks which credentials a target starts from.
func (l *loader) identities(c *Config) {
	if l.partial {
		return // tables may stand in the file that could not be read
	}
	known, used := sorted(c.Credentials), map[string]bool{}
	for _, name := range sorted(c.Targets) {
		t, path := c.Targets[name], []string{"target", name, "credentials"}
		switch {
		case t.Credentials != "":
			l.reference(path, t.Credentials, "credentials", known)
		case len(known) == 1:
			t.Credentials = known[0]
			c.Targets[name] = t
		case len(known) > 1 && !l.broken[join(path)]:
			l.wrong(path, codeName, "is missing, and there are several credentials", "one of "+anyOf(known))
		}
		used[t.Credentials] = true
	}
	for _, name := range known {
		if !used[name] && len(c.Targets) > 0 {
			l.warn([]string{"credentials", name}, codeIdle, fmt.Sprintf("[credentials.%s] is used by no target", name), "")
		}
	}
}

// routes resolves and checks which input goes to which target.
func (l *loader) routes(c *Config) {
	if l.partial {
		return // tables may stand in the file that could not be read
	}
	if len(c.Targets) == 0 && !l.broken["target"] {
		l.add(l.problem(nil, false, codeNothing, "there is no target", "add [target.NAME] with project, logstore and region"))
	}
	if len(c.Inputs) == 0 && !l.broken["input"] {
		l.add(l.problem(nil, false, codeNothing, "there is no input", `add [input.NAME] with paths = ["/var/log/..."]`))
	}
	used := map[string]bool{}
	names := sorted(c.Targets)
	for _, name := range sorted(c.Inputs) {
		in := c.Inputs[name]
		in.Target = l.inputTargets(name, in.Target, names)
		for _, t := range in.Target {
			used[t] = true
		}
		c.Inputs[name] = in
	}
	for _, name := range names {
		if !used[name] && len(c.Inputs) > 0 {
			l.warn([]string{"target", name}, codeIdle, fmt.Sprintf("[target.%s] is used by no input", name), "")
		}
	}
}

// tests resolves and checks which input a test is about.
func (l *loader) tests(c *Config) {
	names := sorted(c.Inputs)
	for i := range c.Tests {
		t, path := &c.Tests[i], []string{"test", fmt.Sprint(i)}
		l.owned(t.Validate(), path...)
		switch at := append(path, "input"); {
		case l.partial || len(names) == 0:
		case t.Input != "":
			l.reference(at, t.Input, "input", names)
		case len(names) == 1:
			t.Input = names[0]
		case !l.spoilt(at):
			l.wrong(at, codeName, "is missing, and there are several inputs", "one of "+anyOf(names))
		}
	}
}

// inputTargets is the list of targets of one input: as written, or the only one there is.
func (l *loader) inputTargets(name string, list, known []string) []string {
	path := []string{"input", name, "target"}
	if len(list) == 0 {
		switch {
		case l.broken[join(path)]:
		case len(known) == 1:
			return known
		case len(known) > 1:
			l.wrong(path, codeNothing, "is missing, and there are several targets", "one of "+anyOf(known)+", or a list of them")
		}
		return nil
	}
	n := l.root.find(path)
	seen := map[string]bool{}
	for i, t := range list {
		at := path
		if n != nil && n.list != nil {
			at = append(clone(path), fmt.Sprint(i))
		}
		switch {
		case seen[t]:
			l.wrong(at, codeName, fmt.Sprintf("%q is named twice", t), "")
		case len(known) > 0:
			l.reference(at, t, "target", known)
		}
		seen[t] = true
	}
	return list
}

// reference checks that a name leads to a table.
func (l *loader) reference(path []string, name, kind string, known []string) {
	for _, k := range known {
		if k == name {
			return
		}
	}
	hint := didYouMean(name, known)
	switch {
	case hint != "":
	case len(known) == 0:
		hint = fmt.Sprintf("there is no [%s.NAME] table", kind)
	default:
		hint = "there is " + strings.ReplaceAll(anyOf(known), " or ", " and ")
	}
	l.wrong(path, codeName, fmt.Sprintf("%q is not a [%s.NAME]", name, kind), hint)
}

// memory refuses a max_memory in which the targets could not fill their batches: each needs one that is open and one that is being
// sent, and the readers need their blocks.
func (l *loader) memory(c *Config) {
	need, most := readerMemory, units.Bytes(0)
	setting := []string{"agent", "max_memory"}
	point := setting // at what was written: max_memory, else the largest batch
	for _, name := range sorted(c.Targets) {
		b := c.Targets[name].Batch
		if b.Validate() != nil {
			return // the number means nothing
		}
		need += 2 * b.MaxBytes
		if l.root.find(setting) == nil && b.MaxBytes > most {
			most, point = b.MaxBytes, []string{"target", name, "batch", "max_bytes"}
		}
	}
	if c.Agent.MaxMemory < minMemory || l.spoilt(setting) {
		return
	}
	if c.Agent.MaxMemory >= need {
		l.batches(c)
		return
	}
	mib := (need + units.MiB - 1) / units.MiB * units.MiB
	n, covered := l.root.nearest(point)
	l.add(l.problem(n, covered == len(point), codeMemory,
		fmt.Sprintf("[agent] max_memory %s cannot hold two batches of batch.max_bytes for each target", c.Agent.MaxMemory),
		fmt.Sprintf("raise it to %s, or lower batch.max_bytes", mib)))
}

// batches warns of a max_bytes that somebody wrote and that max_memory does not allow: batches are smaller then.
func (l *loader) batches(c *Config) {
	most := batch.Largest(c.Agent.MaxMemory, len(c.Targets))
	for _, name := range sorted(c.Targets) {
		b, path := c.Targets[name].Batch, []string{"target", name, "batch", "max_bytes"}
		if b.MaxBytes <= most || l.root.find(path) == nil {
			continue
		}
		need := c.Agent.MaxMemory / units.MiB * units.MiB
		for batch.Largest(need, len(c.Targets)) < b.MaxBytes {
			need += units.MiB
		}
		l.warn(path, codeSmaller, fmt.Sprintf("[target.%s.batch] max_bytes %s is more than max_memory %s allows: batches are %s at most", name, b.MaxBytes, c.Agent.MaxMemory, most),
			fmt.Sprintf("for %s set agent.max_memory = %q", b.MaxBytes, need.String()))
	}
}

// lines refuses a max_line that no request could carry: the end of such a line would be cut off.
func (l *loader) lines(c *Config) {
	for _, name := range sorted(c.Inputs) {
		if m := c.Inputs[name].MaxLine; m >= batch.MaxGroup {
			l.wrong([]string{"input", name, "max_line"}, codeValue, fmt.Sprintf("%s is more than one request carries", m), "Log Service takes less than 10MiB at once")
		}
	}
}

// readerMemory is the blocks of a few readers at 256 KiB each, with room for a long line.
const readerMemory units.Bytes = 2 * units.MiB
