# SPDX-License-Identifier: BSD-2-Clause
"""Reads the headers of hal/include/hal: every prototype with its contract."""

import re
from dataclasses import dataclass
from pathlib import Path

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/)
  | (?P<directive>^[ \t]*\#(?:[^\n\\]|\\.)*(?:\\\n[^\n]*)*)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<brace>[{};])
  | (?P<blank>\n[ \t]*\n)
  | (?P<other>[^/"{};\#\n]+|[/\#\n])
""", re.DOTALL | re.MULTILINE | re.VERBOSE)

FUNCTION = re.compile(r"\b((?:hal|kern)_\w+)\s*\(")
PREDICATE = re.compile(r"\s*#\s*define\s+((?:PRE|POST)_(\w+))\(")


@dataclass
class Function:
    """One prototype, or the inline definition that stands for it."""

    name: str
    header: str  # file name
    line: int
    signature: str
    text: str  # the contract in words; "" if there is none
    acsl: str  # the contract in ACSL; "" if there is none
    checked_only: bool  # exists only with KERN_CHECKED
    has_body: bool  # defined here, for every ISA

    @property
    def is_upcall(self):
        return self.name.startswith("kern_")


@dataclass
class Header:
    name: str
    about: str  # the comment at the top of the file
    functions: list
    predicates: dict  # PRE_f and POST_f: the #define, on one line


def comment_text(comment):
    """The words of a C comment, without its frame."""
    body = comment[2:-2].lstrip("@*")
    return "\n".join(re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.splitlines()).strip()


class _Reader:
    """Splits one header at file scope into comments and declarations."""

    def __init__(self, path):
        self.header = Header(path.name, "", [], {})
        self._text = self._acsl = ""
        self._declaration = ""
        self._line = 1  # of the token being read
        self._depth = 0
        self._start = 1  # line of the declaration
        self._conditions = []
        for match in TOKEN.finditer(path.read_text(encoding="utf-8")):
            self._take(match.lastgroup, match.group())
            self._line += match.group().count("\n")

    def _take(self, kind, token):
        if kind == "comment":
            self._comment(token)
        elif kind == "directive":
            self._directive(token)
        elif kind == "brace":
            self._brace(token)
        elif self._depth == 0:
            if kind == "blank" and not self._declaration.strip():
                self._text = self._acsl = ""
            if not self._declaration.strip():
                self._start = self._line
            self._declaration += token

    def _comment(self, token):
        if self._depth or self._declaration.strip():
            return
        if token.startswith("/*@"):
            self._acsl = token
        elif "SPDX" not in token:
            self._text, self._acsl = comment_text(token), ""
            if not self.header.about:
                self.header.about = self._text

    def _directive(self, token):
        words = token.split()
        if words[0].startswith("#if"):
            self._conditions.append(" ".join(words[1:]))
        elif words[0] == "#endif":
            self._conditions.pop()
        elif match := PREDICATE.match(token):
            self.header.predicates[match.group(1)] = " ".join(token.replace("\\\n", " ").split())
        self._declaration = ""

    def _brace(self, token):
        if token == "{":
            self._depth += 1
        elif token == "}":
            self._depth -= 1
        if self._depth == 0 and token in ";}":
            self._finish(token)
        elif self._depth == 1 and token == "{" and "(" not in self._declaration:
            self._declaration += " { "  # a type: no function

    def _finish(self, token):
        signature = " ".join(self._declaration.split())
        match = FUNCTION.search(signature)
        if match and "{" not in signature and "typedef" not in signature:
            self.header.functions.append(Function(
                match.group(1), self.header.name, self._start, signature, self._text, self._acsl,
                "KERN_CHECKED" in self._conditions, token == "}"))
            self._acsl = ""  # each prototype has its own; the words may serve a group
        elif token == ";":
            self._text = self._acsl = ""
        if token == "}" and "{" in signature:
            return  # the type's name or variable follows
        self._declaration = ""


def read(folder):
    """Every header of `folder`, sorted by name."""
    return [_Reader(path).header for path in sorted(Path(folder).glob("*.h"))]
