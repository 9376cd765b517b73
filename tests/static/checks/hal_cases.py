# SPDX-License-Identifier: BSD-2-Clause
"""every function and upcall of the HAL has a case in the conformance suite, and no clause is claimed twice

A case is an entry {"function", "clause", run} of a table in tests/hal.  The table of tests/hal/README.md is made from them:
tests/static/hal_table.py.
"""

import re
from collections import Counter

from docs import hal_header
from hal_table import TABLE_BEGIN, TABLE_END, cases, table

HEADERS = "hal/include/hal"
README = "tests/hal/README.md"


def check(tree):
    found = [case for path in tree.files(".c", under=("tests",)) if path.parts[1] == "hal"
             for case in cases(tree.text(path))]
    functions = [function.name for header in hal_header.read(tree.root / HEADERS) for function in header.functions]
    tested = {function for function, clause in found}
    findings = [f"{name} has no case in tests/hal" for name in functions if name not in tested and not ends(name)]
    findings += [f"tests/hal: `{function}: {clause}` stands {count} times"
                 for (function, clause), count in Counter(found).items() if count > 1]
    if (tree.root / README).exists():
        text = tree.text(README)
        shown = re.search(re.escape(TABLE_BEGIN) + r"\n(.*?)" + re.escape(TABLE_END), text, re.DOTALL)
        if not shown or shown.group(1) != table(tree):
            findings.append(f"{README}: its table is old: tests/static/hal_table.py writes it")
    return findings


def ends(name):
    """Is it the function that ends every boot of the suite, which the runner judges?"""
    return name == "hal_system_reset"


_HEADER = {f"{HEADERS}/a.h": "/* About. */\n\n/* Does a. */\n/*@ assigns \\nothing; */\nvoid hal_a(void);\n"}
SEEDS = {
    "a function without a case": {**_HEADER, "tests/hal/a.c": '    {"hal_b", "does b", b},\n'},
    "a clause twice": {**_HEADER, "tests/hal/a.c": '    {"hal_a", "does a", a},\n    {"hal_a", "does a", b},\n'},
    "an old table": {**_HEADER, "tests/hal/a.c": '    {"hal_a", "does a", a},\n',
                     README: f"{TABLE_BEGIN}\n| old |\n{TABLE_END}\n"},
}
