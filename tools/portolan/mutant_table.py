# SPDX-License-Identifier: BSD-2-Clause
"""Tables of `portolan mutants`: faults that are written down, and why some are not noticed.

    tests/mutants/<isa>.toml       [[fault]] what, file, replace, by; survives: why no test can notice it
    tests/mutants/survivors.toml   [[survivor]] file, function, line, fault, reason: of faults that mutate.py makes

docs/mutants.md shows the reasons to a reader: `mutant_table.py` run as a program writes them there.
"""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = "tests/mutants"
SURVIVORS = f"{FOLDER}/survivors.toml"
PAGE = "docs/mutants.md"
BEGIN = "<!-- survivors: tools/portolan/mutant_table.py -->\n"
END = "<!-- end of survivors -->"


@dataclass(frozen=True)
class Written:
    what: str
    file: str
    replace: str  # occurs once in the file
    by: str
    survives: str = ""  # why no test notices it; empty: one must


@dataclass(frozen=True)
class Survivor:
    file: str
    function: str
    line: str  # of the source, without the blanks around it
    fault: str  # as mutate.Fault.change
    reason: str

    def explains(self, fault):
        """Is it about this mutate.Fault?"""
        return (self.file, self.function, self.line, self.fault) == \
            (str(fault.file), fault.function, fault.place, fault.change)


def _entries(path, key):
    return tomllib.loads(path.read_text(encoding="utf-8")).get(key, []) if path.exists() else []


def written(root, isa):
    """The written faults of an ISA."""
    return [Written(**entry) for entry in _entries(Path(root) / FOLDER / f"{isa}.toml", "fault")]


def survivors(root):
    return [Survivor(**entry) for entry in _entries(Path(root) / SURVIVORS, "survivor")]


def isas(root):
    """Those that have written faults."""
    return sorted(path.stem for path in (Path(root) / FOLDER).glob("*.toml") if path.name != Path(SURVIVORS).name)


def _cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def render(root):
    """The faults that no test notices, with the reasons, as tables."""
    lines = ["| file | function | fault | why no test notices it |", "|---|---|---|---|"]
    lines += [f"| {entry.file} | `{entry.function}` | {_cell(entry.fault)} | {_cell(entry.reason)} |"
              for entry in sorted(survivors(root), key=lambda entry: (entry.file, entry.function, entry.fault))]
    lines += ["", "| ISA | written fault | why no test notices it |", "|---|---|---|"]
    lines += [f"| {isa} | {_cell(fault.what)} | {_cell(fault.survives)} |"
              for isa in isas(root) for fault in written(root, isa) if fault.survives]
    return "\n".join(lines) + "\n"


def main():
    root = Path(__file__).resolve().parents[2]
    page = root / PAGE
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    page.write_text(f"{before}{BEGIN}{render(root)}{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
