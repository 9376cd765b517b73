# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the sources that `portolan mutants` puts faults into, each with the tests that answer for it."""

import json
import shutil
from dataclasses import dataclass

from portolan import builder, halsuite, killers, mutant_table, mutate, panics, run, sim, status
from portolan.machines import ROOT, Boot, default_board, machines_of

PLACE = ROOT / "build" / "mutants"
CPUS = 2
LIMIT_FACTOR = 6  # of a test's cost without a fault
IGNORED = shutil.ignore_patterns("build", ".git", "__pycache__")
KEPT_OPTIONS = ("-I", "-D", "-std", "--target", "-ffreestanding", "-nostdlibinc")  # what the parser must know
MACHINE_INDEPENDENT = ("kern", "ipc", "vm", "sched")
HOST_TESTS = ("acpi_test", "fdt_test", "map_test", "range_test", "tree_test")  # tests/drivers
TESTS_OF_TESTS = ("model_test", "rv64_test")  # of the suite `sim`: no code of the kernel runs in them


@dataclass(frozen=True)
class Attempt:
    """A fault to be tried."""

    what: str  # names it, the same in every run on the same sources
    file: str
    contents: bytes
    reason: str = ""  # why it may survive


class Target:
    """A copy of the tree, its build, and the tests that are to notice faults in it."""

    goals = ()  # what is built; empty: everything

    def __init__(self, name, verbose):
        self.name, self.verbose = name, verbose
        self.tree = PLACE / name / "tree"
        self.build_place = PLACE / name / "build"
        self.killers = []

    def prepare(self):
        """Build the copy and try its tests on it. Returns what fails without a fault, "" if nothing does."""
        for folder in (self.tree, self.build_place):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT, self.tree, ignore=IGNORED, symlinks=True)
        builder.run(["meson", "setup", str(self.build_place), str(self.tree), *self.setup_options()], self.name,
                    self.verbose)
        self.build()
        self.killers, failure = killers.calibrate(self.tests(), LIMIT_FACTOR)
        return failure

    def build(self):
        builder.run(["ninja", "-C", str(self.build_place), *self.goals], self.name, self.verbose)

    def sources(self):
        """{file: compiler's arguments} of the C files that are to be changed."""
        commands = json.loads((self.build_place / "compile_commands.json").read_text(encoding="utf-8"))
        found = {}
        for entry in commands:
            path = (self.build_place / entry["file"]).resolve()
            if self.tree not in path.parents or path.suffix != ".c":
                continue
            name = path.relative_to(self.tree)
            if self.covers(name):
                words = entry["command"].split()[1:]
                found[name] = [self._absolute(word) for word in words if word.startswith(KEPT_OPTIONS)]
        return found

    def _absolute(self, word):
        return "-I" + str((self.build_place / word[2:]).resolve()) if word.startswith("-I") else word

    def attempts(self, count, seed):
        """`count` faults by lot: each that can be made in the sources has the same chance."""
        every = [fault for name, arguments in sorted(self.sources().items())
                 for fault in mutate.faults_of(self.tree, name, arguments)]
        explanations = mutant_table.survivors(ROOT)
        for fault in mutate.draw(every, count, seed):
            reason = next((entry.reason for entry in explanations if entry.explains(fault)), "")
            contents = fault.apply((self.tree / fault.file).read_bytes())
            yield Attempt(fault.describe(), fault.file, contents, reason)

    def attempt(self, attempt):
        """Build and test with a fault. Returns as killers.first(), or None: it does not build."""
        path = self.tree / attempt.file
        original = path.read_bytes()
        path.write_bytes(attempt.contents)
        try:
            self.build()
            return killers.first(self.killers)
        except status.BuildError as error:
            if "interrupted by user" in str(error):
                raise KeyboardInterrupt from error
            return None
        finally:
            path.write_bytes(original)


class SimTarget(Target):
    """kern ipc vm sched, by the suite `sim`: for programs with seeds, first one seed."""

    def setup_options(self):
        return ["--native-file", str(ROOT / "tools/cross/sim.ini"), "-Dsim=asan"]

    def covers(self, name):
        return name.parts[0] in MACHINE_INDEPENDENT

    def tests(self):
        found = []
        for name, words in sim.programs(self.build_place).items():
            if name in TESTS_OF_TESTS:
                continue
            if name in sim.SEEDED:
                found.append(killers.Program(f"{name}, one seed", [words[0], "--seeds", "1..1"]))
            found.append(killers.Program(name, words))
        return found


class Rehearsal(SimTarget):
    """A file whose tests take a moment: shows that faults are made, built and noticed."""

    goals = ("tests/sim/unit_kernel",)

    def covers(self, name):
        return str(name) == "kern/printf.c"

    def tests(self):
        return [killers.Program("unit_kernel", [str(self.build_place / self.goals[0])])]


class IsaTarget(Target):
    """arch/<isa> and hal: tests/drivers, tests/hal on each machine of the board, conformance programs on the first."""

    def __init__(self, isa, verbose):
        super().__init__(isa, verbose)
        self.board = default_board(isa)

    def setup_options(self):
        return ["--cross-file", str(ROOT / f"tools/cross/{self.name}.ini"), "-Dchecked=true"]

    def covers(self, name):
        return name.parts[:2] == ("arch", self.name) or name.parts[0] == "hal"

    def tests(self):
        place = self.build_place
        first, *others = machines_of(self.board)
        boots = [halsuite.boot(first, place, CPUS), halsuite.boot(first, place, 1, halsuite.REBOOT)]
        boots += [halsuite.boot(machine, place, CPUS) for machine in others] + halsuite.variations(self.board, place)
        return [killers.Program(f"tests/drivers/{name}", [str(place / "tests" / "drivers" / name)])
                for name in HOST_TESTS] + [
            killers.Guest(f"tests/hal on {boot.machine.name}, {boot.cpus} CPU", boot) for boot in boots] + [
            killers.Panic(f"panic: {boot.reason}", boot) for boot in panics.of_build(self.board, place)] + [
            killers.Guest("tests/conformance", Boot(first, place, CPUS, run.CMDLINE))]

    def attempts(self, count, seed):
        """Also all written faults."""
        for fault in mutant_table.written(ROOT, self.name):
            text = (self.tree / fault.file).read_text(encoding="utf-8")
            yield Attempt(f"{fault.file}: {fault.what}", fault.file, text.replace(fault.replace, fault.by).encode(),
                          fault.survives)
        yield from super().attempts(count, seed)


def target(name, verbose):
    return SimTarget(name, verbose) if name == "sim" else IsaTarget(name, verbose)
