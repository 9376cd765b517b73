# SPDX-License-Identifier: BSD-2-Clause
"""`portolan test --hal`: boots the HAL conformance suite (tests/hal) on every machine of the boards."""

import re
import sys
from dataclasses import replace

from portolan import status
from portolan.machines import FLAVOURS, Boot, build_dir, machines_of
from portolan.pool import run_all

IMAGE = "tests/hal/hal-test"  # in the build directory; .elf or .img, as the machine loads its kernel
CPU_COUNTS = (1, 2, 4)  # on the first machine of a board
VARIATION_CPUS = 2
CMDLINE = "hal-test"  # the suite looks for it at the end of its command line
REBOOT = "reboot"  # end the machine by a restart instead of switching it off
INPUT = "abcdefghijklmnopqrstuvwxyz" * 400  # what the suite expects on its console; firmware takes some of it

CASE = re.compile(r"# case: (.*)")

# CPUs that lack what others have: other code of the back end runs. (machine, arguments that QEMU gets in addition)
CPU_VARIATIONS = {
    "pc": (("q35", "-cpu", "max,-smap,-smep,-xsave,-pdpe1gb"),),
    "qemu-virt-aarch64": (("virt-gic3", "-cpu", "cortex-a53"),),
    "qemu-virt-riscv64": (("virt-sv48", "-cpu", "rv64,sstc=off"),),
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


def boot(machine, directory, cpus, words="", arguments=()):
    """A boot of the suite instead of the kernel."""
    suffix = machine.kernel.rpartition(".")[2]
    console = ("-chardev", f"pipe,id=console,path={console_files(directory)}", "-serial", "chardev:console",
               "-monitor", "none")
    name = " ".join((machine.name, *arguments))
    machine = replace(machine, name=name, kernel=f"{IMAGE}.{suffix}",
                      arguments=(*machine.arguments, *arguments, *console))
    return Boot(machine, directory, cpus, f"{words} {CMDLINE}".strip(), timeout=300.0, silence=60.0)


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
            boots += [boot(machine, directory, VARIATION_CPUS, "", arguments)
                      for name, *arguments in CPU_VARIATIONS[board] for machine in machines_of(board)
                      if machine.name == name]
    return boots


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
    outcomes = run(plan(boards, flavours, thorough=True), progress, options.verbose)
    for outcome in outcomes:
        for line in outcome.explain():
            print(line, file=sys.stderr)
    print(summary(outcomes), flush=True)
    return status.OK if all(outcome.good for outcome in outcomes) else status.FAILED
