package e2e

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// pack builds the packages of a version, as `make packages` does, into a directory of that name.
func pack(t *testing.T, dir, version, archs string) string {
	t.Helper()
	out := filepath.Join(dir, version+"-"+strings.ReplaceAll(archs, " ", "-"))
	cmd := exec.CommandContext(t.Context(), "../../deploy/package/build", out)
	cmd.Env = append(os.Environ(), "VERSION="+version, "ARCHS="+archs, "SOURCE_DATE_EPOCH=1700000000")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("packages: %v\n%s", err, said)
	}
	return out
}

// TestHostPackages builds the packages twice and takes them through an operator's life with them.
func TestHostPackages(t *testing.T) {
	heavy(t, "host")
	dir := t.TempDir()
	start := time.Now()
	first := pack(t, dir, "v1.0.0", "amd64 arm64")
	t.Logf("deb, rpm and tarball for amd64 and arm64 took %s", since(start))
	t.Run("the same bytes again", func(t *testing.T) { sameAgain(t, first) })
	t.Run("for their machines", func(t *testing.T) { machines(t, first) })
	second := pack(t, dir, "v1.1.0", "amd64")

	m, c := newMachine(t), newCloud(t, emulator.Options{})
	m.serve(c)
	for _, dist := range []string{first, second} {
		names, err := filepath.Glob(dist + "/*")
		must(t, err)
		for _, name := range names {
			m.copy(name, "root/"+filepath.Base(name))
		}
	}
	app := newAppLog(m, c, "var/log/app/app.log")
	for _, part := range []struct {
		name string
		run  func(*machine, *appLog)
	}{
		{"deb: install starts nothing", debInstall},
		{"man page and completions", manual},
		{"deb: configured and started", configured},
		{"deb: upgrade", debUpgrade},
		{"deb: upgrade that refuses the configuration", debRefused},
		{"deb: purge leaves nothing", debPurge},
		{"rpm: install, upgrade, erase", rpmLife},
	} {
		t.Run(part.name, func(t *testing.T) {
			m := m.in(t)
			defer m.explain()
			part.run(m, app.in(t))
		})
	}
}

// sameAgain: a second build of the same version makes the same files.
func sameAgain(t *testing.T, first string) {
	again := pack(t, t.TempDir(), "v1.0.0", "amd64 arm64")
	want, err := os.ReadFile(first + "/SHA256SUMS")
	must(t, err)
	got, err := os.ReadFile(again + "/SHA256SUMS")
	must(t, err)
	if string(got) != string(want) || strings.Count(string(got), "\n") != 6 {
		t.Errorf("first\n%sthen\n%s", want, got)
	}
	check := exec.Command("sha256sum", "--check", "--quiet", "SHA256SUMS")
	check.Dir = again
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("SHA256SUMS: %v %s", err, out)
	}
	names, err := filepath.Glob(again + "/*.*")
	must(t, err)
	for _, name := range names {
		st, err := os.Stat(name)
		must(t, err)
		t.Logf("%5.1f MB %s", float64(st.Size())/1e6, filepath.Base(name))
	}
}

// machines: each deb holds a static program for the machine that it names.
func machines(t *testing.T, dist string) {
	for arch, want := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		dir := t.TempDir()
		out, err := exec.Command("dpkg-deb", "--extract", dist+"/shipper_1.0.0-1_"+arch+".deb", dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		f, err := elf.Open(dir + "/usr/bin/shipper")
		must(t, err)
		libs, err := f.ImportedLibraries()
		f.Close()
		if f.Machine != want || len(libs) > 0 || err != nil {
			t.Errorf("%s: for %v, libraries %v %v", arch, f.Machine, libs, err)
		}
		for _, name := range []string{"shipper.toml", "nginx.toml", "java.toml", "containers.toml", "alerts.yaml", "grafana.json"} {
			if st, err := os.Stat(dir + "/usr/share/doc/shipper/examples/" + name); err != nil || st.Size() == 0 {
				t.Errorf("%s: example %s: %v", arch, name, err)
			}
		}
	}
}

// debInstall: the user is there, the configuration is for root and the service only, and nothing runs before it was edited.
func debInstall(m *machine, _ *appLog) {
	m.sh("dpkg -i /root/shipper_1.0.0-1_amd64.deb")
	m.fresh()
	if out := m.sh("dpkg --verify shipper"); out != "" {
		m.t.Errorf("dpkg --verify: %s", out)
	}
}

