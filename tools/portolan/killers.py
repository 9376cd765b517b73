# SPDX-License-Identifier: BSD-2-Clause
"""Tests that are run only until they notice something: those that have to kill faults (tools/portolan/mutants.py)."""

import math
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, replace

from portolan import guest, panics
from portolan.console import PANIC

FAILURES = ("not ok ", "Bail out!")
TIME_LIMIT = "time limit"
SLEEP_FACTOR = 20  # a program may wait for the processor that much longer than it uses it


class _Noticed(Exception):
    """Ends a guest at its first failure."""


@dataclass
class Program:
    """A program of the host that prints TAP. Its cost is time of the processor: other load does not count."""

    LEAST = 10  # added to a limit

    name: str
    words: list
    limit: float = 600.0  # seconds of the processor; SLEEP_FACTOR times that in all
    cost: float = 0.0  # of the last run

    def run(self):
        """What failed, "" if nothing did."""
        process = subprocess.Popen(["prlimit", f"--cpu={math.ceil(self.limit)}", *self.words], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace",
                                   start_new_session=True)
        timer = threading.Timer(SLEEP_FACTOR * self.limit, os.kill, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            failed = next((line for line in process.stdout if line.startswith(FAILURES)), "")
            if failed:
                os.kill(process.pid, signal.SIGKILL)
        finally:
            timer.cancel()
            process.stdout.close()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.cost = usage.ru_utime + usage.ru_stime
        if not failed and process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return TIME_LIMIT
        return failed.strip() or (f"status {process.returncode}" if process.returncode else "")


@dataclass
class Guest:
    """A boot in QEMU. Its cost is time of the clock, because a guest that waits for ever uses none of the processor."""

    LEAST = 30

    name: str
    boot: object
    limit: float = 600.0
    cost: float = 0.0

    def run(self):
        """As Program.run()."""
        noticed = []

        def on_line(line):
            if line.startswith((*FAILURES, PANIC)):
                noticed.append(line)
                raise _Noticed

        boot = replace(self.boot, timeout=self.limit, silence=self.limit)
        start = time.monotonic()
        try:
            outcome = guest.run(boot, on_line=on_line)
        except _Noticed:
            return noticed[0]
        finally:
            self.cost = time.monotonic() - start
        return outcome.problems[0] if outcome.problems else boot.end_problem() or ""


@dataclass
class Panic(Guest):
    """A boot that must end in a panic (tools/portolan/panics.py)."""

    def run(self):
        outcome = panics.boot(replace(self.boot, timeout=self.limit, silence=self.limit))
        self.cost = outcome.seconds
        return outcome.problems[0] if outcome.problems else ""


def calibrate(killers, factor):
    """Run each once without a fault: sorted by cost, each with a limit of `factor` times its cost and LEAST more.

    Returns (killers, what failed).
    """
    for killer in killers:
        if failure := killer.run():
            return [], f"{killer.name}: {failure}"
    return [replace(killer, limit=factor * killer.cost + killer.LEAST)
            for killer in sorted(killers, key=lambda killer: killer.cost)], ""


def first(killers):
    """(name of the first that fails, what failed); ("", "") if none does."""
    for killer in killers:
        if failure := killer.run():
            return killer.name, failure
    return "", ""
