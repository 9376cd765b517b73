# SPDX-License-Identifier: BSD-2-Clause
"""Runs Frama-C with its WP plug-in on one translation unit and reads what it says.

Frama-C ends with status 0 whether or not a goal was proved, and only warns where it replaces a construct by a
hypothesis: both are looked for here.
"""

import csv
import hashlib
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from portolan.machines import ROOT

FRAMA_C = "frama-c"
PROOF = ROOT / "tests" / "proof"
SOURCES = ("kern", "ipc", "vm", "sched", "hal", "arch", "include", "tests")
PROVERS = "cvc5,z3"
IN_MEMORY = "hal_info,hal_contract_model,hal_cpu_self_model,pt_ram"  # pointers might point there: contracts say that they do not
SMOKE_TIMEOUT = 1
PATIENCE = 20  # seconds to wait for one of a prover's CPU time, on a busy machine

# A warning that one of these matches means that something was assumed, not proved.
FORBIDDEN = re.compile(
    r"Cast with incompatible|Stronger|Degenerated|not yet implemented|[Ii]gnoring|implicit-function-declaration|"
    r"Missing assigns|incompatible-types-call|Missing RTE|annot-error|Memory model hypotheses|"
    r"populates|Invalid (?:property|infinite)|volatile access|Missing decreases")
PLAIN = re.compile(r"Missing RTE")  # expected where only lemmas are proved, or a probe

GOAL = re.compile(r"\[wp\] \[(?P<verdict>[^\]]+)\] (?P<kind>Goal|Smoke-test) (?P<name>\w+)(?P<valid> : Valid)?")
NOT_COUNTED = {"precondition", "from clause", "user check"}  # hypotheses, details of `assigns`, and probes

_environment = {}


@dataclass(frozen=True)
class Row:
    """One property: a clause of a contract or a loop, an assertion, or a check against undefined behaviour."""

    function: str
    place: str
    kind: str
    valid: bool
    text: str

    @property
    def key(self):
        return f"{self.place} {self.function} {self.kind} {self.text}"


