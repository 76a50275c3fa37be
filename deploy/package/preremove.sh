#!/bin/sh
# Before removal, not before an upgrade.   deb: remove      rpm: 0 removal, 1 upgrade
set -e
case "$1" in
remove | 0) [ ! -d /run/systemd/system ] || systemctl disable --now --quiet shipper.service ;;
esac
exit 0
