# SPDX-License-Identifier: BSD-2-Clause
"""the HAL is narrow (45 functions, 10 upcalls), each has a contract in words and in ACSL, tested in checked builds"""

import re

from docs import hal_header

FUNCTIONS_MAX = 45
UPCALLS_MAX = 10
FOLDER = "hal/include/hal"
CHECKED = f"{FOLDER}/checked.h"


def provided(functions):
    """What a back end must provide: not the inlines whose body stands in the common header."""
    return [function for function in functions if not function.has_body]


def untested(tree, headers):
    """Predicates that are not part of the ACSL contract, or that checked builds do not test."""
    acsl = {function.name: function.acsl for header in headers for function in header.functions}
    checks = tree.text(CHECKED) if (tree.root / CHECKED).exists() else ""
    for header in headers:
        for predicate in header.predicates:
            name = predicate.split("_", 1)[1]
            if not re.search(rf"\b{predicate}\(", acsl.get(name, "")):
                yield f"{FOLDER}/{header.name}: {predicate} is not in the ACSL contract of {name}()"
            if f'HAL_CHECK("{name}", {predicate}(' not in checks:
                yield f"{CHECKED} does not test {predicate}"
            if not re.search(rf"^#define {name}(\([^)]*\))?\s+checked_", checks, re.MULTILINE):
                yield f"{CHECKED} does not replace {name}()"


def check(tree):
    headers = hal_header.read(tree.root / FOLDER)
    functions = [function for header in headers for function in header.functions]
    findings = list(untested(tree, headers))
    for function in functions:
        place = f"{FOLDER}/{function.header}:{function.line}: {function.name}"
        if not function.text:
            findings.append(f"{place} has no contract in words")
        if not function.acsl and not function.checked_only:
            findings.append(f"{place} has no contract in ACSL")
    upcalls = [function for function in functions if function.is_upcall]
    downcalls = [function for function in provided(functions) if not function.is_upcall]
    if len(downcalls) > FUNCTIONS_MAX:
        findings.append(f"{len(downcalls)} functions, at most {FUNCTIONS_MAX}")
    if len(upcalls) > UPCALLS_MAX:
        findings.append(f"{len(upcalls)} upcalls, at most {UPCALLS_MAX}")
    return findings


def _contracts(prefix, count):
    return "/* About. */\n\n" + "".join(f"/* Does {i}. */\n/*@ assigns \\nothing; */\nvoid {prefix}_{i}(void);\n\n"
                                        for i in range(count))


_PREDICATE = "/* About. */\n\n/* Does a. */\n#define PRE_hal_a(n) ((n) > 0)\n"
_CONTRACT = "/*@ requires PRE_hal_a(n); assigns \\nothing; */\nvoid hal_a(int n);\n"
_TEST = 'void checked_a(int n)\n{\n    HAL_CHECK("hal_a", PRE_hal_a(n));\n}\n'
SEEDS = {
    "a predicate that checked builds do not test": {
        f"{FOLDER}/a.h": _PREDICATE + _CONTRACT, CHECKED: "#define hal_a checked_a\n"},
    "a test that nothing calls": {f"{FOLDER}/a.h": _PREDICATE + _CONTRACT, CHECKED: _TEST},
    "a predicate that is not in the contract": {
        f"{FOLDER}/a.h": _PREDICATE + "/*@ assigns \\nothing; */\nvoid hal_a(int n);\n",
        CHECKED: _TEST + "#define hal_a checked_a\n"},
    "a prototype without any comment": {f"{FOLDER}/a.h": "/* About. */\n\nvoid hal_a(void);\n"},
    "a prototype without ACSL": {f"{FOLDER}/a.h": "/* Does a. */\nvoid hal_a(void);\n"},
    "a prototype without words": {f"{FOLDER}/a.h": "int x;\n/*@ assigns \\nothing; */\nvoid hal_a(void);\n"},
    "an inline function without ACSL": {f"{FOLDER}/a.h": "/* Does a. */\nstatic inline int hal_a(void)\n{\n}\n"},
    "a function too many": {f"{FOLDER}/a.h": _contracts("hal", FUNCTIONS_MAX + 1)},
    "an upcall too many": {f"{FOLDER}/a.h": _contracts("kern", UPCALLS_MAX + 1)},
}
