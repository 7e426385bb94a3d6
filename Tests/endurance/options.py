"""What the command lines of the judges that make servers fail have in common."""

import argparse


def add_run_options(parser: argparse.ArgumentParser, chapter_s: float, chapter_help: str) -> None:
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="repeats the faults of a run; without it, a new one that is printed")
    parser.add_argument("--chapter", type=int, help="plays this one chapter of the seed alone")
    parser.add_argument("--chapter-seconds", type=float, default=chapter_s, help=f"{chapter_help} (default: %(default)s)")
    parser.add_argument("--server", default="9.1", help="9.1, 8, or the path of a server (default: %(default)s)")
    parser.add_argument("--keyway", help="the program; else KEYWAY_BINARY, else the newest of .build")