@dataclass
class Run:
    work: Path
    log: str
    problems: list
    valid: list = field(default_factory=list)  # names of goals
    failed: list = field(default_factory=list)
    smoke_passed: int = 0
    smoke_failed: list = field(default_factory=list)

    def properties(self, functions):
        table = self.work / "properties.csv"
        if not table.exists():  # Frama-C failed, which is a problem of its own
            return
        with open(table, encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                kind, text = line["property kind"], line["property"]
                smoke = kind == "user assertion" and text == "\\false"
                if line["function"] in functions and kind not in NOT_COUNTED and not smoke:
                    place = f"{_relative(line['directory'], line['file'])}:{line['line']}"
                    yield Row(line["function"], place, kind, line["status"] == "Valid", text)

    def unspecified(self):
        """Functions without body and `assigns`."""
        return set(re.findall(r"(?:No code nor implicit assigns clause|Neither code nor specification) for function (\w+)",
                              self.log))

    def annotated(self):
        """The unit as Frama-C understood it."""
        return (self.work / "annotated.c").read_text(encoding="utf-8")

    def calls(self):
        """{function: functions that it calls}"""
        graph = {}
        for line in (self.work / "calls.dot").read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\s*(\w+) -> (\w+)", line):
                graph.setdefault(match.group(1), set()).add(match.group(2))
        return graph


def _relative(directory, name):
    path = (Path(ROOT, directory) / name).resolve()
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name


def configure(build):
    """What all runs have in common."""
    build.mkdir(parents=True, exist_ok=True)
    _environment.update(PATH="/usr/bin:/bin", HOME=str(build), LC_ALL="C.UTF-8")


def _why3_config(work, seconds):
    """Write Why3's configuration, which needs absolute paths and the provers' limit of CPU time."""
    text = (PROOF / "why3" / "why3.conf.in").read_text(encoding="utf-8")
    config = work / "why3.conf"
    config.write_text(text.replace("@DRIVERS@", str(PROOF / "why3")).replace("@SECONDS@", str(seconds)), encoding="utf-8")
    return str(config)


def _cache():
    """What provers proved, by goal: an edit costs only the goals that it changes.

    What they failed to prove is forgotten: they may have had too little time.
    """
    folder = Path(_environment["HOME"]) / "goals"
    folder.mkdir(exist_ok=True)
    for file in folder.glob("*.json"):
        try:
            if '"valid"' not in file.read_text(encoding="utf-8"):
                file.unlink()
        except FileNotFoundError:  # by the run beside this one
            pass
    return folder


def _preprocessor(proof, overlay=None):
    """Arguments of the preprocessor; headers under `overlay` come before those of the tree."""
    arguments = [f"-I{PROOF / 'include'}"]
    for root in filter(None, (overlay, ROOT)):
        arguments += [f"-I{root / folder}" for folder in ("", "include", "hal/include",
                                                           f"arch/{proof.isa}/include", Path(proof.source).parent)]
    arguments += ["-DKERNEL", "-include", str(PROOF / "include" / "prelude.h")]
    return arguments + [f"-D{define}" for define in proof.defines]


def _unit(proof, work, tail, overlay):
    """The file that Frama-C is given: the source, or a line that includes it."""
    source = ROOT / proof.source
    if overlay and (overlay / proof.source).exists():
        source = overlay / proof.source
    if source.suffix == ".c" and not tail:
        return source
    unit = work / "unit.c"
    unit.write_text(f'#include "{source}"\n{tail}', encoding="utf-8")
    return unit


def function_options(proof):
    return [*_common(proof), "-wp-fct", ",".join(proof.functions),
            "-wp-rte", "-warn-unsigned-overflow", "-wp-smoke-tests", "-wp-no-smoke-dead-code", "-wp-no-smoke-dead-call",
            "-wp-smoke-timeout", str(SMOKE_TIMEOUT)]


def lemma_options(proof):
    return [*_common(proof), "-wp-prop", "@lemma,absurd"]


def probe_options(proof):
    return [*_common(proof), "-wp-fct", ",".join(proof.functions), "-wp-prop", "@check"]


def seed_options(proof, seed):
    options = [*_common(proof), "-wp-fct", seed.function, "-wp-rte", "-warn-unsigned-overflow"]
    return options + (["-wp-prop", seed.clause] if seed.clause else [])


def _common(proof):
    options = ["-wp", "-wp-prover", PROVERS, "-wp-par", "2", "-wp-alias-vars", IN_MEMORY]
    return options + (["-wp-split"] if proof.split else [])


def run(proof, work, options, seconds, tail="", overlay=None):
    """Run WP; a prover has `seconds` of CPU time for a goal. Everything it leaves behind is in `work`."""
    work.mkdir(parents=True, exist_ok=True)
    unit = _unit(proof, work, tail, overlay)
    command = [FRAMA_C, "-c11", "-machdep", "gcc_x86_64",
               "-cpp-extra-args=" + shlex.join(_preprocessor(proof, overlay))]
    if proof.inline:
        command += ["-inline-calls", ",".join(proof.inline)]
    command += [str(unit), "-cg", str(work / "calls.dot"), "-cg-no-services", "-print",
                "-ocode", str(work / "annotated.c"), *options, "-wp-timeout", str(seconds * PATIENCE),
                "-wp-session", str(work / "session"),
                "-wp-cache", "update", "-wp-cache-dir", str(_cache()),
                "-then", "-no-print", "-report-csv", str(work / "properties.csv")]
    # Frama-C's preprocessor looks into the current folder before all others
    environment = _environment | {"WHY3CONFIG": _why3_config(work, seconds)}
    process = subprocess.run(command, cwd=overlay or ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace")
    (work / "log").write_text(" ".join(command) + "\n" + process.stdout, encoding="utf-8")
    return _read(Run(work, process.stdout, []), process.returncode, "-wp-rte" in options)


def _read(run_, returncode, guarded):
    """Fill in what the log says."""
    for match in GOAL.finditer(run_.log):
        if match["kind"] == "Goal":
            (run_.valid if match["valid"] else run_.failed).append(match["name"])
        elif match["verdict"] == "Passed":
            run_.smoke_passed += 1
        elif match["name"] not in run_.smoke_failed:  # Frama-C may say it twice
            run_.smoke_failed.append(match["name"])
    text = run_.log if guarded else PLAIN.sub("", run_.log)
    for line in text.splitlines():
        if FORBIDDEN.search(line):
            run_.problems.append(f"Frama-C warns: {line.strip()}")
    scheduled = re.search(r"\[wp\] (\d+) goals? scheduled", run_.log)
    if returncode != 0 or not scheduled:
        run_.problems.append(f"Frama-C ended with status {returncode}; {run_.work / 'log'}")
    elif int(scheduled[1]) != len(run_.valid) + len(run_.failed) + run_.smoke_passed + len(run_.smoke_failed):
        run_.problems.append(f"not all of {scheduled[1]} goals were tried; {run_.work / 'log'}")
    return run_


def fingerprint(proof):
    """Changes when anything changes that the result of `proof` depends on."""
    unit = ROOT / proof.source
    text = subprocess.run(["gcc", "-E", "-C", "-D__FRAMAC__", *_preprocessor(proof), "-x", "c", unit], cwd=ROOT,
                          capture_output=True, text=True, errors="replace").stdout
    digest = hashlib.sha256(text.encode())
    digest.update(repr(proof).encode())
    tools = [ROOT / "tools" / "portolan" / name for name in ("prove.py", "proof_table.py", "wp.py")]
    for path in [*tools, *sorted(PROOF.rglob("*"))]:
        if path.is_file() and path.suffix in (".py", ".smt2", ".in", ".drv", ".h"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
