# SPDX-License-Identifier: BSD-2-Clause
"""`portolan run`: boots every ISA, runs the conformance programs, and shows results and latencies."""

import json
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from portolan import bench, latency, status, table
from portolan.machines import ROOT, Boot, build_dir, machines_of
from portolan.pool import run_all

CMDLINE = "conformance=all"


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def debug(board, flavour, cpus):
    """Boot one guest that waits for GDB; its console is this terminal."""
    boot = Boot(machines_of(board)[0], build_dir(board, flavour), cpus, CMDLINE, gdb_port=_free_port())
    gdb = ["gdb-multiarch", str((boot.build / "kernel.elf").relative_to(ROOT)), "-x", "tools/gdb/portolan.py",
           "-ex", f"portolan attach {boot.gdb_port}"]
    print("The guest waits. In another terminal, in the top folder of the source tree:\n\n    "
          + shlex.join(gdb) + "\n\nGDB stops at kern_boot. Ctrl-C here ends the guest.\n", flush=True)
    return status.OK if subprocess.call(boot.command(), stdin=subprocess.DEVNULL) == 0 else status.FAILED


def summary(outcomes):
    rows = [[outcome.boot.machine.isa, "yes" if outcome.booted else "NO", outcome.passed, outcome.failed,
             outcome.skipped, f"{outcome.seconds:.1f} s"] for outcome in outcomes]
    return table.render(["ISA", "booted", "passed", "failed", "skipped", "time"], rows)


def command(options, boards, progress):
    if options.gdb:
        return debug(boards[0], options.flavour, options.smp)

    boots = [Boot(machines_of(board)[0], build_dir(board, options.flavour), options.smp, CMDLINE)
             for board in boards]
    outcomes = run_all(boots, progress, options.verbose, programs=True)
    print("\n" + "\n".join(summary(outcomes)))

    if options.flavour == "release" and all(outcome.booted for outcome in outcomes):
        figures, measured = bench.measure(boards, progress, options.verbose, bench.PROGRAMS[:1])
        print("\n" + "\n".join(latency.text(figures)))
        outcomes += measured

    if options.json:
        counts = {outcome.boot.machine.isa: outcome.counts() for outcome in outcomes[: len(boots)]}
        Path(options.json).write_text(json.dumps(counts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for outcome in outcomes:
        for line in outcome.explain():
            print(line, file=sys.stderr)
    return status.OK if all(outcome.good for outcome in outcomes) else status.FAILED
