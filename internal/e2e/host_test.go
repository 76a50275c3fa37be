package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// TestHost is the life of the service on a Debian host with a real systemd, logrotate and journal. The parts share one host
// and stand in the order of an operator's day.
func TestHost(t *testing.T) {
	heavy(t, "host")
	m, c := newMachine(t), newCloud(t, emulator.Options{})
	m.serve(c)
	m.install()
	app := newAppLog(m, c, "var/log/app/app.log")
	for _, part := range []struct {
		name string
		run  func(*machine, *cloud, *appLog)
	}{
		{"a wrong configuration does not loop", wrongConfig},
		{"ready before the cloud answers", readyAlone},
		{"runs as shipper and shows nothing", runsAsShipper},
		{"logrotate create", rotateCreate},
		{"logrotate copytruncate", rotateCopy},
		{"a hang is ended by the watchdog", watchdog},
		{"stopped with a backlog", backlog},
		{"deleted files", deletedFiles},
		{"reload", reload},
		{"logs of root alone", rootOnly},
		{"keys by LoadCredential", loadCredential},
		{"exposure", exposure},
	} {
		t.Run(part.name, func(t *testing.T) {
			start := time.Now()
			m := m.in(t)
			defer m.explain()
			part.run(m, c, app.in(t))
			t.Logf("took %s", since(start))
		})
	}
}

// wrongConfig: exit code 78 is said once. A restart cannot help, so there is none.
func wrongConfig(m *machine, _ *cloud, _ *appLog) {
	m.configure("start_att = \"end\"\n")
	if _, err := m.try("systemctl start shipper"); err == nil {
		m.t.Error("it started")
	}
	m.want("ActiveState=failed", "SubState=failed", "ExecMainStatus=78", "NRestarts=0")
	if said := m.journal(""); !strings.Contains(said, `did you mean "start_at"`) {
		m.t.Errorf("the journal does not say what is wrong:\n%s", said)
	}
	m.sh("systemctl reset-failed shipper")
}

// readyAlone: a host must boot while nothing answers. READY comes from the daemon, and STATUS says what is wrong.
func readyAlone(m *machine, c *cloud, app *appLog) {
	m.configure("")
	c.fault(m.t, `{"op":"any","kind":"cut_before"}`)
	app.write(100)
	m.sh("timeout 10 systemctl start shipper")
	m.want("ActiveState=active", "SubState=running", "Type=notify", "NotifyAccess=main")
	eventually(m.t, 30*time.Second, "STATUS says what is missing", func() bool { return strings.Contains(m.unit("StatusText"), "target central") })
	m.t.Logf("while nothing answers: STATUS=%s", m.unit("StatusText"))
	if out, err := m.try("shipper status --ready"); err == nil {
		m.t.Errorf("status --ready: %s", out)
	}
	c.mend(m.t)
	app.delivered()
	eventually(m.t, 30*time.Second, "STATUS tells files and token", func() bool {
		return regexp.MustCompile(`^1 file, 0 bytes behind, central: token \S+$`).MatchString(m.unit("StatusText"))
	})
	m.t.Logf("STATUS=%s", m.unit("StatusText"))
	m.sh("shipper status --ready --quiet")
}

// runsAsShipper: no right but those of a user in group adm, positions for its eyes only, and messages with priorities.
func runsAsShipper(m *machine, _ *cloud, _ *appLog) {
	pid := m.unit("MainPID")
	for _, c := range []struct{ command, want string }{
		{"stat -c '%U:%G %a' /var/lib/shipper", "shipper:shipper 700"},
		{"stat -c '%U:%G %a' /run/shipper", "shipper:shipper 750"},
		{"stat -c %U /proc/" + pid, "shipper"},
		{"grep -h CapEff /proc/" + pid + "/status | cut -f2", "0000000000000000"},
		{"grep -h NoNewPrivs /proc/" + pid + "/status | cut -f2", "1"},
		{"find /var/lib/shipper -mindepth 1 -perm /077 | wc -l", "0"},
		{"journalctl -u shipper -o cat --no-pager -p warning | grep -c 'msg=started'", "0"},
	} {
		if got, _ := m.try("%s", c.command); got != c.want {
			m.t.Errorf("%s: %q, want %q", c.command, got, c.want)
		}
	}
	if strings.Contains(m.journal(""), emulator.SenderKeySecret) {
		m.t.Error("the journal holds the secret")
	}
}

