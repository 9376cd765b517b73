#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs one static check, first on violations that it must find, then on the tree. Prints TAP.

    run.py CHECK [--build DIR]       CHECK: a module of tests/static/checks

A check is a module with
    check(tree) -> [finding, ...]            a finding is one line for a person; none: the tree is good
    SEEDS = {name: {path: contents}}         small trees; check() must find something in each
Checks of objects (`NEEDS_BUILD = True`) take check(tree, build) and test their seeds themselves.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tools")]
sys.dont_write_bytecode = True

from tree import Tree  # noqa: E402 (the path is set first)


def seeded(module):
    """(name, found) for every seed of the check."""
    for name, files in module.SEEDS.items():
        with tempfile.TemporaryDirectory() as folder:
            for path, contents in files.items():
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(contents, encoding="utf-8")
            yield name, bool(module.check(Tree(folder)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check")
    parser.add_argument("--build", type=Path, help="build directory, for the checks that look at objects")
    options = parser.parse_args()
    module = importlib.import_module("checks." + options.check)

    if getattr(module, "NEEDS_BUILD", False):
        results = [(f"finds: {name}", found, []) for name, found in module.seeded()]
        findings = module.check(Tree(ROOT), options.build)
    else:
        results = [(f"finds: {name}", found, []) for name, found in seeded(module)]
        findings = module.check(Tree(ROOT))
    results.append((module.__doc__.splitlines()[0], not findings, findings))

    print(f"1..{len(results)}")
    for number, (title, good, details) in enumerate(results, start=1):
        print(f"{'ok' if good else 'not ok'} {number} - {title}")
        for detail in details:
            print(f"# {detail}")
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
