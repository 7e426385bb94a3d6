#!/usr/bin/env bash
# Installs the manual page and the completions of three shells: manual.sh PROGRAM PREFIX.
# All of it is what the program says of itself, so nothing can be out of date.
set -euo pipefail

program=$1
prefix=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# roff takes a dot or a quote at the start of a line, and every backslash, for its own.
escaped() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"; }

{
    printf '.TH KEYWAY 1\n.SH NAME\nkeyway \\- sharding proxy for Valkey and Redis\n.SH SYNOPSIS\n.nf\n'
    "$program" --help | sed -n '/^USAGE:/,/^$/p' | sed -e 's/^USAGE: //' -e 's/^       //' | escaped
    printf '.fi\n.SH DESCRIPTION\n.nf\n'
    "$program" --help | sed '1,/^$/d' | sed '/^USAGE:/,/^$/d' | escaped
    for command in check explain plan reload route stats top; do
        printf '.SS keyway %s\n' "$command"
        "$program" "$command" --help | escaped
    done
    printf '.fi\n.SH FILES\n/etc/keyway/keyway.yml, where a package installed it.\n'
} >"$folder/keyway.1"
install -D -m 0644 "$folder/keyway.1" "$prefix/share/man/man1/keyway.1"

for shell in bash zsh fish; do "$program" --generate-completion-script "$shell" >"$folder/$shell"; done
install -D -m 0644 "$folder/bash" "$prefix/share/bash-completion/completions/keyway"
install -D -m 0644 "$folder/zsh" "$prefix/share/zsh/site-functions/_keyway"
install -D -m 0644 "$folder/fish" "$prefix/share/fish/vendor_completions.d/keyway.fish"
