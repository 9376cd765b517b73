# SPDX-License-Identifier: BSD-2-Clause
"""the HAL is narrow (45 functions, 10 upcalls) and each has a contract in words and in ACSL"""

from docs import hal_header

FUNCTIONS_MAX = 45
UPCALLS_MAX = 10
FOLDER = "hal/include/hal"


def provided(functions):
    """What a back end must provide: not the inlines whose body stands in the common header."""
    return [function for function in functions if not function.has_body]


def check(tree):
    functions = [function for header in hal_header.read(tree.root / FOLDER) for function in header.functions]
    findings = []
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


SEEDS = {
    "a prototype without any comment": {f"{FOLDER}/a.h": "/* About. */\n\nvoid hal_a(void);\n"},
    "a prototype without ACSL": {f"{FOLDER}/a.h": "/* Does a. */\nvoid hal_a(void);\n"},
    "a prototype without words": {f"{FOLDER}/a.h": "int x;\n/*@ assigns \\nothing; */\nvoid hal_a(void);\n"},
    "an inline function without ACSL": {f"{FOLDER}/a.h": "/* Does a. */\nstatic inline int hal_a(void)\n{\n}\n"},
    "a function too many": {f"{FOLDER}/a.h": _contracts("hal", FUNCTIONS_MAX + 1)},
    "an upcall too many": {f"{FOLDER}/a.h": _contracts("kern", UPCALLS_MAX + 1)},
}
