# SPDX-License-Identifier: BSD-2-Clause
"""`portolan mutants`: seeds faults into copies of the kernel and counts those that the tests notice.

Each target is a part of the sources with the tests that answer for it:

    sim        kern ipc vm sched, by the suite `sim`
    <isa>      arch/<isa> and the drivers of its board, by tests/hal in QEMU, then by conformance programs

Faults in C are made by tools/portolan/mutate.py and drawn by lot; those in assembly are written down in
tests/mutants/<isa>.toml and all tried.
"""

import json
import random
import shutil
import subprocess
import tomllib
from dataclasses import dataclass

from portolan import builder, halsuite, mutate, status
from portolan.guest import run as run_guest
from portolan.machines import ISAS, MACHINES, ROOT, Boot, default_board

PLACE = ROOT / "build" / "mutants"
KILL_SHARE = 0.9
CPUS = 2
SUITE_SECONDS = 900
PROGRAMS = ("exception", "memory", "message", "preempt", "rpc", "thread", "time")
IGNORED = shutil.ignore_patterns("build", ".git", "__pycache__")
KEPT_OPTIONS = ("-I", "-D", "-std", "--target", "-ffreestanding", "-nostdlibinc")  # what the parser must know
MACHINE_INDEPENDENT = ("kern", "ipc", "vm", "sched")


@dataclass
class Verdict:
    what: str
    killer: str  # empty: it survived


class Target:
    """A copy of the tree, its build, and the tests that are to notice faults in it."""

    def __init__(self, name, verbose):
        self.name, self.verbose = name, verbose
        self.tree = PLACE / name / "tree"
        self.build_place = PLACE / name / "build"

    def prepare(self):
        if self.tree.exists():
            shutil.rmtree(self.tree)
        shutil.copytree(ROOT, self.tree, ignore=IGNORED, symlinks=True)
        if self.build_place.exists():
            shutil.rmtree(self.build_place)
        builder.run(["meson", "setup", str(self.build_place), str(self.tree), *self.setup_options()], self.name,
                    self.verbose)
        self.build()

    def build(self):
        builder.run(["ninja", "-C", str(self.build_place)], self.name, self.verbose)

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

    def faults(self, count, seed):
        """`count` faults by lot, all files with the same chance for each of their faults."""
        every = [fault for name, arguments in sorted(self.sources().items())
                 for fault in mutate.faults_of(self.tree, name, arguments)]
        return random.Random(seed).sample(every, min(count, len(every)))

    def attempt(self, file, changed):
        """Build and test with other contents of one file. Returns who noticed, "" if nobody did, None: no program."""
        path = self.tree / file
        original = path.read_bytes()
        path.write_bytes(changed)
        try:
            self.build()
            return self.killer()
        except status.BuildError:
            return None
        finally:
            path.write_bytes(original)


class SimTarget(Target):
    def setup_options(self):
        return ["--native-file", str(ROOT / "tools/cross/sim.ini"), "-Dsim=asan"]

    def covers(self, name):
        return name.parts[0] in MACHINE_INDEPENDENT

    def killer(self):
        command = ["meson", "test", "-C", str(self.build_place), "--no-rebuild", "--suite", "sim", "--maxfail", "1",
                   "--num-processes", "2"]
        try:
            process = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     text=True, timeout=SUITE_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return "time limit"
        if process.returncode == 0:
            return ""
        log = self.build_place / "meson-logs" / "testlog.json"
        results = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        return next((result["name"] for result in results if result["result"] not in ("OK", "SKIP")), "sim")


class IsaTarget(Target):
    def __init__(self, isa, verbose):
        super().__init__(isa, verbose)
        self.machine = next(machine for machine in MACHINES if machine.board == default_board(isa))

    def setup_options(self):
        return ["--cross-file", str(ROOT / f"tools/cross/{self.name}.ini"), "-Dchecked=true"]

    def covers(self, name):
        return name.parts[:2] == ("arch", self.name) or name.parts[:2] == ("hal", "drivers")

    def killer(self):
        boots = [("tests/hal", halsuite.boot(self.machine, self.build_place, CPUS)),
                 ("tests/conformance", Boot(self.machine, self.build_place, CPUS, "conformance=" + ",".join(PROGRAMS),
                                            timeout=300.0, silence=60.0))]
        for name, boot in boots:
            if not run_guest(boot, lambda program: None, lambda line: None, True).good:
                return name
        return ""

    def written(self):
        """(description, file, contents) of the faults of tests/mutants/<isa>.toml."""
        with open(ROOT / "tests" / "mutants" / f"{self.name}.toml", "rb") as file:
            entries = tomllib.load(file)["fault"]
        for entry in entries:
            text = (self.tree / entry["file"]).read_text(encoding="utf-8")
            if text.count(entry["replace"]) != 1:
                raise ValueError(f"tests/mutants/{self.name}.toml: `{entry['what']}`: "
                                 f"{text.count(entry['replace'])} places in {entry['file']}")
            yield entry["what"], entry["file"], text.replace(entry["replace"], entry["by"]).encode()


def _try_all(target, options, progress):
    """Verdicts of every fault of a target."""
    attempts = list(target.written()) if isinstance(target, IsaTarget) else []
    for fault in target.faults(options.count, options.seed):
        source = (target.tree / fault.file).read_bytes()
        attempts.append((fault.describe(source), fault.file, fault.apply(source)))
    verdicts = []
    for number, (what, file, changed) in enumerate(attempts, start=1):
        killer = target.attempt(file, changed)
        if killer is None:
            progress.say(f"{target.name} {number}/{len(attempts)}: does not build: {what}")
            continue
        verdicts.append(Verdict(what, killer))
        progress.say(f"{target.name} {number}/{len(attempts)}: {'killed by ' + killer if killer else 'SURVIVED'}: {what}")
    return verdicts


def _report(target, verdicts):
    path = PLACE / target.name / "report.txt"
    path.write_text("".join(f"{verdict.killer or 'SURVIVED'}\t{verdict.what}\n" for verdict in verdicts),
                    encoding="utf-8")
    return path


def command(options, boards, progress):
    names = options.target or ["sim", *ISAS]
    verdicts = []
    for name in names:
        target = SimTarget(name, options.verbose) if name == "sim" else IsaTarget(name, options.verbose)
        progress.say(f"{name}: building a copy, and running its tests once without a fault")
        target.prepare()
        if killer := target.killer():
            progress.say(f"{name}: {killer} fails without a fault")
            return status.FAILED
        found = _try_all(target, options, progress)
        progress.say(f"{name}: {sum(bool(v.killer) for v in found)} of {len(found)} killed; {_report(target, found)}")
        verdicts += found
    killed = sum(bool(verdict.killer) for verdict in verdicts)
    print(f"mutants: {len(verdicts)} killed: {killed}", flush=True)
    return status.OK if killed >= KILL_SHARE * len(verdicts) else status.FAILED
