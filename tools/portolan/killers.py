# SPDX-License-Identifier: BSD-2-Clause
"""Tests that are run only until they notice something: those that have to kill faults (tools/portolan/mutants.py)."""

import subprocess
import threading
import time
from dataclasses import dataclass, replace

from portolan import guest
from portolan.console import PANIC

FAILURE = "not ok "
TIME_LIMIT = "time limit"


class _Noticed(Exception):
    """Ends a guest at its first failure."""


@dataclass
class Program:
    """A program of the host that prints TAP."""

    name: str
    words: list
    limit: float = 600.0  # seconds

    def run(self):
        """What failed, "" if nothing did."""
        process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True)
        late = threading.Event()

        def stop():
            late.set()
            process.kill()

        timer = threading.Timer(self.limit, stop)
        timer.start()
        try:
            failed = next((line for line in process.stdout if line.startswith(FAILURE)), "")
            if failed:
                process.kill()
            status = process.wait()
        finally:
            timer.cancel()
            process.stdout.close()
        if late.is_set():
            return TIME_LIMIT
        return failed.strip() or (f"status {status}" if status else "")


@dataclass
class Guest:
    """A boot in QEMU."""

    name: str
    boot: object
    limit: float = 600.0

    def run(self):
        """As Program.run()."""
        noticed = []

        def on_line(line):
            if line.startswith((FAILURE, PANIC)):
                noticed.append(line)
                raise _Noticed

        boot = replace(self.boot, timeout=self.limit, silence=min(self.limit, self.boot.silence))
        try:
            outcome = guest.run(boot, on_line=on_line)
        except _Noticed:
            return noticed[0]
        return outcome.problems[0] if outcome.problems else ""


def calibrate(killers, factor, least):
    """Run each once without a fault: sorted by cost, each with a limit of `factor` times its cost and at least `least`.

    Returns (killers, what failed).
    """
    costs = {}
    for killer in killers:
        start = time.monotonic()
        if failure := killer.run():
            return [], f"{killer.name}: {failure}"
        costs[killer.name] = time.monotonic() - start
    return [replace(killer, limit=factor * costs[killer.name] + least)
            for killer in sorted(killers, key=lambda killer: costs[killer.name])], ""


def first(killers):
    """(name of the first that fails, what failed); ("", "") if none does."""
    for killer in killers:
        if failure := killer.run():
            return killer.name, failure
    return "", ""
