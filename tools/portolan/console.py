# SPDX-License-Identifier: BSD-2-Clause
"""What a guest says on its console.

    # program: NAME        a test program starts; its results (TAP 13 or 14) follow
    ok 1 - ...             a result; `not ok`, and `# SKIP why` as TAP has it
    1..N                   its plan: N results, then the program ends
    bench: KEY VALUE UNIT  a measured figure
    panic: ...             the kernel gave up; the report ends with PANIC_END
    boot: ...              something was missed at the start
    portolan: ISA on BOARD, N CPUs, ... page tables of L levels
                           what the back end found
    portolan: halted       the last line of a boot that went to its end
"""

import re
from dataclasses import dataclass, field

PROGRAM = re.compile(r"# program: (\S+)$")
BENCH = re.compile(r"bench: (\S+) (\d+)(?: \S+)?$")
COMPLAINT = "boot: "
FOUND = re.compile(r"portolan: \S+ on .+, (\d+) CPUs?,.* page tables of (\d) levels$")
PANIC = "panic:"
PANIC_END = "--- end of panic ---"
HALTED = "portolan: halted"

# Terminal sequences that firmware prints.
ESCAPE = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|[c=>])")


def clean(line):
    """A console line without line ends and terminal sequences."""
    return ESCAPE.sub("", line).rstrip("\r\n")


@dataclass
class Program:
    """The results of one test program."""

    name: str
    results: list = field(default_factory=list)  # tap.line.Result; its diagnostics: the comments that follow it
    planned: int = -1  # -1: no plan yet
    bailed: bool = False

    def count(self, kind):
        return sum(1 for result in self.results if outcome(result) == kind)

    def problem(self):
        """What is wrong with the program as a whole, or None."""
        if self.bailed:
            return "bailed out"
        if self.planned < 0:
            return "ended without its plan"
        if self.planned != len(self.results):
            return f"planned {self.planned} tests, ran {len(self.results)}"
        numbers = [result.number for result in self.results]
        if numbers != list(range(1, len(numbers) + 1)):
            return "test numbers do not run from 1 up"
        return None


def result_line(result):
    """A result as the one line that the program printed, without the comments that follow."""
    return str(result).split("\n", 1)[0]


def outcome(result):
    """Of a TAP result: "passed", "failed" or "skipped"."""
    if result.skip:
        return "skipped"
    return "passed" if result.ok or result.todo else "failed"


class Console:
    """Reads the lines of one boot; afterwards it knows everything that was reported."""

    def __init__(self):
        from tap.parser import Parser  # only here: `doctor` and --help do without it

        self.lines = []
        self.programs = []
        self.bench = {}
        self.complaints = []
        self.cpus = None  # that the back end found
        self.levels = None  # of the page tables
        self.panic = []
        self.halted = False
        self._parser = Parser()
        self._in_panic = False

    def feed(self, raw):
        """Take one line. Returns what it completed: a Program, or None."""
        line = clean(raw)
        self.lines.append(line)
        if line.startswith(PANIC) or self._in_panic:
            self.panic.append(line)
            self._in_panic = line != PANIC_END
            return None
        self.halted = line == HALTED
        if line.startswith(COMPLAINT):
            self.complaints.append(line)
        match = FOUND.match(line)
        if match:
            self.cpus, self.levels = map(int, match.groups())
            return None
        match = PROGRAM.match(line)
        if match:
            self.programs.append(Program(match.group(1)))
            return None
        match = BENCH.match(line)
        if match:
            self.bench[match.group(1)] = int(match.group(2))
            return None
        return self._feed_tap(line)

    def _feed_tap(self, line):
        parsed = self._parser.parse_line(line)
        if parsed.category == "diagnostic":
            if self.programs and self.programs[-1].results:
                last = self.programs[-1].results[-1]
                last.diagnostics = (last.diagnostics or "") + line + "\n"
            return None
        if parsed.category not in ("test", "plan", "bail"):
            return None
        if not self.programs or (self.programs[-1].planned >= 0 and parsed.category == "test"):
            self.programs.append(Program("(unnamed)"))
        program = self.programs[-1]
        if parsed.category == "test":
            program.results.append(parsed)
            return None
        if parsed.category == "bail":
            program.bailed = True
        else:
            program.planned = parsed.expected_tests
        return program

    def count(self, kind):
        return sum(program.count(kind) for program in self.programs)

    def transcript(self, programs=None):
        """The results as text lines that must be the same on every ISA and number of CPUs; of `programs` only, if given."""
        return [f"{program.name}: {line}" for program in self.programs if programs is None or program.name in programs
                for line in [*map(result_line, program.results), f"1..{program.planned}"]]
