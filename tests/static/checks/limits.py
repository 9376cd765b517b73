# SPDX-License-Identifier: BSD-2-Clause
"""every limit of docs/limits.md is reached by a test, which says so

A limit is a row of a table there, named by the beginning of its first cell.  The test that reaches it has the comment `limit: NAME` beside
the check.  Rows at whose limit nothing happens (their last cell is "-") need none; neither do those of UNREACHED, which say why.
"""

import re

LIMITS = "docs/limits.md"
UNREACHED = {
    "memory for vector state at its first use": "no memory at that moment: the simulator has no vector state",
    "memory to tell that a send-once right was not used": "no memory at that moment: the simulator's failnth goes through such",
    "name in the archive": "tools/image makes no such archive",
    "arguments": "bootstrap gives a program its name alone",
    "stack of the first thread": "the program that reaches it ends, and tests run in threads of their own",
    "CPUs": "machines with more than 64 take longer to boot in QEMU than tests may",
    "physical addresses": "QEMU has no such memory to give",
    "device interrupts": "QEMU's machines have fewer lines",
}

_ROW = re.compile(r"^\| (?!what \||---)(.+?) \| .* \| (.+?) \|$", re.MULTILINE)
_SAID = re.compile(r"/\* limit: ([^*]+?) \*/")


def named(test, rows):
    """The rows that a test may mean: the one of this name, or those whose names begin with it."""
    same = [name for name, _ in rows if name == test]
    return same or [name for name, _ in rows if re.match(re.escape(test) + r"\b", name)]


def check(tree):
    rows = [(name.replace("`", ""), end) for name, end in _ROW.findall(tree.text(LIMITS))]
    said = {name for path in tree.files(".c", under=("tests",)) for name in _SAID.findall(tree.text(path))}

    wrong = []
    for name, end in rows:
        reached = any(name in named(test, rows) for test in said)
        if end != "-" and not reached and name not in UNREACHED:
            wrong.append(f"{LIMITS}: no test reaches: {name}")
        if reached and name in UNREACHED:
            wrong.append(f"{LIMITS}: a test reaches what UNREACHED has: {name}")
    for test in sorted(said):
        if len(named(test, rows)) != 1:
            wrong.append(f"a test says that it reaches the limit `{test}`, which is not that of one row of {LIMITS}")
    return wrong


_TABLE = "| what | limit | at the limit |\n|---|---|---|\n| bytes of `a` | 3 | error |\n| by the type | 4 | - |\n"
SEEDS = {
    "a limit that no test reaches": {LIMITS: _TABLE, "tests/a.c": "/* limit: */\n"},
    "a test of a limit that there is not": {LIMITS: _TABLE, "tests/a.c": "/* limit: bytes of a */\n/* limit: words */\n"},
    "a test of what is said to be out of reach": {
        LIMITS: _TABLE + "| CPUs | 64 | off |\n", "tests/a.c": "/* limit: bytes of a */\n/* limit: CPUs */\n"},
}
