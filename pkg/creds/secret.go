package creds

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// maxSecret bounds what is read from a file that should hold one secret; a token is at most some KiB.
const maxSecret = 64 << 10

// Secret is a setting that must not be seen. In TOML it is one of
//
//	{ file = "/etc/shipper/credentials/secret" }   read anew each time it is used
//	{ env = "NAME" }                               an environment variable
//	{ credential = "NAME" }                        a systemd credential: $CREDENTIALS_DIRECTORY/NAME; see unitCredentials
//	"the value itself"                             works, and config warns about it
//
// The zero value is "not set". It prints where the value comes from, never the value.
type Secret struct {
	kind  string  // "", "literal", "file", "env" or "credential"
	where string  // path or name; empty for a literal
	value *string // the literal; behind a pointer, so that printing a struct that holds a Secret cannot reach it
}

// unitCredentials is where systemd keeps what it handed to the service, while that runs. A command on a terminal has not the
// environment of the service, and looks there.
const unitCredentials = "/run/credentials/shipper.service"

// LiteralSecret returns a Secret that is its value. The empty string is "not set".
func LiteralSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{kind: "literal", value: &value}
}

// UnmarshalTOML implements the Unmarshaler of the configuration reader: a string or a table with one key.
func (s *Secret) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		*s = LiteralSecret(v)
		return nil
	case map[string]any:
		if len(v) != 1 {
			break
		}
		for kind, where := range v {
			text, ok := where.(string)
			if !ok {
				return fmt.Errorf("%s of a secret is a string", kind)
			}
			return s.refer(kind, text)
		}
	}
	return errors.New(`a secret is { file = "PATH" }, { env = "NAME" }, { credential = "NAME" } or a string`)
}

// refer sets s to a reference.
func (s *Secret) refer(kind, where string) error {
	switch {
	case kind != "file" && kind != "env" && kind != "credential":
		return fmt.Errorf("a secret has no key %q: write file, env or credential", kind)
	case where == "":
		return fmt.Errorf("%s of a secret is empty", kind)
	case kind == "credential" && where != filepath.Base(where):
		return errors.New("credential of a secret is a name without a slash, as in LoadCredential=")
	}
	*s = Secret{kind: kind, where: where}
	return nil
}

// IsSet reports whether there is anything to read.
func (s Secret) IsSet() bool { return s.kind != "" }

// Literal reports whether the value itself stands in the configuration, which deserves a warning.
func (s Secret) Literal() bool { return s.kind == "literal" }

// Path returns the file that s is read from, or "".
func (s Secret) Path(env func(string) string) string {
	switch s.kind {
	case "file":
		return s.where
	case "credential":
		return filepath.Join(cmp.Or(env("CREDENTIALS_DIRECTORY"), unitCredentials), s.where)
	}
	return ""
}

// Read returns the value, without white space at its end. It fails if there is nothing, or something that is no secret: a
// directory, more than one line, more than 64 KiB.
func (s Secret) Read(env func(string) string) (string, error) {
	switch s.kind {
	case "literal":
		return clean(*s.value, "the value")
	case "env":
		v := env(s.where)
		if v == "" {
			return "", fmt.Errorf("environment variable %s is not set", s.where)
		}
		return clean(v, "environment variable "+s.where)
	case "credential":
		v, err := readSecret(s.Path(env))
		if err != nil && env("CREDENTIALS_DIRECTORY") == "" {
			return "", fmt.Errorf("credential %s: %w (a unit needs LoadCredential=%s:PATH; a command on a terminal needs root, "+
				"or $CREDENTIALS_DIRECTORY, and the service running): %w", s.where, ErrByHand, s.where, err)
		}
		return v, err
	case "file":
		return readSecret(s.where)
	}
	return "", errors.New("not set")
}

// readSecret reads one line from a file.
func readSecret(path string) (string, error) {
	data, err := readSmall(path, maxSecret)
	if err != nil {
		return "", err
	}
	return clean(string(data), path)
}

// clean trims v and says what is wrong with it, naming it as name.
func clean(v, name string) (string, error) {
	v = strings.TrimSpace(strings.TrimPrefix(v, "\ufeff"))
	if v == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	if strings.ContainsFunc(v, unicode.IsControl) {
		return "", fmt.Errorf("%s holds more than one line, or a control character", name)
	}
	return v, nil
}

// readSmall reads a regular file of at most limit bytes. Other kinds are refused before they are opened: a pipe would block.
func readSmall(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, explain(path, err)
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, nil
}

// explain adds owner and mode to a refusal, because that is what has to be changed.
func explain(path string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err // the os package names the path
	}
	info, statErr := os.Stat(path)
	if statErr != nil {
		return fmt.Errorf("%w: a directory on the way is closed to uid %d", err, os.Geteuid())
	}
	return fmt.Errorf("%w: it is %s and we are uid %d", err, rights(info), os.Geteuid())
}

// rights describes mode and owner of a file.
func rights(info fs.FileInfo) string {
	s := fmt.Sprintf("%#o", info.Mode().Perm())
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s += fmt.Sprintf(", owner %d:%d", st.Uid, st.Gid)
	}
	return s
}

// Warnings returns what an operator should mend: a value in the configuration, a file that others may read.
func (s Secret) Warnings(env func(string) string) []string {
	if s.Literal() {
		return []string{`the value stands in the configuration: move it to a file that only the service may read and write { file = "PATH" }`}
	}
	if w := exposed(s.Path(env)); w != "" {
		return []string{w}
	}
	return nil
}

// String tells where the value comes from.
func (s Secret) String() string {
	switch s.kind {
	case "":
		return ""
	case "literal":
		return "***"
	}
	return "{ " + s.kind + " = " + strconv.Quote(s.where) + " }"
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return "creds.Secret(" + s.String() + ")" }

// Format implements fmt.Formatter, so that no verb reaches the value.
func (s Secret) Format(f fmt.State, verb rune) { format(f, verb, s.String(), s.GoString()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler; JSON uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
