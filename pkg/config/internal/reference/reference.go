// Package reference writes docs/configuration.md and configs/shipper.toml from the structs that hold the settings and the
// comments on their fields, so that neither can say what the program does not do. go generate calls it, and a test fails when
// the files are stale. It is no part of the program.
package reference

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"shipper/pkg/config"
)

// module is the prefix of our import paths.
const module = "shipper/"

// Key is a key with the comment on its field, in the words of the configuration.
type Key struct {
	config.Key
	Doc string
}

// Keys lists every key with its comment. root is the directory of go.mod.
func Keys(root string) ([]Key, error) {
	docs := map[string]map[string]string{} // by package: "Config.MaxDelay" -> comment
	var out []Key
	for _, k := range config.Keys() {
		pkg, typ, _ := strings.Cut(strings.TrimPrefix(k.Struct, module), ".")
		if docs[pkg] == nil {
			d, err := comments(filepath.Join(root, filepath.FromSlash(pkg)))
			if err != nil {
				return nil, err
			}
			docs[pkg] = d
		}
		text := docs[pkg][typ+"."+k.Field]
		if text == "" {
			return nil, fmt.Errorf("%s.%s has no comment: a setting is explained where it is declared", k.Struct, k.Field)
		}
		out = append(out, Key{k, reword(text, docs[pkg], typ, k)})
	}
	return out, nil
}

// comments reads the comments on the fields of every struct of a package; "\x00" and the name stand for the key in the file.
func comments(dir string) (map[string]string, error) {
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			t, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := t.Type.(*ast.StructType); ok {
				collect(out, t.Name.Name, s)
			}
			return false
		})
	}
	return out, nil
}

func collect(out map[string]string, typ string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		for _, name := range f.Names {
			out[typ+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
			if m := tag.FindStringSubmatch(f.Tag.Value); m != nil {
				out["\x00"+typ+"."+name.Name] = m[1]
			}
		}
	}
}

var tag = regexp.MustCompile(`toml:"([^",]*)`)

// reword puts keys in place of the names of fields: at the beginning, where Go's custom puts the field's own, and within a
// sentence, where another one of the same struct is meant.
func reword(text string, docs map[string]string, typ string, k config.Key) string {
	text = strings.TrimPrefix(text, k.Field+": ")
	if rest, ok := strings.CutPrefix(text, k.Field+" "); ok {
		text = "`" + k.Name + "` " + rest
	} else if rest, ok := strings.CutPrefix(text, k.Field+", "); ok {
		text = "`" + k.Name + "`, " + rest
	}
	for id, name := range docs {
		field, ok := strings.CutPrefix(id, "\x00"+typ+".")
		if !ok || name == "" || field == "Logstore" { // which is the service's own word
			continue
		}
		within := regexp.MustCompile(`([a-z;] )` + field + `\b`)
		text = within.ReplaceAllString(text, "$1`"+name+"`")
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
