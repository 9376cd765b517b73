# SPDX-License-Identifier: BSD-2-Clause
"""`portolan bench`: instruction counts on every ISA, twice, beside those of other kernels."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from portolan import latency, status
from portolan.machines import MEMORY_MIB, ROOT, Boot, build_dir, machines_of
from portolan.pool import run_all

PAGE = ROOT / "build" / "bench" / "index.html"
RECORD = ROOT / "tests" / "bench" / "recorded.json"  # ISA -> key -> figure
TOLERANCE = 3  # percent by which a figure may be off its record
HOW_TO_RECORD = "if that is meant, `./portolan bench --record`, and say in the commit why"
CMDLINE = "bench=latency"
TIMEOUT = 1800.0  # seconds of a boot: a million of names takes some, ...
SILENCE = 300.0  # ... and so does a figure on a busy host
# The programs of tests/bench: (name, numbers of CPUs, MiB of memory). The first has what `run` shows.
PROGRAMS = (("latency", (1,), MEMORY_MIB), ("growth", (1,), 768), ("smp", (1, 2, 4, 8), MEMORY_MIB),
            ("block", (1,), MEMORY_MIB))
SERVERS = {"block": "start=ramdisk "}  # what a program needs beside itself
SIZE = "llvm-size-19"


@dataclass(frozen=True)
class BenchBoot(Boot):
    """A boot that measures."""

    @property
    def title(self):
        return f"{super().title}, {self.cmdline}"


def boots(boards, programs=PROGRAMS):
    return [BenchBoot(machines_of(board)[0], build_dir(board, "release"), cpus, SERVERS.get(name, "") + f"bench={name}",
                      icount=True, memory=memory, timeout=TIMEOUT, silence=SILENCE)
            for name, cpu_counts, memory in programs for cpus in cpu_counts for board in boards]


def kernel_sizes(board):
    """Bytes of the release kernel for a board: what is constant, and what is not."""
    output = subprocess.run([SIZE, build_dir(board, "release") / "kernel.elf"], check=True, capture_output=True,
                            text=True).stdout
    text, data, bss = (int(word) for word in output.splitlines()[1].split()[:3])
    return {"kernel_text_bytes": text, "kernel_data_bytes": data + bss}


def measure(boards, progress, verbose, programs=PROGRAMS):
    """One run of each program on each board. Returns (figures, outcomes); figures: ISA -> key -> instructions.

    What several boots print, such as the time of the boot itself, counts from the first."""
    outcomes = run_all(boots(boards, programs), progress, verbose, wants_tests=False)
    figures = {machines_of(board)[0].isa: {} for board in boards}
    for outcome in outcomes:
        if outcome.console.halted and not outcome.console.bench:
            outcome.problems.append("printed no figure")
        values = figures[outcome.boot.machine.isa]
        values |= outcome.console.bench | values
    for board in boards:
        isa = machines_of(board)[0].isa
        if figures[isa]:
            figures[isa] |= kernel_sizes(board)
    return figures, outcomes


def differences(first, second):
    """Lines for every figure that two runs do not agree on."""
    lines = []
    for isa, values in first.items():
        for key in sorted(set(values) | set(second[isa])):
            before, after = values.get(key), second[isa].get(key)
            if before != after:
                lines.append(f"{isa} {key}: {before} in the first run, {after} in the second")
    return lines


def recorded():
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def drift(isa, values, record):
    """{key: why} for each figure of an ISA that is not what was recorded.

    One that got better is told, too: only a new record holds the gain."""
    moved = {}
    expected = record.get(isa, {})
    for key in sorted(set(values) | set(expected)):
        before, after = expected.get(key), values.get(key)
        if before is None:
            moved[key] = f"{isa} {key}: {after} now, nothing recorded"
        elif after is None:
            moved[key] = f"{isa} {key}: {before} recorded, not measured now"
        elif 100 * abs(after - before) > TOLERANCE * before:
            percent = 100 * (after - before) / max(before, 1)
            moved[key] = f"{isa} {key}: {before} recorded, {after} now, {percent:+.1f} %, at most {TOLERANCE} %"
    return moved


def check(boards, tally, progress, verbose):
    """Hold every figure to its record."""
    figures, outcomes = measure(boards, progress, verbose)
    for outcome in outcomes:
        tally.expect(outcome.good, "\n".join(outcome.explain()))
    record = recorded()
    for isa, values in figures.items():
        moved = drift(isa, values, record) if values else {}
        for key in sorted(set(values) | set(moved)):
            tally.expect(key not in moved, f"{moved.get(key)}; {HOW_TO_RECORD}")


def write_record(figures):
    """Record the figures; those of other ISAs stay."""
    RECORD.write_text(json.dumps(recorded() | figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def command(options, boards, progress):
    figures, outcomes = measure(boards, progress, options.verbose)
    failed = [line for outcome in outcomes if not outcome.good for line in outcome.explain()]
    if not options.once and not failed:
        again, outcomes = measure(boards, progress, options.verbose)
        failed = [line for outcome in outcomes if not outcome.good for line in outcome.explain()]
        failed += differences(figures, again)

    if any(figures.values()):
        print("\n".join(latency.text(figures)))
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(latency.page(figures), encoding="utf-8")
        print(f"\ncharts: {PAGE.relative_to(ROOT)}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    if options.record and not failed:
        write_record(figures)
    for isa, values in figures.items():
        for line in drift(isa, values, recorded()).values():
            print(line, file=sys.stderr)
    for line in failed:
        print(line, file=sys.stderr)
    return status.FAILED if failed else status.OK
