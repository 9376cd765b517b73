#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make the boot archive: a cpio archive (format newc) with the same bytes for the same input.

    archive.py --strip llvm-strip-19 -o boot.cpio bootstrap=servers/bootstrap/bootstrap ...

Members are sorted by name; owner, times and inode numbers say nothing about the machine that made them.
"""

import argparse
import subprocess
import sys

MODE_PROGRAM = 0o100755
ALIGNMENT = 4  # of headers and of data, by the format


def pad(data):
    return data + b"\0" * (-len(data) % ALIGNMENT)


def member(name, data, inode, mode):
    """One header with its name and data."""
    encoded = name.encode("ascii") + b"\0"
    fields = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return pad(header + encoded) + pad(data)


def archive(members):
    """The bytes of an archive with `members`, a dict from name to contents."""
    parts = [member(name, members[name], inode, MODE_PROGRAM) for inode, name in enumerate(sorted(members), start=1)]
    return b"".join(parts) + member("TRAILER!!!", b"", 0, 0)


def contents(path, strip):
    """The file at `path`, without symbols and debug information if `strip` names a program for that."""
    if strip:
        return subprocess.run([strip, "-o", "-", path], check=True, capture_output=True).stdout
    with open(path, "rb") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--strip", metavar="PROGRAM", help="strip the members with this program")
    parser.add_argument("member", nargs="*", metavar="NAME=FILE")
    options = parser.parse_args()

    members = {}
    for argument in options.member:
        name, separator, path = argument.partition("=")
        if not separator or name in members:
            parser.error(f"{argument}: not NAME=FILE, or the name is there already")
        members[name] = contents(path, options.strip)
    with open(options.output, "wb") as file:
        file.write(archive(members))
    return 0


if __name__ == "__main__":
    sys.exit(main())
