#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The mutator of C code: which faults it makes and draws. The tests that have to kill them, and the judgement."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
sys.dont_write_bytecode = True

from portolan import killers, mutate, mutants  # noqa: E402 (the path is set first)
from portolan.pool import Progress  # noqa: E402

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
        self.assertTrue(all("add()" in fault.describe() for fault in self.faults))
        self.assertTrue(all(fault.place == SOURCE.splitlines()[fault.line - 1].strip() for fault in self.faults))

    def test_lots_of_other_lines_stay(self):
        def drawn(faults, seed):
            return [fault.describe() for fault in mutate.draw(faults, 10, seed) if "+=" not in fault.place]

        before = drawn(self.faults, 1)
        (Path(self.folder.name) / "x.c").write_text(SOURCE.replace("a += 3", "a += 9"), encoding="utf-8")
        self.assertEqual(drawn(mutate.faults_of(Path(self.folder.name), Path("x.c"), ["-std=gnu17"]), 1), before)
        self.assertGreater(len(before), 2)
        self.assertNotEqual(drawn(self.faults, 2), before)

    def test_refuses_what_does_not_parse(self):
        (Path(self.folder.name) / "bad.c").write_text("int f( {", encoding="utf-8")
        with self.assertRaises(ValueError):
            mutate.faults_of(Path(self.folder.name), Path("bad.c"), [])


def _shell(text, limit=60.0):
    return killers.Program(text, ["/bin/sh", "-c", text], limit)


class Killers(unittest.TestCase):
    def test_a_failure_ends_the_program(self):
        self.assertEqual(_shell("echo ok 1; echo not ok 2 - x; sleep 50").run(), "not ok 2 - x")

    def test_what_ends_a_program_is_the_failure(self):
        self.assertEqual(_shell("echo 'Bail out! x.c:7'; echo not ok 1 - left objects").run(), "Bail out! x.c:7")

    def test_a_status_is_a_failure(self):
        self.assertEqual(_shell("exit 3").run(), "status 3")

    def test_a_success_is_none(self):
        self.assertEqual(_shell("echo ok 1").run(), "")

    def test_a_program_that_hangs_is_noticed(self):
        self.assertEqual(_shell("exec sleep 50", limit=0.02).run(), killers.TIME_LIMIT)
        self.assertEqual(_shell("while :; do :; done", limit=0.5).run(), killers.TIME_LIMIT)

    def test_the_cheapest_is_first(self):
        slow, fast = _shell("i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done"), _shell("true")
        ordered, failure = killers.calibrate([slow, fast], 2)
        self.assertEqual(([killer.name for killer in ordered], failure), ([fast.name, slow.name], ""))

    def test_a_failure_without_a_fault_is_told(self):
        self.assertEqual(killers.calibrate([_shell("exit 1")], 2), ([], "exit 1: status 1"))


class Judgement(unittest.TestCase):
    KILLED = mutants.Verdict("a", True, "test", "not ok")

    def good(self, *verdicts):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return mutants.judge([*verdicts, *[self.KILLED] * 18], Progress())

    def test_nine_in_ten_is_enough(self):
        self.assertTrue(self.good(*[mutants.Verdict("b", True, reason="equivalent")] * 2))
        self.assertFalse(self.good(*[mutants.Verdict("b", True, reason="equivalent")] * 3))

    def test_a_survivor_needs_a_reason(self):
        self.assertFalse(self.good(mutants.Verdict("b", True)))

    def test_what_does_not_build_does_not_count(self):
        self.assertTrue(self.good(*[mutants.Verdict("b", False)] * 9))


if __name__ == "__main__":
    unittest.main()
