#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Copies a library, with the static symbols that a list names made global, so that tests can look at them.

    visible.py --ar llvm-ar-19 --objcopy llvm-objcopy-19 --names FILE -o libkernel.a libkernel-mi.a
"""

import argparse
import subprocess
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ar", required=True)
    parser.add_argument("--objcopy", required=True)
    parser.add_argument("--names", action="append", default=[], help="file with a symbol on each line")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("library")
    options = parser.parse_args()

    Path(options.output).unlink(missing_ok=True)
    subprocess.run([options.ar, "qcsL", options.output, options.library], check=True)  # L: the members, not the library
    command = [options.objcopy, *(f"--globalize-symbols={name}" for name in options.names), options.output]
    subprocess.run(command, check=True)


main()
