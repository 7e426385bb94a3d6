"""The machine's network, in a namespace of this run's own: packets that are lost, and a link that is down for a moment.

Both need root; packet loss also needs the kernel's netem. What cannot be done here is said, and left out. Clients are
in the same namespace: for them too, packets are late.
"""

import ctypes
import os
import subprocess

_NEW_NETWORK = 0x40000000


def _does(*words: str) -> bool:
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def enter() -> tuple[list[str], str]:
    """Moves this process, and all that it starts from now on, into a network of their own.

    Returns: the kinds of faults that can be inflicted, and why others cannot.
    """
    if os.geteuid() != 0:
        return [], "no faults of the network: they need root"
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK) != 0:
        return [], f"no faults of the network: {os.strerror(ctypes.get_errno())}"
    if not _does("ip", "link", "set", "lo", "up"):
        raise SystemExit("endurance: a new network has no `lo` that comes up: is there an `ip` program?")
    if lose(1.0):
        keep()
        return ["outage", "loss"], ""
    return ["outage"], "no lost packets: tc or the kernel's netem is missing"


def lose(percent: float) -> bool:
    return _does("tc", "qdisc", "replace", "dev", "lo", "root", "netem", "loss", f"{percent:.1f}%")


def keep() -> None:
    """No packet is lost any more."""
    _does("tc", "qdisc", "del", "dev", "lo", "root")


def set_link(is_up: bool) -> None:
    _does("ip", "link", "set", "lo", "up" if is_up else "down")
