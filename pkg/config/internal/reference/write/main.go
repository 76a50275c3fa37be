// Command write writes docs/configuration.md and configs/shipper.toml. go generate runs it in pkg/config.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"shipper/pkg/config/internal/reference"
)

func main() {
	if err := write(filepath.Join("..", "..")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(root string) error {
	keys, err := reference.Keys(root)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "docs", "configuration.md"), reference.Markdown(keys), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "configs", "shipper.toml"), reference.TOML(keys), 0o644)
}
