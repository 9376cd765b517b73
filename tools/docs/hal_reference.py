#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes docs/reference/hal.md from the headers of hal/include/hal.

    hal_reference.py             write it
    hal_reference.py --check     status 1 if it is not up to date
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from docs import hal_header  # noqa: E402 (the path is set first)

HEADERS = ROOT / "hal" / "include" / "hal"
OUTPUT = ROOT / "docs" / "reference" / "hal.md"

INTRODUCTION = """# The hardware abstraction layer: reference

Made by `tools/docs/hal_reference.py` from `hal/include/hal/*.h`; change those, not this page.

Machine-independent code (`kern`, `ipc`, `vm`, `sched`) calls {functions} functions and is called back through
{upcalls} upcalls. Each has a contract in words and, below it, in ACSL. What stands in `PRE_` and `POST_` is also
tested at every call in checked builds (`hal/checked.h`).
"""


def prose(text):
    """Contract text as Markdown: its lines, with `Context:` and `Returns:` standing out."""
    for word in ("Context:", "Returns:"):
        text = text.replace(word, f"**{word}**")
    return text


def render_function(function, predicates):
    parts = [f"### `{function.name}`", f"```c\n{function.signature};\n```"]
    if function.text:
        parts.append(prose(function.text))
    if function.acsl:
        own = [predicates[kind + function.name] for kind in ("PRE_", "POST_") if kind + function.name in predicates]
        parts.append("```c\n" + "\n".join([*own, function.acsl]) + "\n```")
    return parts


def render(headers):
    """The whole page."""
    functions = [function for header in headers for function in header.functions]
    upcalls = sum(function.is_upcall for function in functions)
    parts = [INTRODUCTION.format(functions=len(functions) - upcalls, upcalls=upcalls).rstrip()]
    rows = [f"| [`{function.name}`](#{function.name}) | `hal/{function.header}` |" for function in functions]
    parts.append("\n".join(["| function | header |", "|---|---|", *rows]))
    for header in headers:
        if header.functions:
            parts += [f"## `hal/{header.name}`", prose(header.about)]
            for function in header.functions:
                parts += render_function(function, header.predicates)
    return "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if the page is not up to date")
    options = parser.parse_args()
    page = render(hal_header.read(HEADERS))
    if options.check:
        return 0 if OUTPUT.exists() and OUTPUT.read_text(encoding="utf-8") == page else 1
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
