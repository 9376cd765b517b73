# SPDX-License-Identifier: BSD-2-Clause
"""every error that the reference documents has a check that expects it from that call

Documented is what stands behind "Errors" in the comment of a routine of include/mach/*.defs, and the rows of the tables of results in
docs/reference/mach_msg.md.  A check is one of MACROS in tests/conformance or tests/sim, with the call and the error among its arguments.
"""

import re

INTERFACES = "include/mach"
MESSAGES = "docs/reference/mach_msg.md"
RESULTS = "## Results"  # from here on
TESTS = ("tests/conformance", "tests/sim")
MACROS = ("CHECK_RESULT", "CHECK_REFUSED", "CALL_IS", "EXPECT")

_ROUTINE = re.compile(r"/\*((?:(?!\*/).)*?)\*/\s*(?:simple)?routine\s+(\w+)", re.DOTALL)
_BARE = re.compile(r"^\s*(?:simple)?routine\s+(\w+)", re.MULTILINE)
_ERRORS = re.compile(r"^[\s*]*Errors\b(.*?)(?:\n[\s*]*\n|\Z)", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"\b(?:KERN|MIG)_[A-Z_]+\b")
_ROW = re.compile(r"^\| `(MACH_(?:SEND|RCV)_[A-Z_]+)` \|", re.MULTILINE)
_MACRO = re.compile(r"\b(?:" + "|".join(MACROS) + r")\(")
_CALL = re.compile(r"\s*(\w+)\(")
_RESULT = re.compile(r"\s*((?:KERN|MIG|MACH)_[A-Z_]+)(?:\s*\|\s*MACH_MSG_[A-Z_]+)*\s*$")


def documented(text):
    """[(routine, [error, ...] or None)] of an interface file; None: nothing is said about errors."""
    said = {}
    for comment, routine in _ROUTINE.findall(text):
        errors = _ERRORS.search(comment)
        said[routine] = _CODE.findall(errors.group(1)) if errors else None
    return [(routine, said.get(routine)) for routine in _BARE.findall(text)]


def arguments(code, start):
    """The arguments of a macro whose '(' is right before `start`."""
    depth, begin, found = 0, start, []
    for at in range(start, len(code)):
        if code[at] in "({[":
            depth += 1
        elif code[at] in ")}]":
            depth -= 1
        if depth < 0 or (code[at] == "," and depth == 0):
            found.append(code[begin:at])
            begin = at + 1
        if depth < 0:
            break
    return found


def checked(code):
    """{(call, error), ...} that the checks of a C file expect."""
    pairs = set()
    for macro in _MACRO.finditer(code):
        parts = arguments(code, macro.end())
        calls = [match.group(1) for match in map(_CALL.match, parts) if match]
        results = [match.group(1) for match in map(_RESULT.match, parts) if match]
        pairs |= {(call, result) for call in calls for result in results}
    return pairs


def check(tree):
    pairs = set()
    for path in tree.files(".c", under=("tests",)):
        if path.as_posix().startswith(TESTS):
            pairs |= checked(tree.code(path))
    results = {result for _, result in pairs}

    wrong = []
    for path in tree.files(".defs", under=("include",)):
        for routine, errors in documented(tree.text(path)):
            if errors is None and "Errors" in tree.text(path):
                wrong.append(f"{path}: {routine} does not say which errors it has")
            wrong += [f"{path}: nothing checks that {routine} returns {error}" for error in errors or ()
                      if (routine, error) not in pairs]
    if (tree.root / MESSAGES).exists():
        wrong += [f"{MESSAGES}: nothing checks for {error}" for error in _ROW.findall(tree.text(MESSAGES).partition(RESULTS)[2]) if error not in results]
    return wrong


_DEFS = "/*\n * A.\n *\n * Errors: KERN_A when;\n * KERN_B.\n */\nroutine a(x : int);\n"
_TEST = "void t(void)\n{\n    CHECK_RESULT(a(1), KERN_A, \"x\");\n}\n"
SEEDS = {
    "an error that nothing checks": {f"{INTERFACES}/a.defs": _DEFS, "tests/conformance/a.c": _TEST},
    "an error that is only named in a comment": {
        f"{INTERFACES}/a.defs": _DEFS, "tests/sim/a.c": _TEST + "/* EXPECT(a(1), KERN_B); */\n"},
    "an error that is checked of another call": {
        f"{INTERFACES}/a.defs": _DEFS, "tests/sim/a.c": _TEST + "void u(void)\n{\n    EXPECT(b(1), KERN_B);\n}\n"},
    "a check outside of the tests of the kernel": {
        f"{INTERFACES}/a.defs": _DEFS, "tests/bench/a.c": _TEST + "void u(void)\n{\n    EXPECT(a(1), KERN_B);\n}\n"},
    "a routine that does not say which errors it has": {
        f"{INTERFACES}/a.defs": _DEFS.replace("KERN_B", "").replace(";\n", "", 1) + "/* B. */\nroutine b(x : int);\n",
        "tests/conformance/a.c": _TEST},
    "a result of mach_msg that nothing checks": {
        MESSAGES: RESULTS + "\n| `MACH_SEND_TIMED_OUT` | late |\n", "tests/conformance/a.c": _TEST},
}
