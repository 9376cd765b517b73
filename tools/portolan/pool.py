# SPDX-License-Identifier: BSD-2-Clause
"""Runs guests side by side and prints one line as each makes progress."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from portolan import guest

GUESTS_AT_ONCE = 2


class Progress:
    """Progress lines on standard error, with the time since the start."""

    def __init__(self):
        self._start = time.monotonic()
        self._lock = threading.Lock()

    def say(self, text):
        with self._lock:
            print(f"[{time.monotonic() - self._start:6.1f} s] {text}", file=sys.stderr, flush=True)


def run_all(boots, progress, verbose=False, programs=False, wants_tests=True):
    """Run every boot, GUESTS_AT_ONCE at a time. Returns the outcomes in the order of `boots`.

    programs: one line for each test program; else only one for each boot.
    verbose: everything that the guests print.
    """
    def one(boot):
        def on_program(program):
            if programs:
                state = "ok" if not program.problem() and not program.count("failed") else "FAILED"
                progress.say(f"{boot.machine.isa:8} {program.name}: {program.count('passed')} passed, {state}")

        def on_line(line):
            if verbose:
                progress.say(f"{boot.machine.isa:8} | {line}")

        outcome = guest.run(boot, on_program, on_line, wants_tests)
        state = "ok" if outcome.good else "FAILED"
        progress.say(f"{boot.title}: {state}, {outcome.passed} passed, {outcome.seconds:.1f} s")
        return outcome

    with ThreadPoolExecutor(max_workers=GUESTS_AT_ONCE) as executor:
        try:
            return list(executor.map(one, boots))
        except BaseException:
            guest.interrupted.set()
            raise
