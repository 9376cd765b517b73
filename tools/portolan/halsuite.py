# SPDX-License-Identifier: BSD-2-Clause
"""`portolan test --hal`: boots the HAL conformance suite (tests/hal) on every machine of the boards
and on the simulated machine."""

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from portolan import conformance, sim, status
from portolan.machines import FLAVOURS, Boot, build_dir, machines_of
from portolan.pool import run_all

IMAGE = "tests/hal/hal-test"  # in the build directory; .elf or .img, as the machine loads its kernel
CPU_COUNTS = (1, 2, 4)  # on the first machine of a board
VARIATION_CPUS = 2
CMDLINE = "hal-test"  # the suite looks for it at the end of its command line
REBOOT = "reboot"  # end the machine by a restart instead of switching it off
INPUT = "abcdefghijklmnopqrstuvwxyz" * 400  # what the suite expects on its console; firmware takes some of it

CASE = re.compile(r"# case: (.*)")
SIMULATED = "sim"  # stands for a board: the simulated machine
SIM_SEEDS = (0, 1)  # 0: the machine with all defaults

# How QEMU's monitor says that a boot ended, by the words of its command line.
QMP_HANDSHAKE = '{"execute": "qmp_capabilities"}\n'
QMP_SHUTDOWN = re.compile(r'"event": "SHUTDOWN".*"reason": "([a-z-]+)"')
END_POWER_OFF, END_RESTART = "guest-shutdown", "guest-reset"
SILENT_POWER_OFF = ("riscv64",)  # the power switch of QEMU's `virt` there ends the process and tells no event

# CPUs that lack what others have: other code of the back end runs. (machine, arguments that QEMU gets in addition)
CPU_VARIATIONS = {
    "pc": (("q35", "-cpu", "max,-smap,-smep,-xsave,-pdpe1gb"), ("q35-qemu64", "-cpu", "qemu64,level=4")),
    "qemu-virt-aarch64": (("virt-a72", "-cpu", "cortex-a53"),),
    "qemu-virt-riscv64": (("virt-sv57", "-cpu", "rv64,sstc=off"),),
}


def console_files(directory):
    """Files by which QEMU's pipe device sends INPUT to the guest and the guest's output to its own standard output."""
    base = directory / "hal-console"
    incoming, outgoing = base.with_suffix(".in"), base.with_suffix(".out")
    if not incoming.exists() or incoming.stat().st_size != len(INPUT):
        incoming.write_text(INPUT, encoding="ascii")
    if not outgoing.is_symlink():
        outgoing.symlink_to("/dev/stdout")
    return base


def monitor_files(directory, name):
    """Files by which QEMU's monitor is asked for its events and writes them down."""
    base = directory / f"hal-monitor-{name}"
    base.with_suffix(".in").write_text(QMP_HANDSHAKE, encoding="ascii")
    base.with_suffix(".out").write_text("", encoding="ascii")
    return base


def _words(events):
    return ", ".join(events) or "nothing"


@dataclass(frozen=True)
class SuiteBoot(Boot):
    """A boot of the suite instead of the kernel."""

    monitor: Path = None

    def end_problem(self):
        found = QMP_SHUTDOWN.findall(self.monitor.with_suffix(".out").read_text(encoding="ascii"))
        if REBOOT in self.cmdline.split():
            expected = [END_RESTART]
        else:
            expected = [] if self.machine.isa in SILENT_POWER_OFF else [END_POWER_OFF]
        return None if found == expected else f"ended by {_words(found)}, not by {_words(expected)}"


class SimulatedBoot(conformance.SimBoot):
    """The suite on the simulated machine (tests/hal/sim/main.c)."""

    def command(self):
        program = self.build / "tests" / "hal" / "sim" / "hal-test"
        return [str(program), "--console", str(self.cpus), str(self.seed), self.cmdline]

    def end_problem(self):
        return None  # the program says so on its console


def boot(machine, directory, cpus, words="", arguments=()):
    suffix = machine.kernel.rpartition(".")[2]
    console = ("-chardev", f"pipe,id=console,path={console_files(directory)}", "-serial", "chardev:console",
               "-monitor", "none")
    name = " ".join((machine.name, *arguments))
    monitor = monitor_files(directory, re.sub(r"\W+", "-", f"{name}-{cpus}"))
    console += ("-chardev", f"pipe,id=monitor,path={monitor}", "-mon", "chardev=monitor,mode=control")
    machine = replace(machine, name=name, kernel=f"{IMAGE}.{suffix}",
                      arguments=(*machine.arguments, *arguments, *console))
    return SuiteBoot(machine, directory, cpus, f"{words} {CMDLINE}".strip(), timeout=300.0, silence=60.0,
                     monitor=monitor)


def variations(board, directory):
    """One build on CPUs that lack something."""
    return [boot(machine, directory, VARIATION_CPUS, "", arguments)
            for name, *arguments in CPU_VARIATIONS[board] for machine in machines_of(board) if machine.name == name]


def plan(boards, flavours, thorough):
    """On each machine with 2 CPUs; thorough: also 1 and 4 CPUs, each flavour, and CPUs that lack something."""
    boots = []
    for board in boards:
        first, *others = machines_of(board)
        for flavour in flavours if thorough else flavours[-1:]:
            directory = build_dir(board, flavour)
            boots += [boot(first, directory, cpus, REBOOT if cpus == 1 else "")
                      for cpus in (CPU_COUNTS if thorough else (VARIATION_CPUS,))]
        boots += [boot(machine, directory, VARIATION_CPUS) for machine in others]
        if thorough:
            boots += variations(board, directory)
    return boots


def simulated_plan(directory):
    """Each number of CPUs, on a machine as bad as the contract allows and on another; one restart."""
    return [SimulatedBoot(directory, cpus, seed, f"{REBOOT} {CMDLINE}" if cpus == 1 else CMDLINE)
            for seed in SIM_SEEDS for cpus in CPU_COUNTS]


def last_case(outcome):
    """The case that ran when the console ended."""
    begun = [match.group(1) for match in map(CASE.match, outcome.console.lines) if match]
    return begun[-1] if begun else "none yet"


def run(boots, progress, verbose=False):
    """Outcomes of the boots; one that did not come to its end says in which case."""
    outcomes = run_all(boots, progress, verbose)
    for outcome in outcomes:
        if outcome.problems:
            outcome.problems[0] += f"; in the case `{last_case(outcome)}`"
        elif (problem := outcome.boot.end_problem()):
            outcome.problems.append(problem)
    return outcomes


def summary(outcomes):
    """The last line of `test --hal`."""
    results = [result for outcome in outcomes for program in outcome.console.programs for result in program.results]
    clauses = {result.description for result in results}
    passed, failed, skipped = (sum(getattr(outcome, kind) for outcome in outcomes)
                               for kind in ("passed", "failed", "skipped"))
    return (f"clauses: {len(clauses)} cases: {passed + failed + skipped} passed: {passed} failed: {failed} "
            f"skipped: {skipped}")


def command(options, boards, progress):
    flavours = [options.flavour] if options.flavour else list(FLAVOURS)
    boots = plan(boards, flavours, thorough=True)
    if options.simulated:
        boots += simulated_plan(sim.build("asan", options.verbose))
    outcomes = run(boots, progress, options.verbose)
    for outcome in outcomes:
        for line in outcome.explain():
            print(line, file=sys.stderr)
    print(summary(outcomes), flush=True)
    return status.OK if all(outcome.good for outcome in outcomes) else status.FAILED
