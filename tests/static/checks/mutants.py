# SPDX-License-Identifier: BSD-2-Clause
"""the written faults of tests/mutants fit the sources, the reasons of survivors too, and docs/mutants.md shows them"""

import tomllib

from portolan import mutant_table


def _written(tree, isa):
    for fault in mutant_table.written(tree.root, isa):
        path = tree.root / fault.file
        places = tree.text(fault.file).count(fault.replace) if path.exists() else 0
        if places != 1:
            yield f"tests/mutants/{isa}.toml: `{fault.what}`: {places} places in {fault.file}"
        if fault.replace == fault.by:
            yield f"tests/mutants/{isa}.toml: `{fault.what}` changes nothing"


def _survivors(tree):
    for entry in mutant_table.survivors(tree.root):
        lines = tree.lines(entry.file) if (tree.root / entry.file).exists() else []
        if entry.line not in map(str.strip, lines) or not any(entry.function + "(" in line for line in lines):
            yield f"{mutant_table.SURVIVORS}: {entry.file}: {entry.function}() has no line `{entry.line}`"


def check(tree):
    try:
        findings = [finding for isa in mutant_table.isas(tree.root) for finding in _written(tree, isa)]
        findings += _survivors(tree)
        shown = mutant_table.BEGIN + mutant_table.render(tree.root) + mutant_table.END
    except (tomllib.TOMLDecodeError, TypeError) as error:
        return [f"{mutant_table.FOLDER}: {error}"]
    page = tree.root / mutant_table.PAGE
    if page.exists() and shown not in tree.text(mutant_table.PAGE):
        findings.append(f"{mutant_table.PAGE}: its tables are old: tools/portolan/mutant_table.py writes them")
    return findings


def _fault(replace="b", by="c"):
    return {"a.S": "b a\n", "tests/mutants/x.toml":
            f"[[fault]]\nwhat = 'w'\nfile = 'a.S'\nreplace = '{replace}'\nby = '{by}'\n"}


def _survivor(line="    b = a;", function="f"):
    return {"a.c": "int f(int a)\n{\n    int b;\n    b = a;\n}\n", mutant_table.SURVIVORS:
            f"[[survivor]]\nfile = 'a.c'\nfunction = '{function}'\nline = '{line}'\nfault = 'x'\nreason = 'r'\n"}


SEEDS = {
    "a written fault that fits nowhere": _fault(replace="z"),
    "a written fault that fits twice": {**_fault(), "a.S": "b b\n"},
    "a written fault in a file that is gone": {"tests/mutants/x.toml": _fault()["tests/mutants/x.toml"]},
    "a written fault that changes nothing": _fault(by="b"),
    "a written fault without its file": {"tests/mutants/x.toml": "[[fault]]\nwhat = 'w'\nreplace = 'a'\nby = 'b'\n"},
    "a reason for a line that is gone": _survivor(line="c = a;"),
    "a reason in a function that is gone": _survivor(line="b = a;", function="g"),
    "an old page": {**_survivor(line="b = a;"),
                    mutant_table.PAGE: f"{mutant_table.BEGIN}| old |\n{mutant_table.END}\n"},
}
