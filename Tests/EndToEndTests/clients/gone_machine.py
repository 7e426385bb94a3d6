"""A server's machine goes away without a word while a client waits for a list's element, as when its power fails.

usage: gone_machine.py KEYWAY SERVER
The machine is a network namespace, reached from another one in which Keyway and the client are. The end of the namespace
tells nobody; another machine with the same address comes up, which knows nothing of the connection.
Ends with "all right" and status 0; with status 2 when this machine cannot make such networks.
"""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time

NEW_NETWORK = 0x40000000
KEYWAY, SERVER = sys.argv[1:]
started = []


def start(*words):
    started.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
    return started[-1]


def does(*words):
    return subprocess.run(words, capture_output=True).returncode == 0


def machine():
    """Returns what must be ended for it to be gone."""
    holder = start("unshare", "-n", "sleep", "300")
    there = ["nsenter", "-t", str(holder.pid), "-n"]
    while os.readlink(f"/proc/{holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        time.sleep(0.01)
    done = does("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(holder.pid)) and \
        does("ip", "addr", "add", "10.99.0.1/24", "dev", "near") and does("ip", "link", "set", "near", "up") and \
        does(*there, "ip", "addr", "add", "10.99.0.2/24", "dev", "far") and does(*there, "ip", "link", "set", "far", "up")
    if not done:
        raise OSError("no second network")
    server = start(*there, SERVER, "--port", "7001", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "")
    return [server, holder]


def ask(client, request, seconds):
    client.settimeout(seconds)
    client.sendall(request)
    return client.recv(1000)


def wait_for_it():
    with open("keyway.yml", "w") as file:
        file.write("p:\n  listen: 127.0.0.1:22121\n  servers:\n    - 10.99.0.2:7001:1 a\n")
    start(KEYWAY, "-c", "keyway.yml")
    for _ in range(200):
        try:
            client = socket.create_connection(("127.0.0.1", 22121))
            if ask(client, b"SET k v\r\n", 5) == b"+OK\r\n":
                return client
            client.close()
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("Keyway does not serve")


def main():
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(NEW_NETWORK) != 0 or not does("ip", "link", "set", "lo", "up"):
        raise OSError("no network of its own")
    parts = machine()
    waiter = wait_for_it()
    waiter.sendall(b"BLPOP list 0\r\n")
    other = socket.create_connection(("127.0.0.1", 22121))
    while b"cmd=blpop" not in ask(other, b"CLIENT LIST\r\n", 5):
        time.sleep(0.05)
    # What is not acknowledged would be sent again, and the answer would tell.
    time.sleep(0.5)
    does("ip", "link", "delete", "near")
    for part in parts:
        part.kill()
        part.wait()
    machine()
    waiter.settimeout(90)
    reply = waiter.recv(1000)
    assert reply.startswith(b"-CONNLOST shard a "), reply
    print("all right")


signal.signal(signal.SIGALRM, lambda *_: sys.exit("not done within 120 s"))
signal.alarm(120)
try:
    main()
except OSError as error:
    print(error)
    sys.exit(2)
finally:
    for part in started:
        part.kill()
