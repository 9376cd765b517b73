# SPDX-License-Identifier: BSD-2-Clause
"""Parsing: from the text of a .defs file to statements (dataclasses), in the order in which they stand."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import lark
from lark import v_args

from .diagnostics import MigError, Position


@dataclass
class Subsystem:
    name: str
    base: int
    modifiers: list
    position: Position
    documentation: str


@dataclass(frozen=True)
class Translation:
    """A C function of the server between what travels and what its routines see, and its types."""

    function: str
    parameter: str
    result: str


@dataclass
class TypeSpec:
    """A type as written.  kind: message, sized, named, array, pointer, struct, record, string."""

    kind: str
    position: Position
    names: list = field(default_factory=list)  # message, sized: one or two primitive types; named: the name
    of: "TypeSpec" = None
    bound: tuple = None  # array, struct, string: ("exactly" | "at_most" | "unbounded", number)
    members: list = None  # record: (TypeSpec, name)
    bits: int = None  # sized
    translations: dict = field(default_factory=dict)  # by keyword: Translation
    c_types: dict = field(default_factory=dict)  # by keyword


@dataclass
class TypeDeclaration:
    name: str
    spec: TypeSpec
    position: Position


@dataclass
class Argument:
    direction: str
    name: str
    type_name: str  # of "name : type_name = spec", else None
    spec: TypeSpec
    flags: list  # in small letters; "dealloc[]" with its brackets
    position: Position


@dataclass
class Routine:
    kind: str  # routine, simpleroutine, procedure, simpleprocedure, function
    name: str
    arguments: list
    result: TypeSpec  # function: what it returns
    position: Position
    documentation: str


@dataclass
class Skip:
    position: Position


@dataclass
class Import:
    keyword: str
    file: str


@dataclass
class Setting:
    keyword: str
    value: str
    position: Position


NUMBER_DIGITS_MAX = 20


class _Builder(lark.Transformer):
    """Makes statements from the parse tree."""

    def __init__(self, source):
        super().__init__()
        self._source = source

    def _position(self, token):
        return self._source.position(token.line, token.column)

    def start(self, items):
        return items

    def subsystem(self, items):
        *modifiers, name, base = items
        line = min(token.line for token in items)
        # The keyword may stand lines above, with conditions between it and the name.
        documentation = next(
            (text for at in range(line, max(0, line - 12), -1) if (text := self._source.documentation(at))), ""
        )
        return Subsystem(
            str(name), self._number(base), [m.lower() for m in modifiers], self._position(name), documentation
        )

    def type_declaration(self, items):
        name, spec = items
        return TypeDeclaration(str(name), spec, self._position(name))

    def routine(self, items):
        kind, name, arguments = items
        return self._routine(kind.lower(), kind, name, arguments, None)

    def function(self, items):
        name, arguments, result = items
        return self._routine("function", name, name, arguments, result)

    def _routine(self, kind, first, name, arguments, result):
        documentation = self._source.documentation(first.line)
        return Routine(kind, str(name), arguments, result, self._position(name), documentation)

    def arguments(self, items):
        return [argument for argument in items if argument is not None]

    def skip(self, items):
        return Skip(self._position(items[0]))

    def name_setting(self, items):
        return Setting(items[0].lower(), str(items[1]), self._position(items[0]))

    def no_setting(self, items):
        return Setting(items[0].lower()[2:], "", self._position(items[0]))

    def expression_setting(self, items):
        return Setting(items[0].lower(), items[1].strip(), self._position(items[0]))

    def ignored_setting(self, items):
        return Setting("ignored", "", self._position(items[-1]))

    def argument(self, items):
        direction = "in"
        if items[0].type == "DIRECTION":
            direction = items.pop(0).lower()
        name, type_name, spec, *flags = items
        return Argument(
            direction, str(name), type_name and str(type_name), spec, flags, self._position(name)
        )

    def flag(self, items):
        flag, at_run_time = items
        name = flag.lower()
        if at_run_time and name != "dealloc":
            raise MigError(self._position(at_run_time), f"[] goes with dealloc, not with {flag}")
        return name + ("[]" if at_run_time else "")

    def translated_type(self, items):
        spec, *translations = items
        for keyword, value in translations:
            (spec.c_types if isinstance(value, str) else spec.translations)[keyword] = value
        return spec

    def translation(self, items):
        keyword, result, function, parameter = items
        keyword = keyword.lower()
        if parameter is None and keyword != "intranpayload":
            raise MigError(self._position(function), f"function '{function}' needs the type of its argument in ()")
        return keyword, Translation(str(function), str(parameter or "mach_port_context_t"), str(result))

    def destructor(self, items):
        return "destructor", Translation(str(items[0]), str(items[1]), None)

    def c_type(self, items):
        return items[0].lower(), str(items[1])

    def message_type(self, items):
        names = [item for item in items if item is not None]
        return TypeSpec("message", self._position(names[0]), [str(name) for name in names])

    def primitive(self, items):
        return items[0]

    def sized_type(self, items):
        name, bits, *_ = items
        return TypeSpec("sized", self._position(name), [str(name)], bits=bits)

    def named_type(self, items):
        return TypeSpec("named", self._position(items[0]), [str(items[0])])

    def array_type(self, items):
        bound, of = items
        return TypeSpec("array", of.position, of=of, bound=bound)

    def pointer_type(self, items):
        return TypeSpec("pointer", items[0].position, of=items[0])

    def struct_type(self, items):
        length, of = items
        return TypeSpec("struct", of.position, of=of, bound=("exactly", length))

    def record_type(self, items):
        return TypeSpec("record", items[0][0].position, members=items)

    def string_type(self, items):
        return TypeSpec("string", None, bound=items[0])

    def member(self, items):
        return items[0], str(items[1])

    def unbounded(self, _):
        return "unbounded", None

    def at_most(self, items):
        return "at_most", items[0]

    def exactly(self, items):
        return "exactly", items[0]

    def number(self, items):
        return self._number(items[0])

    def _number(self, token):
        """Decimal, even behind zeroes, or hexadecimal."""
        if len(token) > NUMBER_DIGITS_MAX:
            raise MigError(self._position(token), "a number of too many digits")
        return int(token, 16 if token[:2] in ("0x", "0X") else 10)

    def add(self, items):
        return items[0] + items[1]

    def subtract(self, items):
        return items[0] - items[1]

    def multiply(self, items):
        return items[0] * items[1]

    @v_args(meta=True)
    def divide(self, meta, items):
        if items[1] == 0:
            raise MigError(self._source.position(meta.line, meta.column), "division by zero in a size")
        return items[0] // items[1]


_IMPORTS = {"import": "both", "uimport": "user", "simport": "server", "dimport": "define", "iimport": "internal"}


def _import(self, items):
    return Import(_IMPORTS[items[0].lower()], str(items[1]))


setattr(_Builder, "import", _import)  # a keyword of Python's


@lru_cache(maxsize=1)
def _parser():
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return lark.Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=True, propagate_positions=True)


_READABLE = {
    "NAME": "a name",
    "NUMBER": "a number",
    "SEMICOLON": "';'",
    "COLON": "':'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "EQUAL": "'='",
    "COMMA": "','",
    "FILE": "a file name in <> or quotes",
    "_OF": "'of'",
    "_STATEMENT": "a statement",
}


def _expected(names):
    known = sorted({_READABLE[name] for name in names if name in _READABLE})
    return f", expected {' or '.join(known)}" if known and len(known) <= 4 else ""


def parse(source):
    """Parse a Source. Returns: a list of statements. Raises: MigError."""
    try:
        tree = _parser().parse(source.text)
    except lark.exceptions.UnexpectedToken as error:
        position = source.position(error.line, error.column)
        found = "end of file" if error.token.type == "$END" else f"'{error.token.split()[0]}'"
        raise MigError(position, f"unexpected {found}{_expected(error.accepts or error.expected)}") from None
    except lark.exceptions.UnexpectedCharacters as error:
        position = source.position(error.line, error.column)
        raise MigError(position, f"unexpected character '{error.char}'{_expected(error.allowed or ())}") from None
    try:
        return _Builder(source).transform(tree)
    except lark.exceptions.VisitError as error:
        if isinstance(error.orig_exc, MigError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise MigError(None, "types or sizes are nested too deeply") from None