// rotateCreate: logrotate renames under a writer that opens its file for each burst, and compresses a generation later.
func rotateCreate(m *machine, _ *cloud, app *appLog) {
	m.write("etc/logrotate.d/app", "/var/log/app/app.log {\n create 0640 root adm\n rotate 50\n compress\n delaycompress\n}\n")
	for range 5 {
		turned := make(chan string)
		go func() {
			out, err := m.try("logrotate --force --state /root/logrotate.state /etc/logrotate.d/app")
			if err != nil {
				out += err.Error()
			}
			turned <- out
		}()
		for done := false; !done; {
			app.write(20)
			select {
			case out := <-turned:
				done = true
				if out != "" {
					m.t.Errorf("logrotate: %s", out)
				}
			default:
			}
		}
	}
	app.delivered()
	if n := m.sh("ls /var/log/app/*.gz | wc -l"); n != "4" {
		m.t.Errorf("%s compressed generations, want 4", n)
	}
}

// rotateCopy: logrotate copies and truncates under a writer that keeps its file open. What logrotate drops between the two
// is in no file, and is not asked for.
func rotateCopy(m *machine, c *cloud, _ *appLog) {
	app := newAppLog(m, c, "var/log/app/copied.log")
	m.write("etc/logrotate.d/app", "/var/log/app/copied.log {\n copytruncate\n rotate 50\n compress\n delaycompress\n}\n")
	f := app.open()
	defer f.Close()
	for range 3 {
		for start := time.Now(); time.Since(start) < time.Second; { // a rotation a second is fast enough for anybody
			app.writeTo(f, 20)
			time.Sleep(2 * time.Millisecond)
		}
		turned := make(chan error)
		go func() {
			_, err := m.try("logrotate --force --state /root/logrotate.state /etc/logrotate.d/app")
			turned <- err
		}()
		for done := false; !done; {
			app.writeTo(f, 20)
			time.Sleep(2 * time.Millisecond)
			select {
			case err := <-turned:
				must(m.t, err)
				done = true
			default:
			}
		}
	}
	app.delivered()
}

// watchdog: a process that is alive and does nothing is ended and started again by systemd; lines go on.
func watchdog(m *machine, _ *cloud, app *appLog) {
	m.dropIn("watchdog.conf", "[Service]\nWatchdogSec=5s\nRestartSec=100ms\nTimeoutAbortSec=5s\n")
	m.sh("systemctl restart shipper")
	app.write(200)
	app.delivered()
	before, restarts := m.unit("MainPID"), m.number("NRestarts")
	start := time.Now()
	m.sh("kill -STOP %s", before)
	app.write(200)
	eventually(m.t, 30*time.Second, "systemd starts it again", func() bool {
		return m.number("NRestarts") == restarts+1 && m.unit("ActiveState") == "active"
	})
	m.t.Logf("stopped by SIGSTOP, running again after %s", since(start))
	if !strings.Contains(m.journal(""), "Failed with result 'watchdog'") {
		m.t.Error("it was not the watchdog")
	}
	app.repeated(200) // what was acknowledged in the last second before the stop may come again
	start = time.Now()
	eventually(m.t, 20*time.Second, "it outlives its watchdog", func() bool {
		if n := m.number("NRestarts"); n != restarts+1 {
			m.t.Fatalf("restarted %d times more: the watchdog is not fed", n-restarts-1)
		}
		return time.Since(start) > 8*time.Second
	})
}

// backlog: stopping while the service takes nothing is no failure, and nothing is lost or repeated.
func backlog(m *machine, c *cloud, app *appLog) {
	m.sh("systemctl restart shipper")
	c.fault(m.t, `{"op":"post","kind":"server_busy"}`)
	app.write(5000)
	eventually(m.t, 20*time.Second, "lines are read and wait", func() bool {
		return m.sh("shipper status --json | grep -c '\"pending\": [1-9]' || true") != "0"
	})
	start := time.Now()
	m.sh("systemctl stop shipper")
	took := time.Since(start)
	m.want("ActiveState=inactive", "Result=success", "ExecMainStatus=75")
	if took > 15*time.Second {
		m.t.Errorf("the stop took %v with drain_limit 2s", took)
	}
	m.t.Logf("stopped with a backlog after %s, exit code 75", since(start))
	c.mend(m.t)
	app.write(100)
	m.sh("systemctl start shipper")
	app.delivered()
	m.sh("systemctl stop shipper")
	m.want("ActiveState=inactive", "Result=success", "ExecMainStatus=0")
}

