# SPDX-License-Identifier: BSD-2-Clause
"""`portolan test`: every test of the project, and one line that sums them up."""

import difflib
import json
import subprocess
import sys
from dataclasses import dataclass, field

from portolan import bench, conformance, disk, halsuite, mutants, panics, run, sim, status, vmmap
from portolan.machines import FLAVOURS, Boot, build_dir, machines_of
from portolan.pool import run_all

CPU_COUNTS = (1, 2, 4)
# On a machine that is not the board's first: what depends on CPUs, interrupts and memory.
VARIATION_CPUS = 2
VARIATION_PROGRAMS = ("exception", "memory", "message", "preempt", "rpc", "thread", "time")
DIFFERENCE_LINES = 20
SUITES_OF_A_BUILD = ("build",)  # look at objects: run for every ISA
SUITES_OF_A_CHECKED_BUILD = ("checked",)  # the same, with what only the checked build has
SUITES_OF_THE_SOURCE = ("static", "mig", "drivers")  # look at text, or run on the host: run once
SUITES_OF_PROOFS = ("proof",)  # take minutes and both CPUs: run once, while nothing else runs


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    explanations: list = field(default_factory=list)

    def expect(self, good, explanation):
        """Count one check."""
        if good:
            self.passed += 1
        else:
            self.failed += 1
            self.explanations.append(explanation)

    def line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def host_tests(directory, suites, tally, progress):
    """The tests that need no guest, by Meson."""
    command = ["meson", "test", "-C", str(directory), "--no-rebuild", "--num-processes", "2"]
    for suite in suites:
        command += ["--suite", suite]
    process = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True)
    log = directory / "meson-logs" / "testlog.json"
    results = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    before = tally.failed
    for result in results:
        if result["result"] == "SKIP":
            tally.skipped += 1
            continue
        output = result.get("stdout", "") + result.get("stderr", "")
        tally.expect(result["result"] == "OK", f"{result['name']}: {result['result']}\n{output.rstrip()}")
    if process.returncode != 0 and tally.failed == before:
        tally.expect(False, f"meson test in {directory}:\n{process.stdout.rstrip()}")
    progress.say(f"host tests in {directory.name}: {len(results)} run, {tally.failed - before} failed")


def plan(boards, flavours):
    """All boots: conformance on 1, 2 and 4 CPUs in each flavour, then every other machine of each board."""
    matrix = [Boot(machines_of(board)[0], build_dir(board, flavour), cpus, run.CMDLINE)
              for flavour in flavours for cpus in CPU_COUNTS for board in boards]
    cmdline = "conformance=" + ",".join(VARIATION_PROGRAMS)
    variations = [Boot(machine, build_dir(board, flavours[0]), VARIATION_CPUS, cmdline)
                  for board in boards for machine in machines_of(board)[1:]]
    return matrix + variations


def compare(outcomes, tally):
    """Every boot that came to its end must report the same, line by line, about the programs that it ran."""
    ended = [outcome for outcome in outcomes if not outcome.problems]
    reference = ended[0] if ended else None
    for outcome in ended[1:]:
        programs = None if outcome.boot.cmdline == reference.boot.cmdline else VARIATION_PROGRAMS
        expected, actual = reference.console.transcript(programs), outcome.console.transcript()
        lines = list(difflib.unified_diff(expected, actual, reference.boot.title, outcome.boot.title, "", "", 0, ""))
        tally.expect(not lines, f"{outcome.boot.title}: results differ from those of {reference.boot.title}\n"
                     + "\n".join(lines[:DIFFERENCE_LINES]))


def count(outcomes, tally):
    for outcome in outcomes:
        tally.passed += outcome.passed
        tally.failed += outcome.failed
        tally.skipped += outcome.skipped
        tally.explanations += outcome.explain()


def command(options, boards, progress):
    if options.hal:
        return halsuite.command(options, boards, progress)
    tally = Tally()
    flavours = [options.flavour] if options.flavour else list(FLAVOURS)
    for number, board in enumerate(boards):
        suites = SUITES_OF_A_BUILD if number else SUITES_OF_A_BUILD + SUITES_OF_THE_SOURCE
        host_tests(build_dir(board, flavours[0]), suites, tally, progress)
        if "checked" in flavours:
            host_tests(build_dir(board, "checked"), SUITES_OF_A_CHECKED_BUILD, tally, progress)
    simulated = sim.build("asan", options.verbose)
    host_tests(simulated, ("sim",), tally, progress)
    host_tests(build_dir(boards[0], flavours[0]), SUITES_OF_PROOFS, tally, progress)
    rehearsed = mutants.rehearse(options.verbose)
    for what, good in rehearsed:
        tally.expect(good, f"mutants: not noticed: {what}")
    progress.say(f"mutants: {len(rehearsed)} tried")

    boots = plan(boards, flavours)
    if conformance.FLAVOUR in flavours and conformance.BOARD in boards:
        boots += conformance.boots(simulated)
    outcomes = run_all(boots, progress, options.verbose)
    count(outcomes, tally)
    compare(outcomes, tally)
    count(halsuite.run(halsuite.plan(boards, flavours, thorough=False), progress, options.verbose), tally)

    count(disk.check(boards, flavours, tally, progress, options.verbose), tally)
    count(vmmap.check(boards, flavours, tally, progress, options.verbose), tally)
    panics.check(boards, flavours, tally, progress)

    if "release" in flavours:
        bench.check(boards, tally, progress, options.verbose)

    for explanation in tally.explanations:
        print(explanation, file=sys.stderr)
    print(tally.line(), flush=True)
    return status.FAILED if tally.failed else status.OK
