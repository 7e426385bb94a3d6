#!/usr/bin/env bash
# One minute that shows what hot_keys does: 99 of 100 reads ask for one key of 100,000, on four servers that Keyway starts
# itself. The pool's mode changes twice while Keyway runs (SIGUSR1), and the load does not notice.
#
#   bench/hotkeys_demo.sh                builds what it needs first
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

swift build -c release --product keyway >&2
swift build -c release --product keyway-bench >&2
programs=$(swift build -c release --show-bin-path)
.ci/setup.sh server >&2

folder=$(mktemp -d)
port=$((20000 + RANDOM % 10000))
stats=$((port + 1))
keyway=
stop() {
    if [ -n "$keyway" ]; then kill "$keyway" 2>/dev/null && wait "$keyway" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap stop EXIT

config() {
    cat >"$folder/keyway.yml" <<YAML
keyway:
  workers: 1
main:
  listen: 127.0.0.1:$port
  hot_keys: $1
  servers: {embedded: 4}
YAML
}

load() {
    "$programs/keyway-bench" -p "$port" --mix get=1 -P 16 -c 50 --distribution 'hot:0.001%:99%' -q "$@"
}

# Requests of each server since the start, from the statistics port.
requests() {
    python3 - "$stats" <<'PYTHON'
import json, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    text = b"".join(iter(lambda: connection.recv(65536), b""))
servers = {k: v for k, v in json.loads(text)["main"].items() if isinstance(v, dict)}
print(*(servers[name]["requests"] for name in sorted(servers)))
PYTHON
}

measure() {
    local before after
    # Keys get hot within a second, and copies are made within another one.
    load --duration 4 --warmup 0s >/dev/null
    read -ra before <<<"$(requests)"
    local rate
    rate=$(load --duration 8 --warmup 0s | awk '/^127/ {print $3; exit}')
    read -ra after <<<"$(requests)"
    local shares=() sum=0 index
    for index in "${!after[@]}"; do sum=$((sum + after[index] - before[index])); done
    for index in "${!after[@]}"; do shares+=("$(((after[index] - before[index]) * 100 / (sum ? sum : 1))) %"); done
    printf '%-22s %12s requests/s   asked of the servers: %9s, of each: %s\n' "$1" "$rate" "$sum" "${shares[*]}"
}

config off
"$programs/keyway" -c "$folder/keyway.yml" -s "$stats" -a 127.0.0.1 2>"$folder/log" >/dev/null &
keyway=$!
for _ in $(seq 100); do grep -q 'listens on' "$folder/log" && break || sleep 0.1; done
load --fill --duration 200ms --warmup 0s >/dev/null

measure 'hot_keys: off'
for mode in cache replicate; do
    config "$mode"
    kill -USR1 "$keyway"
    for _ in $(seq 100); do grep -q "hot_keys: .*-> $mode" "$folder/log" && break || sleep 0.1; done
    measure "hot_keys: $mode"
done
echo
grep 'reload:' "$folder/log"
