# SPDX-License-Identifier: BSD-2-Clause
"""every source file names its license once, at its top"""

TAG = "SPDX-License-" + "Identifier: BSD-2-Clause"
SUFFIXES = (".c", ".h", ".S", ".ld", ".py", ".sh", ".defs", ".ini", ".pml")
NAMES = {"meson.build", "meson_options.txt", "portolan", "packages.txt"}
TOP_LINES = 3


def check(tree):
    findings = []
    for path in tree.files():
        if path.suffix not in SUFFIXES and path.name not in NAMES:
            continue
        lines = tree.lines(path)
        count = sum(TAG in line for line in lines[:TOP_LINES])
        if count != 1:
            findings.append(f"{path}: {count} license lines in the first {TOP_LINES} lines")
    return findings


SEEDS = {
    "a C file without a license line": {"kern/a.c": "int a;\n"},
    "a license line far down": {"kern/a.h": "\n\n\n\n/* " + TAG + " */\n"},
    "another license": {"tools/a.py": "# SPDX-License-" + "Identifier: GPL-2.0\n"},
}
