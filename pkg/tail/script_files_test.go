package tail

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

func (p *play) path(name string) string { return filepath.Join(p.dir, name) }

func (p *play) add(name, text string) error {
	f, err := os.OpenFile(p.path(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

func (p *play) copy(from, to string) error {
	b, err := os.ReadFile(p.path(from))
	if err != nil {
		return err
	}
	return os.WriteFile(p.path(to), b, 0o644)
}

func (p *play) copyBegin(from, to string) error {
	b, err := os.ReadFile(p.path(from))
	if err != nil {
		return err
	}
	f, err := os.Create(p.path(to))
	if err != nil {
		return err
	}
	half := len(b) / 2
	p.copies = &copying{f, b[half:]}
	_, err = f.Write(b[:half])
	return err
}

func (p *play) gzip(name string) error {
	in, err := os.Open(p.path(name))
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(p.path(name + ".gz"))
	if err != nil {
		return err
	}
	defer out.Close()
	z := gzip.NewWriter(out)
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	return z.Close()
}

func (p *play) zstd(name string) error {
	b, err := os.ReadFile(p.path(name))
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		return err
	}
	defer z.Close()
	return os.WriteFile(p.path(name+".zst"), z.EncodeAll(b, nil), 0o644)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func numbered(prefix string, from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprintf("%s %06d", prefix, i))
	}
	return out
}

func hexBytes(args []string) ([]byte, error) {
	var out []byte
	for _, a := range args {
		n, err := strconv.ParseUint(a, 16, 8)
		if err != nil {
			return nil, err
		}
		out = append(out, byte(n))
	}
	return out, nil
}
