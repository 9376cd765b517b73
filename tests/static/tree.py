# SPDX-License-Identifier: BSD-2-Clause
"""The source tree as the static checks see it."""

import re
from pathlib import Path

MACHINE_INDEPENDENT = ("kern", "ipc", "vm", "sched")
SKIPPED = {"build", ".git", "__pycache__"}

_HIDDEN = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""", re.DOTALL)


class Tree:
    """Files under one root: the repository, or the seeded violation of a self-test."""

    def __init__(self, root):
        self.root = Path(root)

    def files(self, *suffixes, under=()):
        """Paths of the files with one of `suffixes` (all files if none), in the folders `under` (all if none)."""
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            if SKIPPED & set(relative.parts) or not path.is_file():
                continue
            if under and relative.parts[0] not in under:
                continue
            if not suffixes or path.suffix in suffixes:
                yield relative

    def text(self, relative):
        return (self.root / relative).read_text(encoding="utf-8", errors="replace")

    def lines(self, relative):
        return self.text(relative).splitlines()

    def code(self, relative):
        """C text with comments, strings and characters blanked out; line numbers stay."""
        return _HIDDEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), self.text(relative))
