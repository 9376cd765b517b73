# SPDX-License-Identifier: BSD-2-Clause
"""no file is longer than 800 lines, no function longer than 60"""

import ast

FILE_LINES = 800
FUNCTION_LINES = 60


def c_functions(lines):
    """(first line, length) of every C function: its braces stand alone in column 0."""
    start = None
    for number, line in enumerate(lines, start=1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            if line == "}":
                yield start, number - start + 1
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def check(tree):
    findings = []
    for path in tree.files(".c", ".h", ".S", ".py", ".defs", ".ld"):
        lines = tree.lines(path)
        if len(lines) > FILE_LINES:
            findings.append(f"{path}: {len(lines)} lines")
        functions = []
        if path.suffix in (".c", ".h"):
            functions = c_functions(lines)
        elif path.suffix == ".py":
            functions = python_functions(tree.text(path))
        findings += [f"{path}:{line}: a function of {length} lines"
                     for line, length in functions if length > FUNCTION_LINES]
    return findings


SEEDS = {
    "a long file": {"kern/a.c": "int a;\n" * (FILE_LINES + 1)},
    "a long C function": {"kern/a.c": "void f(void)\n{\n" + "    g();\n" * FUNCTION_LINES + "}\n"},
    "a long Python function": {"tools/a.py": "def f():\n" + "    g()\n" * FUNCTION_LINES},
}
