package checkpoint

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"shipper/pkg/tail"
)

const killedEnv = "CHECKPOINT_TEST_KILLED_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedEnv); dir != "" {
		if err := commitForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// commitForEver is the child of TestKilled: it settles spans out of order, commits, and says what is durable.
func commitForEver(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	if len(s.Recovered()) > 0 {
		return fmt.Errorf("damage: %q", s.Recovered())
	}
	s.compactAt = 16 << 10 // often
	epochs := s.Epochs()
	if len(epochs) == 0 {
		s.Begin(tail.Epoch{Path: "/f"})
		epochs = s.Epochs()
	}
	st := s.Stream(epochs[0].ID)
	at, ahead := st.Position(), epochs[0].Ahead
	fmt.Println(at)
	for {
		var spans []*Span
		for range 5 {
			if len(ahead) > 0 && ahead[0].From == at {
				at, ahead = ahead[0].To, ahead[1:]
				st.Jump(at)
			}
			r := tail.Range{From: at, To: at + 10}
			st.Read(10)
			spans = append(spans, st.Enter(r, markerAt(r.To), st.NextPack()))
			at = r.To
		}
		for _, i := range [...]int{1, 4, 0, 3} {
			st.Settle(spans[i], Outcome{Acked: 10})
			if err := s.Commit(); err != nil {
				return err
			}
			s.io.Lock()
			s.compactAt = min(s.compactAt, 16<<10)
			s.io.Unlock()
		}
		st.Settle(spans[2], Outcome{Acked: 10})
		if err := s.Commit(); err != nil {
			return err
		}
		fmt.Println(at)
	}
}

// TestKilled kills a process with SIGKILL in the middle of commits and compactions. What it called durable is found, and nothing
// that it had not begun.
func TestKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for round := range 8 {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), killedEnv+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 3 + round*7 {
			if !lines.Scan() {
				t.Fatalf("the child ended: %v", cmd.Wait())
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		said := lines.Text()
		for lines.Scan() { // what it said before it died
			said = lines.Text()
		}
		_ = cmd.Wait()
		durable, err := strconv.ParseInt(strings.TrimSpace(said), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		e := s.Epochs()[0]
		if e.Offset < durable || e.Offset > durable+100 || len(s.Recovered()) > 0 || e.Offset > 0 && e.Marker != markerAt(e.Offset) {
			t.Fatalf("offset %d, durable %d, recovered %q", e.Offset, durable, s.Recovered())
		}
		var ahead int64
		for _, r := range e.Ahead {
			ahead += r.Len()
		}
		if e.Counts.Acked != e.Offset+ahead {
			t.Fatalf("%+v", e)
		}
		kill(t, s)
	}
}
