#!/bin/sh
# Before the files are laid down: the user must exist for root:shipper on the configuration to mean anything.
set -e
getent group shipper >/dev/null || groupadd --system shipper
getent passwd shipper >/dev/null || useradd --system --gid shipper --home-dir /var/lib/shipper --no-create-home \
	--shell /usr/sbin/nologin --comment "shipper log shipper" shipper
