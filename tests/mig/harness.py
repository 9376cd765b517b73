# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of mig share: running the tool, compiling what it writes, printing TAP."""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import traceback
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
MIG = ROOT / "tools/mig/mig"
INCLUDE = ROOT / "include"
ISAS = ("x86_64", "aarch64", "riscv64")

# More than the build asks for: what mig writes has to be clean under anybody's flags.
WARNINGS = (
    "-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wimplicit-fallthrough "
    "-Wcast-align -Wconversion -Wsign-conversion -Werror"
).split()
SANITIZERS = "-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all".split()

sys.path.insert(0, str(MIG.parent))
sys.dont_write_bytecode = True

from miglib import cli  # noqa: E402 (the path is set first)


class Folder:
    """A temporary folder in which mig runs."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="mig-test-")
        self.path = Path(self._folder.name)

    def close(self):
        self._folder.cleanup()

    def write(self, name, text):
        (self.path / name).write_text(text, encoding="utf-8")
        return self.path / name

    def read(self, name):
        return (self.path / name).read_text(encoding="utf-8")

    def mig(self, *arguments):
        """Run the tool in the folder, in this process: its parser is made once. Returns: as subprocess.run()."""
        command = [f"-I{INCLUDE}", *map(str, arguments)]
        before = os.getcwd()
        output, errors = io.StringIO(), io.StringIO()
        os.chdir(self.path)
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                status = cli.main(command)
        except SystemExit as leave:
            status = leave.code
        finally:
            os.chdir(before)
        return subprocess.CompletedProcess(command, status, output.getvalue(), errors.getvalue())

    def compile(self, compiler, arguments):
        """Run a compiler in the folder. Returns: '' or what it complained about."""
        command = [compiler, *map(str, arguments)]
        result = subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=False)
        return result.stderr if result.returncode else ""


class MigTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.close)

    def must(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def run_program(self, name):
        """Run a program that prints TAP; its points become ours."""
        result = subprocess.run([self.folder.path / name], capture_output=True, text=True, timeout=60, check=False)
        points = re.findall(r"^(not )?ok \d+ - (.*)$", result.stdout, re.MULTILINE)
        for failed, title in points:
            print_point(not failed, f"{name}: {title}")
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        self.assertIn(f"1..{len(points)}", result.stdout)


_points = 0


def print_point(good, title):
    global _points
    _points += 1
    print(f"{'' if good else 'not '}ok {_points} - {title}")


class _TapResult(unittest.TestResult):
    def _title(self, test):
        return test.shortDescription() or test.id()

    def addSuccess(self, test):
        super().addSuccess(test)
        print_point(True, self._title(test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print_point(True, f"{self._title(test)} # SKIP {reason}")

    def _add(self, test, details):
        print_point(False, self._title(test))
        for line in details.splitlines():
            print(f"# {line}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._add(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._add(subtest, "".join(traceback.format_exception(*err)))

    def addError(self, test, err):
        super().addError(test, err)
        self._add(test, self.errors[-1][1])


def main(*cases):
    """Run test cases, print TAP. Returns: the exit status."""
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case) for case in cases)
    result = _TapResult()
    suite.run(result)
    print(f"1..{_points}")
    return 0 if result.wasSuccessful() else 1
