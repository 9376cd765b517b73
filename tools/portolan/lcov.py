# SPDX-License-Identifier: BSD-2-Clause
"""Coverage figures, from what `llvm-cov export --format=lcov` prints.

A line counts if it holds code; a branch is one outcome of one condition. Outcomes of assertions are not counted, for no
test should see one fail. They are told from others by their source: they stand on the lines of a KASSERT(...) or
HAL_REQUIRE(...).
"""

import re
from dataclasses import dataclass, field

ASSERTION = re.compile(r"\b(?:KASSERT|HAL_REQUIRE)\(")


@dataclass
class Figures:
    """Counts for a file or a folder."""

    lines: int = 0
    lines_hit: int = 0
    branches: int = 0
    branches_hit: int = 0
    assertions: int = 0  # outcomes of conditions in assertions, not among `branches`

    def add(self, other):
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class FileCoverage:
    """Of one source file: executions by line; outcomes by (line, number of the outcome on it)."""

    lines: dict = field(default_factory=dict)
    branches: dict = field(default_factory=dict)

    def figures(self, assertion_lines):
        counted = {key: count for key, count in self.branches.items() if key[0] not in assertion_lines}
        return Figures(lines=len(self.lines), lines_hit=sum(1 for count in self.lines.values() if count > 0),
                       branches=len(counted), branches_hit=sum(1 for count in counted.values() if count > 0),
                       assertions=len(self.branches) - len(counted))


def parse(text):
    """{path: FileCoverage} of an lcov trace file."""
    files = {}
    current = None
    for line in text.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            current = files.setdefault(rest, FileCoverage())
        elif kind == "DA":
            number, count = rest.split(",")[:2]
            current.lines[int(number)] = int(count)
        elif kind == "BRDA":
            number, block, outcome, count = rest.split(",")
            current.branches[int(number), block, outcome] = 0 if count == "-" else int(count)
    return files


def assertion_lines(source):
    """Numbers of the lines that an assertion stands on, from its name to its closing parenthesis."""
    found = set()
    for match in ASSERTION.finditer(source):
        depth, end = 1, match.end()
        while depth > 0 and end < len(source):
            depth += {"(": 1, ")": -1}.get(source[end], 0)
            end += 1
        first = source.count("\n", 0, match.start()) + 1
        found.update(range(first, first + source.count("\n", match.start(), end) + 1))
    return found
