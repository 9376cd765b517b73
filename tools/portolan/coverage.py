# SPDX-License-Identifier: BSD-2-Clause
"""`portolan coverage`: which lines and branches of the machine-independent kernel the simulator's tests execute.

The simulated kernel is built with Clang's coverage mapping. Every test of the suite `sim` runs, then the conformance
programs of the riscv64 build on 1, 2 and 4 simulated CPUs. What counts as a line and as a branch: portolan/lcov.py.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from portolan import builder, conformance, lcov, sim, status, table
from portolan.machines import ROOT
from portolan.pool import run_all

FOLDERS = ("kern", "ipc", "vm", "sched")
LINES_MIN = 95.0  # percent
BRANCHES_MIN = 90.0
AT_ONCE = 2
WORST_FILES = 12  # named below the table


def _percent(hit, total):
    return 100.0 * hit / total if total else 100.0


def _tests(directory, environment, progress):
    """Run the suite. Returns whether it passed."""
    process = subprocess.run(
        ["meson", "test", "-C", str(directory), "--no-rebuild", "--num-processes", str(AT_ONCE), "--suite", "sim",
         "--print-errorlogs"],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    progress.say(f"tests in {directory.name}: {'ok' if process.returncode == 0 else 'FAILED'}")
    if process.returncode != 0:
        print(process.stdout, file=sys.stderr)
    return process.returncode == 0


def _conformance(directory, variable, progress):
    """Run the conformance programs. Returns whether every boot was good."""
    outcomes = run_all(conformance.boots(directory, environment=(variable,)), progress)
    for outcome in outcomes:
        for line in outcome.explain():
            print(line, file=sys.stderr)
    return all(outcome.good for outcome in outcomes)


def _llvm(tool, *arguments):
    process = subprocess.run([f"{tool}-19", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
                             check=False)
    if process.returncode != 0:
        raise status.BuildError(f"{tool}-19: {process.stderr.strip()}")
    return process.stdout


def _programs(directory):
    """The test programs, as llvm-cov wants them."""
    programs = [path for path in sorted((directory / "tests" / "sim").iterdir())
                if path.is_file() and os.access(path, os.X_OK)]
    arguments = [programs[0]]
    for program in programs[1:]:
        arguments += ["-object", program]
    return arguments


def _measure(directory, profiles, html):
    """Merge what the programs counted. Returns {path in the tree: FileCoverage}; writes the pages."""
    merged = profiles / "all.profdata"
    _llvm("llvm-profdata", "merge", "-sparse", "-o", merged, *sorted(profiles.glob("*.profraw")))
    common = [*_programs(directory), f"-instr-profile={merged}"]
    sources = [ROOT / folder for folder in FOLDERS]
    shutil.rmtree(html, ignore_errors=True)
    _llvm("llvm-cov", "show", *common, "--format=html", f"--output-dir={html}", "--show-branches=count", *sources)
    files = lcov.parse(_llvm("llvm-cov", "export", *common, "--format=lcov", *sources))
    return {os.path.relpath(ROOT / path, ROOT): coverage for path, coverage in files.items()}


def _figures(files):
    """{path: Figures}, in order."""
    result = {}
    for path in sorted(files):
        source = (ROOT / path).read_text(encoding="utf-8")
        result[path] = files[path].figures(lcov.assertion_lines(source))
    return result


def _row(name, figures):
    return [name, figures.lines, f"{_percent(figures.lines_hit, figures.lines):.1f} %", figures.branches,
            f"{_percent(figures.branches_hit, figures.branches):.1f} %", figures.assertions]


def _report(by_file):
    """Print the table. Returns the sum."""
    total = lcov.Figures()
    rows = []
    for folder in FOLDERS:
        figures = lcov.Figures()
        for path, one in by_file.items():
            if Path(path).parts[0] == folder:
                figures.add(one)
        rows.append(_row(folder, figures))
        total.add(figures)
    rows.append(_row("all", total))
    print("\n".join(table.render(["folder", "lines", "executed", "branches", "taken", "in assertions"], rows)))

    worst = sorted(by_file, key=lambda path: by_file[path].branches_hit - by_file[path].branches)
    print("\nmost branches not taken:")
    for path in worst[:WORST_FILES]:
        one = by_file[path]
        print(f"  {path}: {one.branches - one.branches_hit} branches, {one.lines - one.lines_hit} lines")
    print(f"\nnot counted: {total.assertions} branches in assertions (KASSERT, HAL_REQUIRE): one side is a bug")
    return total


def command(options, boards, progress):
    builder.build(conformance.BOARD, conformance.FLAVOUR, options.verbose)
    directory = sim.build("coverage", options.verbose)
    profiles = directory / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    profiles.mkdir()
    # %2m: one file for each program, into which its runs are merged
    name, value = "LLVM_PROFILE_FILE", str(profiles / "%2m.profraw")

    good = _tests(directory, {**os.environ, name: value}, progress)
    good = _conformance(directory, f"{name}={value}", progress) and good
    html = options.html or ROOT / "build" / "coverage"
    total = _report(_figures(_measure(directory, profiles, html)))
    lines = _percent(total.lines_hit, total.lines)
    branches = _percent(total.branches_hit, total.branches)
    print(f"pages: {html / 'index.html'}; at least {LINES_MIN:.0f} % of lines and {BRANCHES_MIN:.0f} % of branches "
          f"are asked for{'' if good else '; tests FAILED'}\n")
    print(f"lines: {lines:.1f}% branches: {branches:.1f}%", flush=True)
    return status.OK if good and lines >= LINES_MIN and branches >= BRANCHES_MIN else status.FAILED