// reload: a new input is taken up by the running process; a configuration with an error fails the reload and changes nothing.
func reload(m *machine, c *cloud, app *appLog) {
	m.sh("systemctl start shipper")
	pid := m.unit("MainPID")
	more := newAppLog(m, c, "var/log/more/more.log")
	more.write(100)
	m.configure("[input.more]\npaths = [\"/var/log/more/*.log\"]\n")
	m.sh("systemctl reload shipper")
	more.delivered()
	m.configure("start_att = \"end\"\n")
	if out, err := m.try("systemctl reload shipper"); err == nil {
		m.t.Errorf("a wrong configuration was reloaded: %s", out)
	}
	app.write(100)
	more.write(100)
	app.delivered()
	more.delivered()
	m.want("ActiveState=active", "MainPID="+pid)
	m.configure("")
	m.sh("systemctl reload shipper; systemctl stop shipper")
}

// rootOnly: without the drop-in a file of root's is named and left alone; with it, it is shipped, and nothing may be written.
func rootOnly(m *machine, c *cloud, _ *appLog) {
	secret := newAppLog(m, c, "var/log/app/messages.log")
	m.sh("chown root:root /%[1]s; chmod 600 /%[1]s", secret.name)
	secret.write(100)
	m.sh("systemctl start shipper")
	eventually(m.t, 20*time.Second, "the file is named", func() bool { return strings.Contains(m.journal(""), "messages.log") })
	if n := len(secret.arrived()); n != 0 {
		m.t.Errorf("%d lines of a file that shipper may not read", n)
	}
	m.copy("../../systemd/10-read-root-only-logs.conf", "etc/systemd/system/shipper.service.d/read.conf")
	m.sh("systemctl daemon-reload; systemctl restart shipper")
	secret.delivered()
	if caps := m.sh("grep CapEff /proc/%s/status | cut -f2", m.unit("MainPID")); caps != "0000000000000004" {
		m.t.Errorf("capabilities %s, want CAP_DAC_READ_SEARCH alone", caps)
	}
	m.sh("rm /etc/systemd/system/shipper.service.d/read.conf; systemctl daemon-reload; systemctl stop shipper")
}

// loadCredential: keys that only root may read reach the service through systemd.
func loadCredential(m *machine, _ *cloud, app *appLog) {
	m.configure("")
	m.sh(`chown root:root /etc/shipper/credentials/*; chmod 400 /etc/shipper/credentials/*
sed -i 's|{ file = "/etc/shipper/credentials/\(.*\)" }|{ credential = "\1" }|' /etc/shipper/shipper.toml`)
	m.copy("../../systemd/20-credentials.conf", "etc/systemd/system/shipper.service.d/20-credentials.conf")
	m.sh("systemctl daemon-reload; systemctl start shipper")
	app.write(100)
	app.delivered()
	m.sh("systemctl stop shipper; rm -r /etc/systemd/system/shipper.service.d; systemctl daemon-reload")
	m.configure("")
}

// exposure: systemd's own judgement, on a scale from 0 to 10; the tool fails above 1.5.
func exposure(m *machine, _ *cloud, _ *appLog) {
	for _, dropIn := range []string{"", "../../systemd/10-read-root-only-logs.conf", "../../systemd/20-credentials.conf"} {
		if dropIn != "" {
			m.copy(dropIn, "etc/systemd/system/shipper.service.d/it.conf")
		}
		out, err := m.try("systemd-analyze security --no-pager --offline=true --threshold=15 shipper.service | tail -1")
		if err != nil {
			m.t.Errorf("%s %v", out, err)
		}
		m.t.Logf("%s %s", dropIn, out)
	}
	m.sh("rm -r /etc/systemd/system/shipper.service.d; systemctl daemon-reload")
}

// number is a property of the unit that is a number.
func (m *machine) number(property string) int {
	m.t.Helper()
	n, err := strconv.Atoi(m.unit(property))
	must(m.t, err)
	return n
}
