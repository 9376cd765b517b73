# SPDX-License-Identifier: BSD-2-Clause
"""Small faults for C code: where they can be put, and what they change."""

import functools
import hashlib
import re
import subprocess
from dataclasses import dataclass

from clang import cindex

SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "/",
    "&": "|", "|": "&", "^": "|", "<<": ">>", ">>": "<<", "&&": "||", "||": "&&",
}
ASSIGNMENTS = {"+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=", "<<=": ">>=", ">>=": "<<="}
# Lines that state what must hold: a fault in them is one of the tests, not of the code.
STATEMENTS_OF_FACT = re.compile(r"\b(KASSERT|HAL_REQUIRE|HAL_ENSURE|_Static_assert|PRE_\w+|POST_\w+)\b")
CONDITIONS = (cindex.CursorKind.IF_STMT, cindex.CursorKind.WHILE_STMT)


@dataclass(frozen=True)
class Fault:
    file: str  # relative to the root of the tree
    line: int
    start: int  # bytes
    end: int
    text: str  # what stands there instead
    kind: str
    function: str
    place: str  # the line as it was, without the blanks around it
    change: str  # what becomes what

    def apply(self, source):
        """The bytes of the file with the fault in it."""
        return source[:self.start] + self.text.encode() + source[self.end:]

    def describe(self):
        return f"{self.file}:{self.line} {self.function}(): {self.kind}: {self.change}"


class _Unit:
    """Collects the faults of one source file."""

    def __init__(self, path, name, source):
        self.path, self.name, self.source = path, name, source
        self.lines = source.decode().splitlines()
        self.faults = []
        self.function = ""

    def spelled_here(self, cursor):
        """Is the cursor's text in this file, and not made by a macro?"""
        start, end = cursor.extent.start, cursor.extent.end
        if start.file is None or start.file.name != str(self.path) or end.file.name != str(self.path):
            return False
        tokens = next(iter(cursor.get_tokens()), None)
        return tokens is not None and tokens.extent.start.offset == start.offset

    def add(self, start, end, text, kind, line):
        place = self.lines[line - 1].strip()
        if not STATEMENTS_OF_FACT.search(place):
            before = " ".join(self.source[start:end].decode().split())
            self.faults.append(Fault(self.name, line, start, end, text, kind, self.function, place,
                                     f"`{before}` becomes `{text}`"))

    def operator(self, cursor):
        """The token between the operands of a binary operator."""
        left, right = list(cursor.get_children())
        for token in cursor.get_tokens():
            if left.extent.end.offset <= token.extent.start.offset and token.extent.end.offset <= right.extent.start.offset:
                return token
        return None

    def binary(self, cursor):
        token = self.operator(cursor)
        other = token and (SWAPS | ASSIGNMENTS).get(token.spelling)
        if other:
            start = token.extent.start.offset
            self.add(start, start + len(token.spelling), other, "operator", cursor.location.line)

    def literal(self, cursor):
        text = self.source[cursor.extent.start.offset:cursor.extent.end.offset].decode()
        number = re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)([uUlL]*)", text)
        if number:
            value = int(number[1], 0)
            other = str(1 if value == 0 else 0 if value == 1 else value + 1) + number[2]
            self.add(cursor.extent.start.offset, cursor.extent.end.offset, other, "constant", cursor.location.line)

    def condition(self, cursor):
        test = next(iter(cursor.get_children()), None)
        if test is not None and self.spelled_here(test):
            start, end = test.extent.start.offset, test.extent.end.offset
            self.add(start, end, f"!({self.source[start:end].decode()})", "negation", test.location.line)

    def deletion(self, cursor):
        """A call or an assignment that stands alone."""
        assignment = cursor.kind in (cindex.CursorKind.BINARY_OPERATOR, cindex.CursorKind.COMPOUND_ASSIGNMENT_OPERATOR)
        if assignment or cursor.kind == cindex.CursorKind.CALL_EXPR:
            self.add(cursor.extent.start.offset, cursor.extent.end.offset, "(void)0", "deletion", cursor.location.line)

    def visit(self, cursor):
        kind = cursor.kind
        if kind == cindex.CursorKind.FUNCTION_DECL:
            self.function = cursor.spelling
        if self.spelled_here(cursor):
            if kind in (cindex.CursorKind.BINARY_OPERATOR, cindex.CursorKind.COMPOUND_ASSIGNMENT_OPERATOR):
                self.binary(cursor)
            elif kind == cindex.CursorKind.INTEGER_LITERAL:
                self.literal(cursor)
            elif kind in CONDITIONS:
                self.condition(cursor)
        for child in cursor.get_children():
            if kind == cindex.CursorKind.COMPOUND_STMT and self.spelled_here(child):
                self.deletion(child)
            self.visit(child)


@functools.cache
def _compiler_headers():
    """Where <stdbool.h> and the like are; the library does not know for a bare target."""
    process = subprocess.run(["clang-19", "-print-resource-dir"], check=True, capture_output=True, text=True)
    return process.stdout.strip() + "/include"


def faults_of(root, name, arguments):
    """Every fault of the file `name` below `root`, in the order of the file. arguments: as for the compiler."""
    path = root / name
    index = cindex.Index.create()
    unit = index.parse(str(path), args=[*arguments, "-isystem", _compiler_headers(), "-Wno-everything"])
    if any(diagnostic.severity >= cindex.Diagnostic.Error for diagnostic in unit.diagnostics):
        raise ValueError(f"{name}: {unit.diagnostics[0]}")
    collected = _Unit(path, str(name), path.read_bytes())
    for cursor in unit.cursor.get_children():
        if cursor.kind == cindex.CursorKind.FUNCTION_DECL and cursor.is_definition() and \
                cursor.location.file and cursor.location.file.name == str(path):
            collected.visit(cursor)
    return collected.faults


def draw(faults, count, seed):
    """`count` of the faults by lot. A change of the sources changes the lots of the faults on its lines only."""
    repeated = {}

    def lot(fault):
        name = f"{seed} {fault.file} {fault.function} {fault.place} {fault.kind} {fault.change}"
        repeated[name] = repeated.get(name, 0) + 1
        return hashlib.sha256(f"{name} {repeated[name]}".encode()).digest()

    return sorted(faults, key=lot)[:count]
