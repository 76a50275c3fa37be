#!/bin/sh
# A first install starts nothing: there is no target to ship to yet. An upgrade restarts the service if it runs.
#   deb: configure [version before]      rpm: 1 first install, 2 and more upgrade
set -e

# validate asks the new program what it thinks of the configuration, as the user of the service that runs and with the variables that it
# has. They are read as that user, too: root must not go by what a process says of itself. If that is not allowed nothing is said.
validate() {
	pid=$(systemctl show --property=MainPID --value shipper.service)
	[ "${pid:-0}" != 0 ] || return 0
	ids=$(stat -c '--reuid=%u --regid=%g' "/proc/$pid") || return 0
	rights=
	if grep -q '^CapEff:.*[1-9a-f]' "/proc/$pid/status"; then # 10-read-root-only-logs.conf
		rights="--inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
	fi
	setpriv $ids $rights --init-groups /bin/sh -s "$pid" <<'SCRIPT'
variables=$(tr '\0' '\n' <"/proc/$1/environ") || exit 0
config=$(tr '\0' '\n' <"/proc/$1/cmdline" | sed -n '/^--config$/{n;p;}')
while IFS= read -r pair; do
	case ${pair%%=*} in
	'' | [0-9]* | *[!A-Za-z0-9_]* | UID | EUID | PPID | SHELLOPTS | BASHOPTS) ;;
	*) export "$pair" ;;
	esac
done <<VARIABLES
$variables
VARIABLES
exec /usr/bin/shipper validate --config "${config:-/etc/shipper/shipper.toml}"
SCRIPT
}

case "$1" in
configure) before=$2 ;;
1) before= ;;
[0-9]*) before=some ;;
*) exit 0 ;;
esac
[ -d /run/systemd/system ] && systemctl daemon-reload
if [ -z "$before" ]; then
	cat <<'TEXT'
shipper is installed and not started. Next:
  edit /etc/shipper/shipper.toml
  sudo -u shipper shipper check
  systemctl enable --now shipper
TEXT
elif [ -d /run/systemd/system ]; then
	code=0
	said=$(validate 2>&1) || code=$?
	if [ "$code" = 78 ]; then
		# What runs goes on: a shipper that is stopped and does not start again ships nothing.
		printf '%s\n' "$said" "shipper was not restarted: this version refuses the configuration. The version before goes on until it ends." \
			"Mend what is named above, then: systemctl restart shipper" >&2
	else
		# A service that does not come back is a matter for its own log, not a broken package.
		systemctl try-restart shipper.service || echo "shipper did not start again: journalctl -u shipper" >&2
	fi
fi
exit 0
