package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
)

// over is a transport that talks to one address, whatever the URL says.
func over(network, addr string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
}

// overSockets calls ask with each control socket in turn, until one answers. What is served on the socket alone has no other way.
func overSockets(sockets []string, ask func(socket string) error) error {
	var reasons []error
	for _, path := range sockets {
		err := ask(path)
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			reasons = append(reasons, err)
		}
		if errors.Is(err, fs.ErrPermission) {
			reasons = append(reasons, fmt.Errorf("the socket is for root and the group of the daemon, shipper as a rule: sudo usermod -aG shipper $USER, then log in again"))
		}
	}
	if len(reasons) == 0 {
		return fmt.Errorf("no control socket at %s", strings.Join(sockets, " or "))
	}
	return errors.Join(reasons...)
}
