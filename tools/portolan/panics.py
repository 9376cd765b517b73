# SPDX-License-Identifier: BSD-2-Clause
"""Boots that must end in a panic: the report is whole, and says why and where."""

import json
import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from portolan import guest, run
from portolan.console import PANIC, PANIC_END
from portolan.machines import Boot, build_dir, machines_of
from portolan.pool import GUESTS_AT_ONCE

CPUS = 2
NO_ARCHIVE = "no program bootstrap in the boot archive"
NMI = "non-maskable interrupt"
NMI_ISAS = ("x86_64",)  # where QEMU's monitor can raise one
NMI_AFTER = "# program:"  # the kernel is at work
NMI_SECONDS = 10.0
BACKTRACE = "backtrace:"


@dataclass(frozen=True)
class PanicBoot(Boot):
    """A boot that comes to the panic `reason`."""

    reason: str = ""
    monitor: str = ""  # path of a socket for QEMU's monitor; empty: none

    @property
    def title(self):
        return f"{super().title}, panic: {self.reason}"

    def command(self):
        words = super().command()
        if self.reason == NO_ARCHIVE:
            place = words.index("-initrd")
            del words[place:place + 2]
        return words + (["-qmp", f"unix:{self.monitor},server=on,wait=off"] if self.monitor else [])


def of_build(board, directory):
    """The panics that one build is brought to, on the first machine of its board."""
    machine = machines_of(board)[0]
    boots = [PanicBoot(machine, directory, CPUS, reason=NO_ARCHIVE)]
    if machine.isa in NMI_ISAS:
        boots.append(PanicBoot(machine, directory, CPUS, run.CMDLINE, reason=NMI))
    return boots


def _raise_nmi(path):
    """Ask QEMU's monitor: its greeting, the handshake, the command."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(NMI_SECONDS)
        monitor.connect(path)
        with monitor.makefile("rw", encoding="utf-8") as lines:
            lines.readline()
            for command in ("qmp_capabilities", "inject-nmi"):
                lines.write(json.dumps({"execute": command}) + "\n")
                lines.flush()
                lines.readline()


def problems(report, reason):
    """What the lines of a panic's report lack."""
    frames = report[report.index(BACKTRACE) + 1:-1] if BACKTRACE in report else []
    wanted = {f"the reason `{reason}`": report[0].startswith(PANIC) and reason in report[0],
              "the CPU": any(line.startswith("cpu: ") for line in report),
              "a backtrace with names": any("+0x" in line for line in frames),
              "its last line": report[-1] == PANIC_END}
    return [f"the report of the panic lacks {what}" for what, found in wanted.items() if not found]


def boot(panic_boot):
    """Boot. Returns the outcome; only what is wrong with the panic is a problem."""
    with tempfile.TemporaryDirectory(prefix="portolan-") as folder:
        if panic_boot.reason == NMI:
            panic_boot = replace(panic_boot, monitor=str(Path(folder) / "monitor"))
        asked = []

        def on_line(line):
            if panic_boot.monitor and line.startswith(NMI_AFTER) and not asked:
                asked.append(line)
                _raise_nmi(panic_boot.monitor)

        outcome = guest.run(panic_boot, on_line=on_line, wants_tests=False)
    report = outcome.console.panic
    outcome.problems = problems(report, panic_boot.reason) if report else outcome.problems or ["there was no panic"]
    return outcome


def check(boards, flavours, tally, progress):
    """Count a result for each panic of each build."""
    boots = [panic for flavour in flavours for board in boards
             for panic in of_build(board, build_dir(board, flavour))]
    with ThreadPoolExecutor(max_workers=GUESTS_AT_ONCE) as executor:
        for outcome in executor.map(boot, boots):
            tally.expect(not outcome.problems, "\n".join(outcome.explain()))
            progress.say(f"{outcome.boot.title}: {'FAILED' if outcome.problems else 'ok'}, {outcome.seconds:.1f} s")
