# SPDX-License-Identifier: BSD-2-Clause
"""65 % of the kernel of one ISA is machine independent; an ISA has at most 2,500 lines, a board 200

The kernel of one ISA: kern, ipc, vm, sched; arch/<isa>; and of hal the common part, all boards, and the drivers that
arch/<isa>/meson.build names. Lines are lines of text, comments and all, headers included.  Two folders of arch/sim stand for
what other ISAs find in hardware, and count for no kernel: rv64 executes user instructions, host gives CPUs their stacks and
turns.
"""

import re

from tree import MACHINE_INDEPENDENT

SHARE_MIN = 65  # percent
ISA_LINES = 2500
BOARD_LINES = 200
SUFFIXES = (".c", ".h", ".S", ".ld", ".inc")
HARDWARE = (("arch", "sim", "host"), ("arch", "sim", "rv64"))
DRIVER = re.compile(r"hal/drivers/(\w+)\.[cS]")


def count(tree, paths):
    return sum(len(tree.lines(path)) for path in paths)


def drivers(tree, isa):
    """Files of hal/drivers in the kernel of one ISA."""
    path = f"arch/{isa}/meson.build"
    names = set(DRIVER.findall(tree.text(path))) if (tree.root / path).exists() else set()
    return [path for path in tree.files(*SUFFIXES, under=("hal",))
            if path.parts[1] == "drivers" and path.stem.removesuffix("_i") in names]


def check(tree):
    findings = []
    independent = count(tree, tree.files(*SUFFIXES, under=MACHINE_INDEPENDENT))
    hal = [path for path in tree.files(*SUFFIXES, under=("hal",)) if path.parts[1] != "drivers"]
    arch = [path for path in tree.files(*SUFFIXES, under=("arch",))
            if path.parts[:3] not in HARDWARE]
    for board in sorted({path.parts[2] for path in hal if path.parts[1] == "boards"}):
        lines = count(tree, [path for path in hal if path.parts[1:3] == ("boards", board)])
        if lines > BOARD_LINES:
            findings.append(f"hal/boards/{board}: {lines} lines, at most {BOARD_LINES}")
    for isa in sorted({path.parts[1] for path in arch}):
        lines = count(tree, [path for path in arch if path.parts[1] == isa])
        if lines > ISA_LINES:
            findings.append(f"arch/{isa}: {lines} lines, at most {ISA_LINES}")
        total = independent + lines + count(tree, hal) + count(tree, drivers(tree, isa))
        if 100 * independent < SHARE_MIN * total:
            findings.append(f"arch/{isa}: {independent} of {total} lines are machine independent, "
                            f"{100 * independent / total:.1f} %, at least {SHARE_MIN} %")
    return findings


_MUCH = {"kern/a.c": "int a;\n" * 20000}
SEEDS = {
    "too many lines of drivers": {"kern/a.c": "int a;\n" * 64, "arch/x/a.c": "int a;\n",
                                  "arch/x/meson.build": "files('../../hal/drivers/b.c')\n",
                                  "hal/drivers/b.c": "int a;\n" * 36},
    "too little machine-independent code": {"kern/a.c": "int a;\n" * 64, "arch/x/a.c": "int a;\n" * 36},
    "a large ISA": {**_MUCH, "arch/x/a.c": "int a;\n" * (ISA_LINES + 1)},
    "a large simulated ISA": {**_MUCH, "arch/sim/cpu.c": "int a;\n" * (ISA_LINES + 1)},
    "a large board": {**_MUCH, "hal/boards/x/a.c": "int a;\n" * (BOARD_LINES + 1)},
}
