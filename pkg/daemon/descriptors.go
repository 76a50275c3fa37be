package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"shipper/pkg/tail"
)

// descriptors is systemd's descriptor store (FileDescriptorStoreMax= of the unit): it holds deleted log files while the service is started
// again, after a crash and kill -9 too. It implements tail.Keeper. See sd_pid_notify_with_fds(3).
type descriptors struct {
	log  *slog.Logger
	conn *net.UnixConn
}

// notifyWait bounds how long a message to systemd may wait for room in its socket.
const notifyWait = time.Second

// newDescriptors returns the store and what it gave back at this start. Outside systemd there is neither, and the store is nil.
func newDescriptors(log *slog.Logger) (tail.Keeper, []*os.File) {
	given := activation.Files(true)
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" && len(given) == 0 {
		return nil, nil
	}
	d := &descriptors{log: log}
	if socket != "" {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
		if err != nil {
			log.Debug("systemd cannot be told which descriptors to keep", "err", err)
		}
		d.conn = conn
	}
	var kept []*os.File
	for _, f := range given {
		if strings.HasPrefix(f.Name(), tail.KeptPrefix) {
			kept = append(kept, f)
			continue
		}
		log.Warn("systemd passed a descriptor that is not shipper's; it is closed", "code", "SHP-T013", "name", f.Name())
		f.Close()
	}
	return d, kept
}

// Keep implements tail.Keeper. systemd polls what it keeps for a hang-up, unless told not to; log files know none.
func (d *descriptors) Keep(name string, f *os.File) {
	d.send("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, syscall.UnixRights(int(f.Fd())))
}

// Drop implements tail.Keeper.
func (d *descriptors) Drop(name string) { d.send("FDSTOREREMOVE=1\nFDNAME="+name, nil) }

// send does without an answer, as everything that systemd is told.
func (d *descriptors) send(state string, rights []byte) {
	if d.conn == nil {
		return
	}
	err := d.conn.SetWriteDeadline(time.Now().Add(notifyWait))
	if err == nil {
		err = d.sendmsg([]byte(state), rights)
	}
	if err != nil {
		d.log.Debug("systemd cannot be told which descriptors to keep", "err", err)
	}
}

// sendmsg is WriteMsgUnix, which refuses a connected datagram socket.
func (d *descriptors) sendmsg(state, rights []byte) error {
	raw, err := d.conn.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Write(func(fd uintptr) (done bool) {
		sent = syscall.Sendmsg(int(fd), state, rights, nil, syscall.MSG_NOSIGNAL)
		return !errors.Is(sent, syscall.EAGAIN)
	})
	return errors.Join(err, sent)
}

// saveLimit bounds how long a stop may take to save what is not sent of deleted files.
const saveLimit = 15 * time.Second

// save keeps what is not sent of deleted files for the next start. Everything that will be settled is.
func (d *Daemon) save() {
	ctx, stop := context.WithTimeoutCause(context.Background(), saveLimit, errors.New("it took longer than "+saveLimit.String()))
	defer stop()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-d.hurry:
			giveUp(errors.New("interrupted a second time"))
		case <-done:
		}
	}()
	d.notify.Stopping(saveLimit)
	d.tailer.Save(ctx)
}
