# SPDX-License-Identifier: BSD-2-Clause
"""`portolan mutants`: seeds faults into copies of the kernel and counts those that the tests notice.

Each target (tools/portolan/mutant_target.py) is a part of the sources with the tests that answer for it:

    sim        kern ipc vm sched, by the suite `sim`
    <isa>      arch/<isa> and hal, by tests/drivers, then in QEMU by tests/hal and the conformance programs

Faults in C are made by tools/portolan/mutate.py and drawn by lot; those in assembly are written down in
tests/mutants/<isa>.toml and all tried. One that nobody notices needs a reason (tests/mutants/survivors.toml).

build/mutants/TARGET/journal keeps what was found: an interrupted run goes on from there, unless the tree is another.
"""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from portolan import guest, mutant_target, status
from portolan.machines import ISAS, ROOT

KILL_SHARE = 0.9
TARGETS = ("sim", *ISAS)
TARGETS_AT_ONCE = 2
COUNTS = {"sim": 80}
COUNT = 25  # of the others
IGNORED = {"build", ".git", "__pycache__"}
REHEARSED = 5
REHEARSAL_SEED = 1


@dataclass(frozen=True)
class Verdict:
    what: str
    built: bool
    killer: str = ""  # empty: it survived
    failure: str = ""
    reason: str = ""  # why it may survive

    def line(self):
        if not self.built:
            return f"does not build: {self.what}"
        if self.killer:
            return f"killed by {self.killer} ({self.failure}): {self.what}"
        return f"survived ({self.reason or 'NO REASON GIVEN'}): {self.what}"


def _digest():
    """Of everything that a verdict depends on."""
    digest = hashlib.sha256()
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT)
        if not IGNORED & set(relative.parts) and path.is_file():
            digest.update(str(relative).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class _Journal:
    """The verdicts of one target, in a file."""

    def __init__(self, name, digest):
        self.path = mutant_target.PLACE / name / "journal"
        self.report = self.path.with_name("report.txt")
        self.verdicts = {}
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        if lines[:1] == [digest]:
            found = [Verdict(**json.loads(line)) for line in lines[1:]]
            self.verdicts = {verdict.what: verdict for verdict in found}
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(digest + "\n", encoding="utf-8")

    def add(self, verdict):
        self.verdicts[verdict.what] = verdict
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")

    def finish(self, verdicts):
        self.report.write_text("".join(verdict.line() + "\n" for verdict in verdicts), encoding="utf-8")
        self.path.unlink()


def _try_all(target, attempts, journal, progress):
    """Verdicts of the attempts, in their order."""
    verdicts = []
    for number, attempt in enumerate(attempts, start=1):
        if guest.interrupted.is_set():
            raise KeyboardInterrupt
        verdict = journal.verdicts.get(attempt.what)
        if verdict is None:
            result = target.attempt(attempt)
            if guest.interrupted.is_set():
                raise KeyboardInterrupt
            verdict = Verdict(attempt.what, result is not None, *(result or ("", "")), attempt.reason)
            journal.add(verdict)
        verdicts.append(verdict)
        progress.say(f"{target.name} {number}/{len(attempts)}: {verdict.line()}")
    return verdicts


def _examine(name, options, digest, progress):
    """(journal, verdicts) of one target; no verdicts: its tests fail without a fault."""
    target = mutant_target.target(name, options.verbose)
    journal = _Journal(name, digest)
    progress.say(f"{name}: building a copy, and running its tests once without a fault")
    if failure := target.prepare():
        progress.say(f"{name}: fails without a fault: {failure}")
        return journal, []
    count = options.count if options.count is not None else COUNTS.get(name, COUNT)
    return journal, _try_all(target, list(target.attempts(count, options.seed)), journal, progress)


def judge(verdicts, progress):
    """Prints the sums. Were enough killed, and has every survivor its reason?"""
    built = [verdict for verdict in verdicts if verdict.built]
    killed = [verdict for verdict in built if verdict.killer]
    for verdict in killed:
        if verdict.reason:
            progress.say(f"was killed, and should not be called a survivor any more: {verdict.what}")
    unexplained = [verdict for verdict in built if not verdict.killer and not verdict.reason]
    for verdict in unexplained:
        print(verdict.line())
    print(f"mutants: {len(built)} killed: {len(killed)}", flush=True)
    return len(killed) >= KILL_SHARE * len(built) and not unexplained


def command(options, boards, progress):
    del boards
    names = options.target or list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        print(f"portolan: no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
        return status.USAGE
    digest = _digest()
    with ThreadPoolExecutor(max_workers=TARGETS_AT_ONCE) as executor:
        try:
            results = list(executor.map(lambda name: _examine(name, options, digest, progress), names))
        except BaseException:
            guest.interrupted.set()
            raise
    for journal, verdicts in results:
        journal.finish(verdicts)
    good = judge([verdict for _, verdicts in results for verdict in verdicts], progress)
    return status.OK if good and all(verdicts for _, verdicts in results) else status.FAILED


def rehearse(verbose):
    """A few faults that must all be noticed, for `portolan test`. Returns (verdict or failure, good) for each step."""
    target = mutant_target.Rehearsal("rehearsal", verbose)
    if failure := target.prepare():
        return [(f"without a fault: {failure}", False)]
    results = []
    for attempt in target.attempts(REHEARSED, REHEARSAL_SEED):
        result = target.attempt(attempt)
        results.append((f"{attempt.what}: {result}", bool(result and result[0])))
    return results
