# SPDX-License-Identifier: BSD-2-Clause
"""Configures and builds with Meson and Ninja."""

import re
import subprocess
import sys

from portolan.machines import BOARDS, ROOT, build_dir
from portolan.status import BuildError

PROGRESS = re.compile(r"\[\d+/\d+\] ")
ERROR_LINES = 60  # how much of a failed build is shown
COMMAND_CHARACTERS = 400  # a longer line is the command line of a compiler: left out


def run(command, title, verbose):
    """Run a build command; show Ninja's step counter on a terminal, everything if verbose."""
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    live = sys.stderr.isatty() and not verbose
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if verbose:
            print(line, end="", file=sys.stderr)
        elif live and PROGRESS.match(line):
            print(f"\r\033[Kbuilding {title} {line.strip()[:60]}", end="", file=sys.stderr, flush=True)
    if live:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if process.wait() != 0:
        shown = [line for line in lines if len(line) < COMMAND_CHARACTERS]
        raise BuildError(f"{' '.join(map(str, command))}\n" + "\n".join(shown[-ERROR_LINES:]))
    return lines


def configure(board, flavour, verbose=False):
    """Make the build directory unless it is there; Ninja itself notices changes of meson.build."""
    directory = build_dir(board, flavour)
    if (directory / "build.ninja").exists():
        return directory
    command = ["meson", "setup", str(directory), "--cross-file", f"tools/cross/{BOARDS[board]}.ini"]
    command += [f"-Dboard={board}", f"-Dchecked={'true' if flavour == 'checked' else 'false'}"]
    if directory.exists():
        command.append("--wipe")
    run(command, directory.name, verbose)
    return directory


def build(board, flavour, verbose=False):
    """Bring one build up to date. Raises BuildError."""
    directory = configure(board, flavour, verbose)
    print(f"building {directory.relative_to(ROOT)}", file=sys.stderr)
    run(["ninja", "-C", str(directory)], directory.name, verbose)
    return directory
