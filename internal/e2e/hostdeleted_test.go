package e2e

import (
	"strconv"
	"strings"
	"time"
)

// deletedFiles: a log is deleted while the service takes nothing. Its lines outlive a restart, kill -9 and a stop: systemd's descriptor
// store has it for the first two, the spool for the last. Each line arrives once, and the disk gets its space back.
func deletedFiles(m *machine, c *cloud, _ *appLog) {
	m.configure("")
	m.sh("systemctl restart shipper")
	gone := newAppLog(m, c, "var/log/app/gone.log")
	gone.write(500)
	gone.delivered()

	c.fault(m.t, `{"op":"post","kind":"server_busy"}`)
	gone.write(20000)
	eventually(m.t, 20*time.Second, "it is behind", func() bool { return m.lag(gone.name) > 0 })
	m.sh("rm /%s", gone.name)
	eventually(m.t, 20*time.Second, "systemd keeps the descriptor", func() bool { return m.number("NFileDescriptorStore") == 1 })
	eventually(m.t, 20*time.Second, "status shows its disk space", func() bool {
		return m.sh("shipper status --json | grep -c pinned_bytes || true") == "1"
	})
	m.sh("systemctl restart shipper")
	m.want("ActiveState=active", "NFileDescriptorStore=1")
	eventually(m.t, 20*time.Second, "it is followed again", func() bool { return m.lag(gone.name) > 0 })

	restarts := m.number("NRestarts")
	m.sh("systemctl kill --signal KILL shipper")
	eventually(m.t, 30*time.Second, "systemd starts it again", func() bool {
		return m.number("NRestarts") == restarts+1 && m.unit("ActiveState") == "active"
	})
	m.want("NFileDescriptorStore=1")
	c.mend(m.t)
	gone.once()
	eventually(m.t, 90*time.Second, "nobody holds the file any more", func() bool {
		return m.number("NFileDescriptorStore") == 0 && m.sh("ls -l /proc/%s/fd | grep -c deleted || true", m.unit("MainPID")) == "0"
	})

	m.t.Log("now a stop")
	spooled := newAppLog(m, c, "var/log/app/spooled.log")
	spooled.write(500)
	spooled.delivered()
	c.fault(m.t, `{"op":"post","kind":"server_busy"}`)
	spooled.write(20000)
	eventually(m.t, 20*time.Second, "it is behind", func() bool { return m.lag(spooled.name) > 0 })
	m.sh("rm /%s", spooled.name)
	eventually(m.t, 20*time.Second, "systemd keeps the descriptor", func() bool { return m.number("NFileDescriptorStore") == 1 })
	m.sh("systemctl stop shipper")
	m.want("ActiveState=inactive", "Result=success")
	if n := m.sh("find /var/lib/shipper/spool -type f | wc -l"); n != "1" {
		m.t.Errorf("%s files in the spool", n)
	}
	m.t.Logf("stopped: %s descriptors with systemd %s", m.unit("NFileDescriptorStore"), m.sh("systemctl --version | head -1"))
	c.mend(m.t)
	m.sh("systemctl start shipper")
	spooled.once()
	eventually(m.t, 90*time.Second, "the spool is empty", func() bool { return m.sh("find /var/lib/shipper/spool -type f | wc -l") == "0" })
	m.want("NFileDescriptorStore=0")
	m.sh("systemctl stop shipper")
}

// once waits until every line that was ever written has arrived, and wants each of them once: nothing of them is on the disk.
func (a *appLog) once() {
	a.m.t.Helper()
	var got map[string]int
	eventually(a.m.t, time.Minute, "every line has arrived", func() bool { got = a.arrived(); return len(got) == a.next })
	total := 0
	for _, times := range got {
		total += times
	}
	if total != a.next {
		a.m.t.Errorf("%s: %d lines written, %d arrived", a.name, a.next, total)
	}
	a.m.t.Logf("%s: %d written, missing 0, repeated %d", a.name, a.next, total-a.next)
}

// lag is how many bytes of a log status says are not sent.
func (m *machine) lag(name string) int64 {
	m.t.Helper()
	out := m.sh(`shipper status --json | grep -A 20 '"path": "/%s"' | grep -m 1 '"lag_bytes"' | tr -dc 0-9`, name)
	n, _ := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	return n
}
