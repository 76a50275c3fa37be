#!/bin/sh
# Before the files are laid down: the user must exist for root:shipper on the configuration to mean anything.
set -e
getent group shipper >/dev/null || groupadd --system shipper
if ! getent passwd shipper >/dev/null; then
	useradd --system --gid shipper --home-dir /var/lib/shipper --no-create-home \
		--shell /usr/sbin/nologin --comment "shipper log shipper" shipper
	# The groups that the unit gives to the service: what the user sees in `sudo -u shipper shipper check`, the service will see.
	for group in adm systemd-journal; do
		! getent group "$group" >/dev/null || usermod -aG "$group" shipper
	done
fi
