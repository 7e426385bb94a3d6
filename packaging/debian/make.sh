#!/usr/bin/env bash
# Makes a Debian package of what `make install` would install: make.sh VERSION OUTPUT_FOLDER.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=$1
output=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

make --no-print-directory install DESTDIR="$root" PREFIX=/usr
install -D -m 0644 packaging/systemd/keyway.service "$root/usr/lib/systemd/system/keyway.service"
install -D -m 0644 packaging/systemd/keyway.socket "$root/usr/lib/systemd/system/keyway.socket"
install -D -m 0640 conf/fleet.yml "$root/etc/keyway/keyway.yml"
install -D -m 0644 LICENSE "$root/usr/share/doc/keyway/copyright"

mkdir -p "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<CONTROL
Package: keyway
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The Keyway project <keyway@example.org>
Depends: libc6 (>= 2.36), libstdc++6, libgcc-s1
Recommends: adduser
Suggests: valkey-server
Section: database
Priority: optional
Description: sharding proxy for Valkey and Redis
 One port in front of many servers, each key on its own server by consistent
 hashing. Reads twemproxy's config files as they are.
CONTROL
echo /etc/keyway/keyway.yml >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
if ! getent passwd keyway >/dev/null; then
    useradd --system --no-create-home --home-dir /var/lib/keyway --shell /usr/sbin/nologin keyway
fi
chgrp keyway /etc/keyway/keyway.yml
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # A Keyway that runs is succeeded by the new program; nobody loses a connection.
    if systemctl is-active --quiet keyway; then systemctl kill --signal=USR2 --kill-whom=main keyway; fi
fi
POSTINST
chmod 0755 "$root/DEBIAN/postinst"
mkdir -p "$output"
dpkg-deb --root-owner-group --build "$root" "$output/keyway_${version}_$(dpkg --print-architecture).deb"
