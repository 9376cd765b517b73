#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's table of its own functions, for backtraces.

The kernel is linked twice: first with an empty table, then with the table made from the first link. The table
is read-only data and lies behind the text, so that the text stays where it was; `--verify` proves it.

    symbols.py --empty -o symbols.c
    symbols.py --nm llvm-nm-19 kernel-stage1.elf -o symbols.c
    symbols.py --nm llvm-nm-19 --verify kernel-stage1.elf kernel.elf
"""

import argparse
import subprocess
import sys

HEADER = """/* SPDX-License-Identifier: BSD-2-Clause */
/* Made by tools/image/symbols.py from the first link of the kernel. */
#include <kern/symbols.h>

"""


def read_functions(nm, elf):
    """The text symbols of `elf` as (address, name), sorted, one name for each address."""
    output = subprocess.run([nm, "--numeric-sort", "--defined-only", elf], check=True, capture_output=True, text=True)
    functions = {}
    for line in output.stdout.splitlines():
        address, kind, name = line.split(maxsplit=2)
        if kind not in "tTwW" or name.startswith((".L", "$")):
            continue
        # A global name says more than a local label at the same address.
        if int(address, 16) not in functions or kind in "TW":
            functions[int(address, 16)] = name
    return sorted(functions.items())


def table_source(functions):
    """C source of the table. An empty table keeps one element: ISO C has no array of length 0."""
    rows = functions or [(0, "")]
    lines = [HEADER, f"const uint32_t kern_symbol_count = {len(functions)};\n\n"]
    lines.append("const uint64_t kern_symbol_address[] = {\n")
    lines += [f"    0x{address:016x}u,\n" for address, _ in rows]
    lines.append("};\n\nconst char *const kern_symbol_name[] = {\n")
    lines += [f'    "{name}",\n' for _, name in rows]
    lines.append("};\n")
    return "".join(lines)


def verify(nm, first, second):
    """Status 1 unless every function of `first` has the same address in `second`."""
    before, after = read_functions(nm, first), read_functions(nm, second)
    moved = sorted(set(before) ^ set(after))
    for address, name in moved[:10]:
        print(f"symbols.py: {name} at {address:#x} is in only one of the two links", file=sys.stderr)
    return 1 if moved else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elf", nargs="*")
    parser.add_argument("--empty", action="store_true", help="write a table with no functions")
    parser.add_argument("--verify", action="store_true", help="compare the functions of two links")
    parser.add_argument("--nm", default="llvm-nm-19")
    parser.add_argument("-o", "--output", help="file to write (with --verify: a stamp)")
    options = parser.parse_args()

    if options.verify:
        if len(options.elf) != 2:
            parser.error("--verify takes two files")
        status = verify(options.nm, *options.elf)
        text = "verified\n"
    else:
        if len(options.elf) != (0 if options.empty else 1):
            parser.error("give one file, or --empty")
        status = 0
        text = table_source([] if options.empty else read_functions(options.nm, options.elf[0]))
    if status == 0 and options.output:
        with open(options.output, "w", encoding="ascii") as file:
            file.write(text)
    return status


if __name__ == "__main__":
    sys.exit(main())
