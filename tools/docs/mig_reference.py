#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes docs/reference/NAME.md from include/mach/NAME.defs.

--check writes nothing; status 1 if a page is not up to date.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "mig")]
from miglib import model, source, syntax  # noqa: E402 (the path is set first)
from miglib.document import document  # noqa: E402

PAGES = ("device", "host_priv", "host_security", "mach_host", "mach_port", "mach_vm", "memory_object",
         "memory_object_control", "memory_object_default", "portolan", "task", "thread_act")


def page_of(name):
    return f"docs/reference/{name}.md"


def render(root, name):
    """The page of an interface file of the tree at `root`. Raises: MigError."""
    text = source.load(str(root / "include" / "mach" / f"{name}.defs"), [str(root / "include")], [])
    return document(model.analyse(syntax.parse(text)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a page is not up to date")
    options = parser.parse_args()
    good = True
    for name in PAGES:
        path, page = ROOT / page_of(name), render(ROOT, name)
        if options.check:
            good = good and path.exists() and path.read_text(encoding="utf-8") == page
        else:
            path.write_text(page, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
