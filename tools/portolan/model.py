# SPDX-License-Identifier: BSD-2-Clause
"""`portolan model`: explores models of the kernel's protocols exhaustively with Spin (tests/model/README.md).

The comment at the top of a model says how it is run, one line for each:

    run NAME: -DA=1 ...          a configuration that must be free of errors
    bug N (NAME): what it is     that configuration with -DBUG=N must have one
"""

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from portolan import status
from portolan.machines import ROOT

MODELS = ROOT / "tests" / "model"
BUILD = ROOT / "build" / "model"
AT_ONCE = 2
MEMORY_MIB = 1800  # of one verifier
SECONDS_MAX = 150  # of one verifier, many times what any needs
DEPTH_MAX = 2_000_000  # steps of one execution
TOOLS = ("spin", "clang-19")

_RUN = re.compile(r"^ \* +run (\w+):(.*)$", re.MULTILINE)
_BUG = re.compile(r"^ \* +bug (\d+) \((\w+)\): (.+)$", re.MULTILINE)
_STATES = re.compile(r"(\d+) states, stored")
_ERRORS = re.compile(r"errors: (\d+)")
_CUT = re.compile(r"max search depth too small|out of memory|Search not completed|reached -DMEMLIM", re.IGNORECASE)


@dataclass
class Task:
    """One verification: a model in one configuration, without a seeded bug (0) or with one."""

    model: str
    run: str
    options: list
    bug: int = 0
    about: str = ""
    states: int = 0
    errors: int = 0
    problem: str = ""  # why there is no verdict

    @property
    def title(self):
        return f"{self.model}.{self.run}" + (f" with bug {self.bug}" if self.bug else "")

    @property
    def good(self):
        return not self.problem and (self.errors > 0) == (self.bug > 0)


def names():
    """The models there are."""
    return sorted(path.stem for path in MODELS.glob("*.pml"))


def tasks_of(model):
    """The verifications that a model's comment asks for."""
    text = (MODELS / f"{model}.pml").read_text(encoding="utf-8")
    runs = {name: options.split() for name, options in _RUN.findall(text)}
    yield from (Task(model, name, options) for name, options in runs.items())
    for bug, run, about in _BUG.findall(text):
        yield Task(model, run, [*runs[run], f"-DBUG={bug}"], int(bug), about)


def _call(arguments, work):
    return subprocess.run(arguments, cwd=work, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)


def _build(task, work):
    """Make the verifier. Returns what went wrong, or an empty string."""
    source = MODELS / f"{task.model}.pml"
    result = _call(["spin", *task.options, "-a", str(source)], work)
    if result.returncode != 0 or "Error" in result.stdout or not (work / "pan.c").exists():
        return f"spin: {result.stdout}{result.stderr}"
    options = ["-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MIB}"]
    if "c_code" in source.read_text(encoding="utf-8"):
        options.append("-DNOREDUCE")  # the reduction can't see what C code touches
    # not optimised: that would take longer than what it saves
    compiler = ["clang-19", "-w", *options, f"-I{MODELS / task.model}", f"-I{ROOT}"]
    result = _call([*compiler, "-o", "pan", "pan.c"], work)
    return f"clang: {result.stderr}" if result.returncode != 0 else ""


def _verify(task, work):
    """Explore all states; the exit status of a verifier says nothing about errors."""
    result = _call(["./pan", f"-m{DEPTH_MAX}", "-w22", "-n"], work)
    output = result.stdout + result.stderr
    (work / "output.txt").write_text(output, encoding="utf-8")
    errors, states = _ERRORS.search(output), _STATES.search(output)
    if errors is None or states is None:
        return f"no result: {output}"
    task.errors, task.states = int(errors[1]), int(states[1])
    if task.errors == 0 and _CUT.search(output):
        return f"not all states were visited: {output}"
    return ""


def _check(task, progress):
    work = BUILD / (f"{task.model}.{task.run}" + (f".bug{task.bug}" if task.bug else ""))
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        task.problem = _build(task, work) or _verify(task, work)
    except subprocess.TimeoutExpired:
        task.problem = f"no result after {SECONDS_MAX} s"
    if task.problem:
        found = "NOT CHECKED"
    elif task.bug:
        found = f"found: {task.about}" if task.good else f"NOT FOUND: {task.about}"
    else:
        found = "ok" if task.good else f"ERROR; spin -t -p -g {' '.join(task.options)} tells how"
    progress.say(f"{task.title}: {task.states} states, {found}")
    return task


def command(options, boards, progress):
    """Verify the models that were named, or all. Returns the exit status."""
    for tool in TOOLS:
        if shutil.which(tool) is None:
            raise status.MissingError(tool)
    unknown = set(options.name) - set(names())
    if unknown:
        print(f"portolan: no model {', '.join(sorted(unknown))}; there are {', '.join(names())}")
        return status.USAGE
    tasks = [task for model in (options.name or names()) for task in tasks_of(model)]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as executor:
        tasks = list(executor.map(lambda task: _check(task, progress), tasks))
    for task in tasks:
        if task.problem:
            print(f"{task.title}: {task.problem}")
    clean = [task for task in tasks if task.bug == 0]
    seeded = [task for task in tasks if task.bug > 0]
    errors = sum(not task.good for task in clean)
    found = sum(task.good for task in seeded)
    print(f"models: {len({task.model for task in tasks})} runs: {len(clean)} states: {sum(t.states for t in clean)} "
          f"errors: {errors} seeded_bugs_found: {found} of: {len(seeded)}")
    return status.OK if errors == 0 and found == len(seeded) and clean else status.FAILED
