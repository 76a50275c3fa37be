package daemon

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDescriptorsAreHandedOver: what systemd would get is the very file, with a name, and later the word to let it go.
func TestDescriptorsAreHandedOver(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	if err := systemd.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", socket)
	store, kept := newDescriptors(slog.New(slog.DiscardHandler))
	if store == nil || len(kept) != 0 {
		t.Fatalf("store %v, %d descriptors kept", store, len(kept))
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	store.Keep("deleted-7", f)
	buf, oob := make([]byte, 4096), make([]byte, 4096)
	n, m, _, _, err := systemd.ReadMsgUnix(buf, oob)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(buf[:n]); !strings.Contains(got, "FDSTORE=1\n") || !strings.HasSuffix(got, "FDNAME=deleted-7") {
		t.Errorf("systemd was told %q", got)
	}
	msgs, err := syscall.ParseSocketControlMessage(oob[:m])
	if err != nil || len(msgs) != 1 {
		t.Fatalf("%d messages, %v", len(msgs), err)
	}
	fds, err := syscall.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("%d descriptors, %v", len(fds), err)
	}
	got := os.NewFile(uintptr(fds[0]), "kept")
	defer got.Close()
	a, errA := f.Stat()
	b, errB := got.Stat()
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		t.Errorf("another file was handed over: %v %v", errA, errB)
	}

	store.Drop("deleted-7")
	n, _, _, _, err = systemd.ReadMsgUnix(buf, oob)
	if got := string(buf[:n]); err != nil || got != "FDSTOREREMOVE=1\nFDNAME=deleted-7" {
		t.Errorf("systemd was told %q, %v", got, err)
	}
}

// TestNoDescriptorsOutsideSystemd: nobody keeps anything.
func TestNoDescriptorsOutsideSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if store, kept := newDescriptors(slog.New(slog.DiscardHandler)); store != nil || kept != nil {
		t.Errorf("store %v, kept %v", store, kept)
	}
}
