#!/bin/sh
# A first install starts nothing: there is no target to ship to yet. An upgrade restarts the service if it runs.
#   deb: configure [version before]      rpm: 1 first install, 2 and more upgrade
set -e
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
	# A service that does not come back is a matter for its own log, not a broken package.
	systemctl try-restart shipper.service || echo "shipper did not start again: journalctl -u shipper" >&2
fi
exit 0
