package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"

	"shipper/internal/invalid"
	"shipper/pkg/batch"
	"shipper/pkg/creds"
	"shipper/pkg/process"
	"shipper/pkg/producer"
	"shipper/pkg/producer/deadletter"
	"shipper/pkg/tail"
)

// Config is a whole configuration: complete, checked, and not changed by anybody after Load. Include is empty then: Files says
// what was read.
type Config struct {
	// Include names more files: globs or paths relative to the file that they stand in. What a glob matches is read in alphabetical
	// order; tables merge, and a key that is set in two places is an error. Default none.
	Include []string `toml:"include"`
	// Schema is the version of the keys. 1 is the only one there is; a later one is refused by a shipper that does not know it.
	Schema int `toml:"schema"`
	// Agent holds for the whole process.
	Agent Agent `toml:"agent"`
	// Log is shipper's own messages.
	Log Log `toml:"log"`
	// Admin is where metrics, health and control are served.
	Admin Admin `toml:"admin"`
	// Credentials say where this host's own identity comes from, by name. Without any table a target uses creds.Default: source "auto".
	Credentials map[string]creds.Config `toml:"credentials"`
	// Targets are Logstores to write to, by name.
	Targets map[string]Target `toml:"target"`
	// Inputs are the files to read, by name.
	Inputs map[string]Input `toml:"input"`
	// DeadLetter is where logs are kept that the service refuses for ever.
	DeadLetter deadletter.Config `toml:"dead_letter"`
	// Tests are lines with what must become of them, for "shipper test". The daemon does not look at them. Those of several files
	// are all run.
	Tests []process.Test `toml:"test"`

	Files    []File   // every file that was read, in order
	Warnings Warnings // what deserves a look and stops nothing

	root *node // where every value came from; nil if Load did not make it
}

// schema is the version of the keys that this program knows.
const schema = 1

// Target is one [target.NAME] table: a Logstore, whose role to write with, and how to batch.
type Target struct {
	producer.Config
	// Credentials names the [credentials.NAME] table to start from. Default: the only one there is; without any, source = "auto".
	Credentials string `toml:"credentials"`
	creds.RoleConfig
	// Batch says how lines are gathered.
	Batch batch.Config `toml:"batch"`
	// Topic is the __topic__ of every log. Default "".
	Topic string `toml:"topic"`
	// Tags are added to every log group: tags = { env = "prod" }. Default none.
	Tags map[string]string `toml:"tags"`
	// Verify is the consumer group that "shipper verify" reads back through, such as "shipper-verify"; the role then needs the seven
	// read permissions that shipper policy writes. The daemon never reads. Default "": not set up.
	Verify string `toml:"verify"`
}

// DefaultTarget is what a [target.NAME] table begins as.
func DefaultTarget() Target {
	return Target{Config: producer.Default(), RoleConfig: creds.DefaultRole(), Batch: batch.Default()}
}

// Validate returns an error for every wrong setting, joined.
func (t Target) Validate() error {
	return errors.Join(
		t.Config.Validate(),
		t.RoleConfig.Validate(),
		invalid.Under("batch", t.Batch.Validate()),
		tags(t.Tags),
		consumerGroup(t.Verify),
	)
}

// Input is one [input.NAME] table: files, what their lines mean, and where they go.
type Input struct {
	tail.Config
	Process process.Config `toml:",inline"`
	// Target names the target, or a list of them. A file that goes to two is read once for each. Default: the only target there is.
	Target []string `toml:"target"`
	// Tags are added to every log group of this input, after the target's: tags = { app = "nginx" }. Default none.
	Tags map[string]string `toml:"tags"`
}

// DefaultInput is what an [input.NAME] table begins as.
func DefaultInput() Input {
	return Input{Config: tail.Default(), Process: process.Default()}
}

// Validate returns an error for every wrong setting, joined.
func (i Input) Validate() error {
	return errors.Join(i.Config.Validate(), i.Process.Validate(), tags(i.Tags))
}

// tags checks names of tags: Log Service keeps names with two underscores in front for itself.
func tags(m map[string]string) error {
	var errs []error
	for _, k := range sorted(m) {
		switch {
		case k == "":
			errs = append(errs, invalid.Key("tags", "has a tag without a name", ""))
		case len(k) > 2 && k[:2] == "__":
			errs = append(errs, invalid.Key("tags."+invalid.Quote(k), "is a name that shipper sets itself", "choose one that does not begin with __"))
		}
	}
	return errors.Join(errs...)
}

// groupName is what Log Service takes as the name of a consumer group (help: consumer groups).
var groupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,61}[A-Za-z0-9]$`)

func consumerGroup(name string) error {
	if name == "" || groupName.MatchString(name) {
		return nil
	}
	return invalid.Key("verify", fmt.Sprintf("%q is not the name of a consumer group", name), `2 to 63 letters, digits, - and _, such as "shipper-verify"`)
}

// Default is the configuration without a word in it. It has no target and no input, so it is not yet a valid one.
func Default() *Config {
	return &Config{Schema: schema, Agent: DefaultAgent(), Log: DefaultLog(), Admin: DefaultAdmin(), DeadLetter: deadletter.Default()}
}

// compose decodes the merged tables and checks the result.
func (l *loader) compose() *Config {
	c := Default()
	c.Agent.Name, _ = l.lookup("HOSTNAME")
	c.Files, c.root = l.files, l.root
	d := &decoder{loader: l, defaults: elements()}
	d.structure(reflect.ValueOf(c).Elem(), l.root, nil)
	l.check(c)
	return c
}

// elements is what an entry of a map, or a table that need not be there, begins as.
func elements() map[reflect.Type]reflect.Value {
	out := map[reflect.Type]reflect.Value{}
	for _, v := range []any{creds.Default(), DefaultTarget(), DefaultInput(), process.DefaultMultiline()} {
		out[reflect.TypeOf(v)] = reflect.ValueOf(v)
	}
	return out
}

// Where tells where the value at path was written: "FILE:LINE", "--set", "env NAME" or "default". Elements of lists are counted
// from 0: Where("test", "0").
func (c *Config) Where(path ...string) string { return from(c.root.find(path)) }
