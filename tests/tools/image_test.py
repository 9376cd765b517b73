#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of tools/image: the boot archive and the symbol table."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "image"))

import archive  # noqa: E402 (the path is set first)
import symbols  # noqa: E402


def read_archive(data):
    """Name -> contents, by the definition of cpio newc."""
    members, offset = {}, 0
    while True:
        assert data[offset:offset + 6] == b"070701"
        size, name_size = (int(data[offset + at:offset + at + 8], 16) for at in (54, 94))
        name = data[offset + 110:offset + 109 + name_size].decode()
        start = (offset + 110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return members
        members[name] = data[start:start + size]
        offset = (start + size + 3) // 4 * 4


class ArchiveTest(unittest.TestCase):
    MEMBERS = {"bootstrap": b"x" * 5, "conformance/port": b"", "a": bytes(range(256))}

    def test_holds_what_was_put_in(self):
        self.assertEqual(read_archive(archive.archive(self.MEMBERS)), self.MEMBERS)

    def test_does_not_depend_on_order(self):
        turned = dict(reversed(self.MEMBERS.items()))
        self.assertEqual(archive.archive(self.MEMBERS), archive.archive(turned))

    def test_members_are_sorted(self):
        self.assertEqual(list(read_archive(archive.archive(self.MEMBERS))), sorted(self.MEMBERS))


class SymbolsTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)

    def link(self, name, source):
        path = Path(self._folder.name) / name
        subprocess.run(["clang-19", "--target=riscv64-none-elf", "-ffreestanding", "-nostdlib", "-fuse-ld=lld-19",
                        "-x", "c", "-", "-o", path], input=source, text=True, check=True)
        return path

    def test_functions_are_sorted_and_data_is_left_out(self):
        elf = self.link("a", "int data = 1; static int g(void) { return 1; }\n"
                             "int f(void) { return g() + data; } void _start(void) { f(); }")
        functions = symbols.read_functions("llvm-nm-19", elf)
        self.assertEqual(sorted(functions), functions)
        self.assertEqual({name for _, name in functions}, {"_start", "f", "g"})

    def test_verify_finds_a_function_that_moved(self):
        first = self.link("a", "void f(void) {} void _start(void) { f(); }")
        second = self.link("b", "void f(void) { f(); f(); } void _start(void) { f(); }")
        self.assertEqual(symbols.verify("llvm-nm-19", first, first), 0)
        self.assertEqual(symbols.verify("llvm-nm-19", first, second), 1)

    def test_tables_compile(self):
        for table in [], [(0xFFFFFFFF80200000, "_start"), (0xFFFFFFFF80200004, "f")]:
            root = Path(__file__).resolve().parents[2]
            subprocess.run(["clang-19", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", root,
                            "-x", "c", "-"], input=symbols.table_source(table), text=True, check=True)


if __name__ == "__main__":
    unittest.main()
