"""Does what a document says: types its commands and compares what they print.

usage: console.py DOCUMENT --port PORT ... [--write]
In the document, a block of the kind `console` has commands, each after `$ `, and what each prints; `...` stands for any
lines. A block of the kind `yaml` that begins with `# NAME` is the file NAME. All is done in one shell, in the current
folder, with HOME there; each PORT that the document names is another, free one here. Numbers but 0, times and widths of
columns are not compared. A command that only looks is asked again until it prints what it should.
Ends with "all right" and status 0; else what differed is printed, with status 1. Whatever wrote its process id into a
file NAME.pid is ended. With --write the document gets what was printed this time, and nothing is compared.
"""
import argparse
import glob
import os
import re
import signal
import socket
import subprocess
import sys
import time

LOOKS = {"cat", "curl", "grep", "redis-cli", "tail"}
LOOKING_SECONDS = 20
ALL_SECONDS = 150
END = "@@ end of command @@"


class Shell:
    def __init__(self):
        environment = dict(os.environ, HOME=os.getcwd(), PS1="", LC_ALL="C.UTF-8")
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=environment)

    def run(self, command):
        self.process.stdin.write(f"{command}\necho; echo '{END}'\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.strip() == END:
                # The empty line ends what the command left without an end.
                if lines and not lines[-1]:
                    lines.pop()
                return lines
            lines.append(line.rstrip("\n"))
        raise SystemExit(f"the shell ended in: {command}\n" + "\n".join(lines))


class Ports:
    def __init__(self, ports):
        self.free = {}
        taken = []
        for port in ports:
            place = socket.socket()
            place.bind(("127.0.0.1", 0))
            taken.append(place)
            self.free[port] = str(place.getsockname()[1])
        for place in taken:
            place.close()

    def here(self, text):
        return self.replace(text, self.free)

    def there(self, text):
        return self.replace(text, {here: there for there, here in self.free.items()})

    @staticmethod
    def replace(text, table):
        return re.sub(r"\b(%s)\b" % "|".join(table), lambda found: table[found[0]], text)


class Command:
    """A command of a block, and what it prints; from `first` to `end` are its lines in the document."""

    def __init__(self, text, number):
        self.text = text
        self.wanted = []
        self.first = number

    @property
    def end(self):
        return self.first + 1 + len(self.wanted)


def steps(lines):
    """What is to be done, in order: commands, and files with their names."""
    kind, block = None, []
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            block.append((number, line))
        elif kind is None:
            kind, block = line[3:], []
        else:
            if kind == "yaml" and block[0][1].startswith("# "):
                yield block[0][1][2:].strip(), "\n".join(line for _, line in block[1:]) + "\n"
            if kind == "console":
                yield from commands(block)
            kind = None


def commands(block):
    command = None
    for number, line in block:
        if not line.startswith("$ "):
            command.wanted.append(line)
            continue
        if command:
            yield command
        command = Command(line[2:], number)
    yield command


def plain(line):
    line = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)?", "<time>", line)
    line = re.sub(r"\d[\d.,:]*", lambda number: "0" if set(number[0]) <= set("0.,:") else "#", line)
    return re.sub(r"[ \u2500-]+", " ", line).strip()


def equal(wanted, got):
    if not wanted:
        return not got
    if wanted[0] == "...":
        return any(equal(wanted[1:], got[skipped:]) for skipped in range(len(got) + 1))
    return bool(got) and plain(wanted[0]) == plain(got[0]) and equal(wanted[1:], got[1:])


def perform(shell, ports, command, writes):
    looks = command.text.split()[0] in LOOKS
    deadline = time.monotonic() + LOOKING_SECONDS
    while True:
        if writes and looks:
            time.sleep(2)
        got = [ports.there(line) for line in shell.run(ports.here(command.text))]
        while got and not got[-1]:
            got.pop()
        if writes or equal(command.wanted, got) or not looks or time.monotonic() > deadline:
            return got
        time.sleep(0.1)


def play(path, ports, writes):
    with open(path) as file:
        lines = file.read().split("\n")
    shell = Shell()
    answers = []
    for step in steps(lines):
        if not isinstance(step, Command):
            name, text = step
            with open(name, "w") as file:
                file.write(ports.here(text))
            continue
        got = perform(shell, ports, step, writes)
        answers.append((step, got))
        if not writes and not equal(step.wanted, got):
            there = "\n".join(["--- the document:"] + step.wanted + ["--- printed:"] + got)
            print(f"{path}:{step.first + 1}: {step.text}\n{there}")
            return False
    if writes:
        for step, got in reversed(answers):
            if "..." not in step.wanted:
                lines[step.first + 1:step.end] = got
        with open(path, "w") as file:
            file.write("\n".join(lines))
    return True


def end_what_was_started():
    for name in glob.glob("*.pid"):
        try:
            os.kill(int(open(name).read()), signal.SIGKILL)
        except (OSError, ValueError):
            # It has ended, or was just about to write.
            continue


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("document")
    parser.add_argument("--port", action="append", default=[])
    parser.add_argument("--write", action="store_true")
    choice = parser.parse_args()
    signal.alarm(ALL_SECONDS)
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"not done within {ALL_SECONDS} s"))
    try:
        is_right = play(choice.document, Ports(choice.port), choice.write)
    finally:
        end_what_was_started()
    if is_right:
        print("all right")
    return 0 if is_right else 1


sys.exit(main())
