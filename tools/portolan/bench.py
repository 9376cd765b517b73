# SPDX-License-Identifier: BSD-2-Clause
"""`portolan bench`: instruction counts on every ISA, twice, beside those of other kernels."""

import json
import subprocess
import sys
from pathlib import Path

from portolan import latency, status
from portolan.machines import ROOT, Boot, build_dir, machines_of
from portolan.pool import run_all

PAGE = ROOT / "build" / "bench" / "index.html"
CMDLINE = "bench=all"
SIZE = "llvm-size-19"


def boots(boards):
    return [Boot(machines_of(board)[0], build_dir(board, "release"), 1, CMDLINE, icount=True)
            for board in boards]


def kernel_sizes(board):
    """Bytes of the release kernel for a board: what is constant, and what is not."""
    output = subprocess.run([SIZE, build_dir(board, "release") / "kernel.elf"], check=True, capture_output=True,
                            text=True).stdout
    text, data, bss = (int(word) for word in output.splitlines()[1].split()[:3])
    return {"kernel_text_bytes": text, "kernel_data_bytes": data + bss}


def measure(boards, progress, verbose):
    """One run on each board. Returns (figures, outcomes); figures: ISA -> key -> instructions."""
    outcomes = run_all(boots(boards), progress, verbose, wants_tests=False)
    for outcome in outcomes:
        if outcome.console.halted and not outcome.console.bench:
            outcome.problems.append("printed no figure")
    sizes = {machines_of(board)[0].isa: kernel_sizes(board) for board in boards}
    figures = {outcome.boot.machine.isa: outcome.console.bench for outcome in outcomes}
    return {isa: values | sizes[isa] if values else {} for isa, values in figures.items()}, outcomes


def differences(first, second):
    """Lines for every figure that two runs do not agree on."""
    lines = []
    for isa, values in first.items():
        for key in sorted(set(values) | set(second[isa])):
            before, after = values.get(key), second[isa].get(key)
            if before != after:
                lines.append(f"{isa} {key}: {before} in the first run, {after} in the second")
    return lines


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
    for line in failed:
        print(line, file=sys.stderr)
    return status.FAILED if failed else status.OK
