# SPDX-License-Identifier: BSD-2-Clause
"""`portolan doctor`: what this machine has, what it lacks, and how to get it."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from portolan import status, table
from portolan.machines import BOARDS, FLAVOURS, ROOT, build_dir

PACKAGES = ROOT / "tools" / "packages.txt"


def packages():
    """(package, sign, reason) of every line of tools/packages.txt."""
    for line in PACKAGES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split(maxsplit=2)


def found(sign):
    """Is the thing that a package's line names there?"""
    if sign.startswith("python:"):
        return importlib.util.find_spec(sign.removeprefix("python:")) is not None
    return Path(sign).exists() if sign.startswith("/") else shutil.which(sign) is not None


def version(package):
    result = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", package], capture_output=True,
                            text=True)
    return result.stdout if result.returncode == 0 else "not from a Debian package"


def command(options, boards, progress):
    missing = []
    rows = []
    for package, sign, reason in packages():
        present = found(sign)
        if not present:
            missing.append(package)
        rows.append([package, version(package) if present else "MISSING", reason])
    print("\n".join(table.render(["package", "version", "for"], rows, left=3)))

    builds = [build_dir(board, flavour) for board in BOARDS for flavour in FLAVOURS]
    rows = [[str(path.relative_to(ROOT)), "yes" if (path / "kernel.elf").exists() else "no"] for path in builds]
    print("\n" + "\n".join(table.render(["build", "built"], rows, left=2)))
    print(f"\n{os.cpu_count()} host CPUs; two guests run at a time")
    if missing:
        print("\nto install what is missing: apt-get install " + " ".join(missing))
        return status.MISSING
    print("nothing is missing")
    return status.OK
