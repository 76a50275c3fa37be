// Command profiled ships the files of a configuration once and writes profiles of that: profiled CONFIG PREFIX makes
// PREFIX.cpu and PREFIX.heap for go tool pprof.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/pprof"

	"shipper/pkg/config"
	"shipper/pkg/daemon"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path, prefix string) error {
	runtime.MemProfileRate = 64 << 10
	cfg, err := config.Load(config.Options{Path: path})
	if err != nil {
		return err
	}
	ctx := context.Background()
	d, err := daemon.New(ctx, cfg, daemon.Options{Version: "profiled", Log: slog.New(slog.DiscardHandler), Once: true})
	if err != nil {
		return err
	}
	f, err := os.Create(prefix + ".cpu")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = d.Run(ctx)
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	h, err := os.Create(prefix + ".heap")
	if err != nil {
		return err
	}
	defer h.Close()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("%d collections, %d MB allocated, %d MB from the system\n", m.NumGC, m.TotalAlloc>>20, m.Sys>>20)
	return pprof.Lookup("allocs").WriteTo(h, 0)
}
