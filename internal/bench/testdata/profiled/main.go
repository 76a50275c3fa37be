// Command profiled is shipper with profiles: profiled CONFIG PREFIX ships what is there once, profiled CONFIG PREFIX run until
// TERM or INT. It makes PREFIX.cpu and PREFIX.heap for go tool pprof.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"

	"shipper/pkg/config"
	"shipper/pkg/daemon"
)

func main() {
	if err := run(os.Args[1], os.Args[2], len(os.Args) == 3); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path, prefix string, once bool) error {
	runtime.MemProfileRate = 64 << 10
	cfg, err := config.Load(config.Options{Path: path})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	d, err := daemon.New(ctx, cfg, daemon.Options{Version: "profiled", Log: slog.New(slog.DiscardHandler), Once: once})
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
	// The heap is interesting while everything is still there.
	var wrote error
	late := context.AfterFunc(ctx, func() { wrote = heap(prefix) })
	err = d.Run(ctx)
	pprof.StopCPUProfile()
	if late() && err == nil { // ctx has not ended: once
		wrote = heap(prefix)
	}
	if err != nil {
		return err
	}
	return wrote
}

func heap(prefix string) error {
	h, err := os.Create(prefix + ".heap")
	if err != nil {
		return err
	}
	defer h.Close()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("%d collections, %d MB allocated, %d MB in use, %d MB from the system\n", m.NumGC, m.TotalAlloc>>20, m.HeapInuse>>20, m.Sys>>20)
	return pprof.Lookup("allocs").WriteTo(h, 0)
}
