#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The mutator of C code: which faults it makes, and that it leaves alone what is no code."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
sys.dont_write_bytecode = True

from portolan import mutate  # noqa: E402 (the path is set first)

SOURCE = """
#define KASSERT(x) ((x) ? (void)0 : stop())
#define TWICE(x) ((x) * 2)
void stop(void);
int add(int a, int b)
{
    KASSERT(a < 7);
    if (a < b)
        stop();
    a += 3;
    return a + TWICE(b);
}
"""


class Mutate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        (Path(self.folder.name) / "x.c").write_text(SOURCE, encoding="utf-8")
        self.faults = mutate.faults_of(Path(self.folder.name), Path("x.c"), ["-std=gnu17"])

    def changed(self):
        lines = SOURCE.encode().splitlines()
        for fault in self.faults:
            result = fault.apply(SOURCE.encode()).splitlines()
            yield [line.strip().decode() for line, before in zip(result, lines) if line != before]

    def test_every_fault_changes_one_line(self):
        self.assertTrue(all(len(lines) == 1 for lines in self.changed()))

    def test_faults(self):
        self.assertEqual(sorted(lines[0] for lines in self.changed()),
                         sorted(["if (!(a < b))", "if (a <= b)", "a -= 3;", "a += 4;", "(void)0;",
                                 "return a - TWICE(b);"]))

    def test_names_the_place(self):
        self.assertTrue(all("add()" in fault.describe(SOURCE.encode()) for fault in self.faults))

    def test_refuses_what_does_not_parse(self):
        (Path(self.folder.name) / "bad.c").write_text("int f( {", encoding="utf-8")
        with self.assertRaises(ValueError):
            mutate.faults_of(Path(self.folder.name), Path("bad.c"), [])


if __name__ == "__main__":
    unittest.main()
