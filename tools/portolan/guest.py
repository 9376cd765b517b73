# SPDX-License-Identifier: BSD-2-Clause
"""Runs one guest in QEMU, under a time limit, and judges what it said."""

import os
import selectors
import shlex
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

from portolan.console import Console, outcome
from portolan.status import MissingError

CONSOLE_BYTES_MAX = 4 << 20  # a guest that prints for ever is stopped here
LAST_LINES = 25
EXIT_SECONDS = 5.0  # from the end of its output to its own end: QEMU is not disturbed at that
POLL_SECONDS = 0.5

interrupted = threading.Event()  # set: every guest is stopped


@dataclass
class Outcome:
    """One finished boot."""

    boot: object
    console: Console
    seconds: float
    problems: list = field(default_factory=list)  # empty: booted, ended, every test passed

    @property
    def booted(self):
        return self.console.halted or bool(self.console.programs)

    @property
    def passed(self):
        return self.console.count("passed")

    @property
    def failed(self):
        """Failed tests; a boot that is wrong as a whole counts as one more."""
        return self.console.count("failed") + len(self.problems)

    @property
    def skipped(self):
        return self.console.count("skipped")

    @property
    def good(self):
        return self.failed == 0

    def counts(self):
        return {"booted": self.booted, "passed": self.passed, "failed": self.failed, "skipped": self.skipped}

    def explain(self):
        """Lines for a person: what failed, and how the console ended."""
        lines = [f"{self.boot.title}: {problem}" for problem in self.problems]
        for program in self.console.programs:
            lines += [f"{self.boot.title}: {program.name}: {result}" for result in program.results
                      if outcome(result) == "failed"]
        if self.console.panic:
            lines += ["  the kernel said:"] + ["  | " + line for line in self.console.panic]
        elif not self.console.halted:
            lines += ["  the console ended:"] + ["  | " + line for line in self.console.lines[-LAST_LINES:]]
        if not self.good:
            lines += ["  boot it again: " + shlex.join(self.boot.command())]
        return lines


def _stop(process):
    """End QEMU and whatever it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for_output(selector, boot, end):
    """Return once there is output; raise TimeoutError at the time `end`, after silence, or on interruption."""
    silent = time.monotonic() + boot.silence
    while not interrupted.is_set():
        now = time.monotonic()
        if selector.select(timeout=max(0.0, min(end - now, silent - now, POLL_SECONDS))):
            return
        if now >= end:
            raise TimeoutError(f"did not end within {boot.timeout:.0f} s and was stopped")
        if now >= silent:
            raise TimeoutError(f"printed nothing for {boot.silence:.0f} s and was stopped")
    raise TimeoutError("was interrupted")


def _read_lines(process, boot):
    """Yield console lines until the guest ends; raise TimeoutError as above, or after too much output."""
    pending, total = b"", 0
    end = time.monotonic() + boot.timeout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            try:
                _wait_for_output(selector, boot, end)
            except TimeoutError:
                if pending:
                    yield pending.decode(errors="replace")
                raise
            data = os.read(process.stdout.fileno(), 65536)
            total += len(data)
            if total > CONSOLE_BYTES_MAX:
                raise TimeoutError(f"printed more than {CONSOLE_BYTES_MAX >> 20} MiB and was stopped")
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
            if not data:
                if pending:
                    yield pending.decode(errors="replace")
                return


def _judge(console, boot, wants_tests):
    """What is wrong with a boot as a whole."""
    problems = []
    if console.panic:
        problems.append(console.panic[0])
    elif not console.halted:
        problems.append("did not end with its last line")
    if console.cpus not in (None, boot.cpus):
        problems.append(f"found {console.cpus} of {boot.cpus} CPUs")
    if None not in (boot.levels, console.levels) and console.levels != boot.levels:
        problems.append(f"page tables have {console.levels} levels, not {boot.levels}")
    problems += console.complaints
    problems += [f"{program.name}: {program.problem()}" for program in console.programs if program.problem()]
    if wants_tests and console.halted and not console.programs:
        problems.append("ran no test program")
    return problems


def run(boot, on_program=None, on_line=None, wants_tests=True):
    """Boot `boot`; call on_program(program) as each test program ends. Returns an Outcome."""
    console = Console()
    start = time.monotonic()
    try:
        process = subprocess.Popen(boot.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
    except FileNotFoundError as error:
        raise MissingError(error.filename) from error
    stopped = None
    try:
        for line in _read_lines(process, boot):
            program = console.feed(line)
            if on_line:
                on_line(console.lines[-1])
            if program and on_program:
                on_program(program)
        process.wait(timeout=EXIT_SECONDS)
    except TimeoutError as error:
        stopped = str(error)
    except subprocess.TimeoutExpired:
        stopped = f"did not end within {EXIT_SECONDS:.0f} s of its last output and was stopped"
    finally:
        _stop(process)
        process.stdout.close()
    problems = [stopped] if stopped else _judge(console, boot, wants_tests)
    return Outcome(boot, console, time.monotonic() - start, problems)