// fresh is what holds after a first install of either package.
func (m *machine) fresh() {
	m.t.Helper()
	m.want("ActiveState=inactive", "UnitFileState=disabled")
	for command, want := range map[string]string{
		"stat -c '%U:%G %a' /etc/shipper":              "root:shipper 750",
		"stat -c '%U:%G %a' /etc/shipper/shipper.toml": "root:shipper 640",
		"stat -c '%U:%G %a' /usr/bin/shipper":          "root:root 755",
		"getent passwd shipper | cut -d: -f6,7":        "/var/lib/shipper:/usr/sbin/nologin",
		"shipper version | cut -d' ' -f2":              "v1.0.0",
		"shipper validate >/dev/null 2>&1; echo $?":    "78",
	} {
		if got := m.sh("%s", command); got != want {
			m.t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	if _, err := m.try("systemctl start shipper"); err == nil {
		m.t.Error("it starts without a configuration")
	}
	m.want("ExecMainStatus=78", "NRestarts=0")
	m.sh("systemctl reset-failed shipper")
}

// manual: the page is well formed and knows every command; the completions are programs of their shells.
func manual(m *machine, _ *appLog) {
	if out, err := m.try("mandoc -T lint -W warning /usr/share/man/man8/shipper.8.gz"); err != nil || out != "" {
		m.t.Errorf("mandoc: %v %s", err, out)
	}
	page := m.sh("zcat /usr/share/man/man8/shipper.8.gz")
	_, list, _ := strings.Cut(m.sh("shipper --help"), "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	commands := regexp.MustCompile(`(?m)^  (\w+) `).FindAllStringSubmatch(list, -1)
	if len(commands) < 5 {
		m.t.Errorf("--help lists %v", commands)
	}
	for _, c := range commands {
		if !strings.Contains(page, ".It Cm "+c[1]+"\n") {
			m.t.Errorf("the manual page does not know %q", c[1])
		}
	}
	if n := strings.Count(page, ".It Cm "); n != len(commands) {
		m.t.Errorf("the manual page has %d commands, the program %d", n, len(commands))
	}
	m.sh("bash -n /usr/share/bash-completion/completions/shipper; test -s /usr/share/zsh/vendor-completions/_shipper; test -s /usr/share/fish/vendor_completions.d/shipper.fish")
}

// configured: the administrator edits the file, and lines flow.
func configured(m *machine, app *appLog) {
	m.configure("")
	m.sh("systemctl enable --now --quiet shipper")
	app.write(500)
	app.delivered()
}

// debUpgrade: the configuration stays as the administrator left it, also when the package has a new one; a running service
// is restarted without a gap or a repeat, a stopped one stays stopped.
func debUpgrade(m *machine, app *appLog) {
	m.sh(`cd /root && dpkg-deb -R shipper_1.1.0-1_amd64.deb new && echo "# new" >>new/etc/shipper/shipper.toml && dpkg-deb -Zgzip -b new new.deb && rm -r new`)
	sum, pid := m.sh("sha256sum /etc/shipper/shipper.toml"), m.unit("MainPID")
	app.write(500)
	m.sh("dpkg -i --force-confdef --force-confold /root/new.deb")
	app.write(500)
	m.want("ActiveState=active", "UnitFileState=enabled")
	if m.unit("MainPID") == pid {
		m.t.Error("the old program still runs")
	}
	if now := m.sh("sha256sum /etc/shipper/shipper.toml"); now != sum {
		m.t.Error("the configuration was changed")
	}
	if v := m.sh("shipper status --json | grep -m1 version"); !strings.Contains(v, "v1.1.0") {
		m.t.Errorf("running: %s", v)
	}
	app.delivered()
	m.sh("systemctl stop shipper; dpkg -i --force-confdef --force-confold /root/shipper_1.0.0-1_amd64.deb")
	m.want("ActiveState=inactive", "UnitFileState=enabled")
	m.sh("systemctl start shipper")
}

// debRefused: a version that does not take the configuration says so and leaves the one that runs alone. It judges as the service's
// user, with the service's variables.
func debRefused(m *machine, app *appLog) {
	m.sh(`sed -i '1i include = ["conf.d/*.toml"]' /etc/shipper/shipper.toml`)
	pid := m.unit("MainPID")
	for _, wrong := range []struct{ made, want string }{
		{`printf '[dead_letter]\ndir = "/data/letters"\n' >/etc/shipper/conf.d/old.toml`, "/etc/shipper/conf.d/old.toml:2:1: error"},
		{`rm /etc/shipper/conf.d/old.toml; chmod 700 /etc/shipper/conf.d`, "conf.d: permission denied"},
	} {
		m.sh("%s", wrong.made)
		said := m.sh("dpkg -i --force-confdef --force-confold /root/shipper_1.1.0-1_amd64.deb 2>&1")
		if !strings.Contains(said, wrong.want) || !strings.Contains(said, "shipper was not restarted") {
			m.t.Errorf("after %s dpkg says:\n%s", wrong.made, said)
		}
		if m.unit("MainPID") != pid {
			m.t.Fatal("it was restarted")
		}
		app.write(100)
		app.delivered()
	}
	m.sh(`chmod 750 /etc/shipper/conf.d; printf '[log]\nlevel = "${APP_LEVEL}"\n' >/etc/shipper/conf.d/level.toml`)
	m.sh(`mkdir -p /etc/systemd/system/shipper.service.d; printf '[Service]\nEnvironment="APP_LEVEL=debug"\n' >/etc/systemd/system/shipper.service.d/level.conf`)
	m.sh("systemctl daemon-reload; systemctl restart shipper")
	pid = m.unit("MainPID")
	if said := m.sh("dpkg -i --force-confdef --force-confold /root/shipper_1.0.0-1_amd64.deb 2>&1"); m.unit("MainPID") == pid {
		m.t.Errorf("it was not restarted:\n%s", said)
	}
	m.sh("rm /etc/shipper/conf.d/level.toml /etc/systemd/system/shipper.service.d/level.conf; systemctl daemon-reload; systemctl restart shipper")
	app.write(100)
	app.delivered()
}

// debPurge: removal stops and keeps what a reinstall needs; purge leaves no file and no user.
func debPurge(m *machine, app *appLog) {
	m.sh("dpkg --remove shipper")
	if _, err := m.try("systemctl is-active shipper"); err == nil {
		m.t.Error("it still runs")
	}
	m.sh("test -e /etc/shipper/shipper.toml -a -e /var/lib/shipper")
	m.sh("dpkg -i /root/shipper_1.0.0-1_amd64.deb; systemctl start shipper")
	app.write(100)
	app.delivered()
	m.sh("dpkg --purge shipper")
	if left := m.sh("find / -xdev -iname '*shipper*' -not -path '/root/*' -not -path '/var/log/*'; getent passwd shipper; getent group shipper; ls /run/shipper 2>/dev/null; true"); left != "" {
		m.t.Errorf("left behind:\n%s", left)
	}
}

// rpmLife does the same with the rpm; Debian's rpm carries out its scripts and ownerships as RHEL's does.
func rpmLife(m *machine, app *appLog) {
	m.sh("rpm --force-debian --nodeps -i /root/shipper-1.0.0-1.x86_64.rpm")
	m.fresh()
	app.m.sh("truncate -s 0 /%s", app.name) // positions went with the purge: begin with an empty file
	configured(m, app)
	sum, pid := m.sh("sha256sum /etc/shipper/shipper.toml"), m.unit("MainPID")
	m.sh("rpm --force-debian --nodeps -U /root/shipper-1.1.0-1.x86_64.rpm")
	m.want("ActiveState=active", "UnitFileState=enabled")
	if m.unit("MainPID") == pid || m.sh("sha256sum /etc/shipper/shipper.toml") != sum {
		m.t.Error("the old program still runs, or the configuration was changed")
	}
	app.write(500)
	app.delivered()
	m.sh("rpm --force-debian -e shipper")
	if _, err := m.try("systemctl is-active shipper"); err == nil {
		m.t.Error("it still runs")
	}
	m.sh("test ! -e /usr/bin/shipper -a ! -e /usr/lib/systemd/system/shipper.service -a -e /etc/shipper/shipper.toml.rpmsave -a -e /var/lib/shipper")
}
