// Command write writes docs/metrics.md. go generate runs it in pkg/admin.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"shipper/pkg/admin/internal/reference"
)

func main() {
	if err := write(filepath.Join("..", "..")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(root string) error {
	rules, err := os.ReadFile(filepath.Join(root, "deploy", "alerts.yaml"))
	if err != nil {
		return err
	}
	text, err := reference.Markdown(reference.Alerts(string(rules)))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs", "metrics.md"), text, 0o644)
}
