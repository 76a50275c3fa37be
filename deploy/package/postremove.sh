#!/bin/sh
# dpkg --purge leaves nothing: no configuration, no keys, no positions, no user. A mere removal keeps them, as does rpm, so
# that a reinstall goes on where it stopped.
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ "$1" = purge ]; then
	rm -rf /etc/shipper /var/lib/shipper /etc/systemd/system/shipper.service.d
	! getent passwd shipper >/dev/null || userdel shipper
	! getent group shipper >/dev/null || groupdel shipper
fi
exit 0
