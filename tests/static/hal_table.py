#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the table of cases in tests/hal/README.md, from the tables in tests/hal/*.c."""

import re
import sys
from pathlib import Path

TABLE_BEGIN = "<!-- cases: tests/static/hal_table.py -->"
TABLE_END = "<!-- end of cases -->"

_CASE = re.compile(r'\{"(\w+)",\s*"((?:[^"\\]|\\.)*)",\s*\w+\}')


def cases(text):
    """(function, clause) of each case in the text of a file."""
    return _CASE.findall(text)


def table(tree):
    """The table, by file."""
    lines = ["| file | function | clause |", "|---|---|---|"]
    for path in tree.files(".c", under=("tests",)):
        if path.parts[1] != "hal":
            continue
        lines += [f"| {path.name} | `{function}` | {clause.replace(chr(92) * 2, chr(92))} |"
                  for function, clause in cases(tree.text(path))]
    return "\n".join(lines) + "\n"


def main():
    from tree import Tree

    root = Path(__file__).resolve().parents[2]
    readme = root / "tests/hal/README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(TABLE_BEGIN)
    after = rest.split(TABLE_END)[1]
    readme.write_text(f"{before}{TABLE_BEGIN}\n{table(Tree(root))}{TABLE_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
