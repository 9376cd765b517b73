#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the runner: it must not take a bad boot for a good one."""

import sys
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from portolan import bench, cli, guest, halsuite, latency, machines, panics, tapout, test, vmmap  # noqa: E402 (the path is set first)
from portolan.console import PANIC_END, Console  # noqa: E402

GOOD = """portolan: x86_64 on q35, 4 CPUs, 120 MiB, page tables of 5 levels
TAP version 14
# program: port
ok 1 - allocate
ok 2 - no such right # SKIP needs two CPUs
1..2
# program: message
ok 1 - send
1..1
bench: null_trap 57 instructions
portolan: halted"""


@dataclass
class Script:
    """Stands for a boot: a shell script instead of QEMU."""

    script: str
    timeout: float = 5.0
    silence: float = 5.0
    title: str = "script"
    cmdline: str = ""
    cpus: int = 4
    levels: int = 5

    def command(self):
        return ["sh", "-c", self.script]


def boot(text, **arguments):
    return guest.run(Script(f"cat <<'END'\n{text}\nEND\n"), **arguments)


class PanicTest(unittest.TestCase):
    REPORT = ["panic: out of tune", "cpu: 0 of 2", "backtrace:", "  80001000 kern_boot+0x12", PANIC_END]

    def test_a_whole_report(self):
        self.assertEqual(panics.problems(self.REPORT, "out of tune"), [])

    def test_what_a_report_lacks(self):
        for line, lack in zip(self.REPORT, ("reason", "CPU", "backtrace", "backtrace", "last line"), strict=True):
            report = [other for other in self.REPORT if other != line]
            self.assertIn(lack, " ".join(panics.problems(report, "out of tune")))

    def test_a_frame_without_a_name(self):
        report = [line.replace("kern_boot+0x12", "?") for line in self.REPORT]
        self.assertIn("names", panics.problems(report, "out of tune")[0])


class GuestTest(unittest.TestCase):
    def bad(self, text, problem):
        outcome = boot(text)
        self.assertFalse(outcome.good)
        self.assertIn(problem, "\n".join(outcome.explain()))
        return outcome

    def test_good_boot(self):
        outcome = boot(GOOD)
        self.assertEqual(outcome.problems, [])
        self.assertEqual(outcome.counts(), {"booted": True, "passed": 2, "failed": 0, "skipped": 1})
        self.assertEqual(outcome.console.bench, {"null_trap": 57})

    def test_carriage_returns_and_terminal_sequences(self):
        outcome = boot("\x1b[2J" + GOOD.replace("\n", "\r\n") + "\r")
        self.assertTrue(outcome.good, outcome.problems)

    def test_failed_result(self):
        outcome = self.bad(GOOD.replace("ok 1 - send", "not ok 1 - send"), "not ok 1 - send")
        self.assertEqual(outcome.failed, 1)

    def test_why_a_result_failed_is_shown(self):
        self.bad(GOOD.replace("ok 1 - send", "not ok 1 - send\n# message.c:7: 2, expected 3"), "2, expected 3")

    def test_no_last_line(self):
        self.bad(GOOD.replace("portolan: halted", ""), "did not end with its last line")

    def test_text_after_the_last_line(self):
        self.bad(GOOD + "\nmore", "did not end with its last line")

    def test_silence(self):
        self.assertFalse(self.bad("", "did not end with its last line").booted)

    def test_end_after_the_output(self):
        outcome = guest.run(Script(f"cat <<'END'\n{GOOD}\nEND\nexec >&- 2>&-\nsleep 0.5"))
        self.assertEqual(outcome.problems, [])
        self.assertGreater(outcome.seconds, 0.5)

    def test_no_end_after_the_output(self):
        with mock.patch.object(guest, "EXIT_SECONDS", 0.1):
            outcome = guest.run(Script(f"cat <<'END'\n{GOOD}\nEND\nexec >&- 2>&-\nsleep 30"))
        self.assertIn("last output", outcome.problems[0])

    def test_no_program(self):
        self.bad("portolan: halted", "ran no test program")

    def test_program_without_plan(self):
        self.bad(GOOD.replace("1..2\n", ""), "port: ended without its plan")

    def test_plan_too_large(self):
        self.bad(GOOD.replace("1..2", "1..3"), "port: planned 3 tests, ran 2")

    def test_wrong_numbers(self):
        self.bad(GOOD.replace("ok 2", "ok 3"), "do not run from 1 up")

    def test_bail_out(self):
        self.bad(GOOD.replace("1..1", "Bail out! no memory"), "bailed out")

    def test_result_outside_a_program(self):
        self.bad("ok 1 - lost\n" + GOOD, "ended without its plan")

    def test_missing_cpu(self):
        self.bad(GOOD.replace("4 CPUs", "1 CPU"), "found 1 of 4 CPUs")

    def test_fewer_levels(self):
        self.bad(GOOD.replace("5 levels", "4 levels"), "page tables have 4 levels, not 5")

    def test_complaint(self):
        self.bad("boot: 1 CPUs stay off\n" + GOOD, "boot: 1 CPUs stay off")

    def test_panic(self):
        outcome = self.bad(f"panic: a lock is held\n  CPU 0\n{PANIC_END}\n", "a lock is held")
        self.assertIn("  |   CPU 0", outcome.explain())

    def test_panic_in_a_boot_that_goes_on(self):
        self.bad(f"panic: something\n{PANIC_END}\n" + GOOD, "panic: something")

    def test_hanging_guest_is_stopped(self):
        outcome = guest.run(Script("echo booting; sleep 100", timeout=0.3))
        self.assertIn("did not end within", outcome.problems[0])
        self.assertIn("  | booting", outcome.explain())
        self.assertLess(outcome.seconds, 5)

    def test_silent_guest_is_stopped(self):
        outcome = guest.run(Script("echo booting; sleep 100", silence=0.3))
        self.assertIn("printed nothing", outcome.problems[0])

    def test_endless_output_is_stopped(self):
        outcome = guest.run(Script("yes $(printf %01000d 0)", timeout=20))
        self.assertIn("printed more than", outcome.problems[0])


class CompareTest(unittest.TestCase):
    def count(self, *texts):
        tally = test.Tally()
        test.compare([boot(text) for text in texts], tally)
        return tally.passed, tally.failed

    def test_same(self):
        self.assertEqual(self.count(GOOD, GOOD.replace("57", "60"), GOOD), (2, 0))

    def test_comments_do_not_count(self):
        self.assertEqual(self.count(GOOD, GOOD.replace("ok 1 - send", "ok 1 - send\n# slow machine")), (1, 0))

    def test_other_description(self):
        self.assertEqual(self.count(GOOD, GOOD.replace("send", "receive")), (0, 1))

    def test_a_boot_that_failed_is_no_reference(self):
        self.assertEqual(self.count("", GOOD, GOOD), (1, 0))

    def test_missing_program(self):
        self.assertEqual(self.count(GOOD, GOOD.replace("# program: message\nok 1 - send\n1..1\n", "")), (0, 1))


class BenchTest(unittest.TestCase):
    FIGURES = {"x86_64": {"null_trap": 57, "other": 3}, "riscv64": {"null_trap": 80}}

    def test_differences(self):
        again = {"x86_64": {"null_trap": 58, "other": 3}, "riscv64": {"null_trap": 80}}
        self.assertEqual(len(bench.differences(self.FIGURES, again)), 1)
        self.assertEqual(bench.differences(self.FIGURES, self.FIGURES), [])

    def test_table_has_peers_and_unknown_keys(self):
        lines = latency.text(self.FIGURES)
        self.assertTrue(any(line.split() == ["null", "trap", "57", "-", "80"] for line in lines), lines)
        self.assertTrue(any(line.split() == ["seL4", "85", "97", "127"] for line in lines), lines)
        self.assertTrue(any(line.split() == ["other", "3", "-", "-"] for line in lines), lines)

    def test_a_figure_that_moved(self):
        record = {"x86_64": {"null_trap": 100, "gone": 5}}
        self.assertEqual(list(bench.drift("x86_64", {"null_trap": 103, "gone": 5}, record)), [])
        self.assertEqual(list(bench.drift("x86_64", {"null_trap": 97, "gone": 5}, record)), [])
        moved = bench.drift("x86_64", {"null_trap": 104, "new": 7}, record)
        self.assertIn("100 recorded, 104 now, +4.0 %", moved["null_trap"])
        self.assertIn("not measured", moved["gone"])
        self.assertIn("nothing recorded", moved["new"])
        self.assertIn("-4.0 %", bench.drift("x86_64", {"null_trap": 96, "gone": 5}, record)["null_trap"])

    def test_curves(self):
        curves = list(latency.curves({"x86_64": {"rpc_buffer_header": 570}, "riscv64": {}}))
        self.assertEqual(len(curves), len(latency.load_peers()["curves"]))  # none of an ISA without figures
        title, labels, series = curves[0]
        self.assertIn("x86_64", title)
        self.assertEqual(series["Portolan"][labels.index("0")], 570)
        self.assertEqual(series["GNU Mach"][labels.index("0")], 1450)

    def test_page_is_complete_in_itself(self):
        page = latency.page(self.FIGURES)
        self.assertIn("<svg", page)
        self.assertNotIn("<script", page)
        self.assertNotIn("src=", page)


class StreamTest(unittest.TestCase):
    def test_good(self):
        lines = list(tapout.stream(boot(GOOD), {}))
        self.assertEqual(lines, ["1..5", "ok 1 - port: allocate", "ok 2 - port: no such right # SKIP needs two CPUs",
                                 "ok 3 - message: send", "ok 4 - null_trap: 57", "ok 5 - script"])

    def test_a_figure_that_moved(self):
        lines = list(tapout.stream(boot(GOOD), {"null_trap": "60 recorded, 57 now"}))
        at = lines.index("not ok 4 - null_trap: 57")
        self.assertEqual(lines[at + 1], "# 60 recorded, 57 now")

    def test_bad(self):
        lines = list(tapout.stream(boot(GOOD.replace("ok 1 - send", "not ok 1 - send\n# why")), {}))
        at = lines.index("not ok 3 - message: send")
        self.assertIn("# why", lines[at:at + 3])


VMMAP = """addresses                                 size     resident  now/max memory  inherited
0000000000400000-0000000000405000       20 KiB       20 KiB  r-x/rwx private copy
0000000000405000-0000000000406000        4 KiB        4 KiB  rw-/rwx private copy
0000000100000000-0000000100001000        4 KiB        0 KiB  ---/rwx empty   copy
0000000100001000-0000000100021000      128 KiB        8 KiB  rw-/rwx private copy  wired 2
4 regions, 156 KiB, 32 KiB resident
in the kernel       bytes     in use    pages
pmap                  128          2        1
vm_radix              544         18        5
vm_object             144          9        2
vm_map                128          2        1
vm_map_entry          128         11        1
page                 4096        664
page table           4096         15"""


class VmmapTest(unittest.TestCase):
    def wrong(self, old="", new=""):
        self.assertIn(old, VMMAP)
        return vmmap.problems(VMMAP.replace(old, new, 1).split("\n"))

    def test_good(self):
        self.assertEqual(vmmap.problems(VMMAP.split("\n")), [])

    def test_regions(self):
        self.assertTrue(self.wrong("0000000000405000-", "0000000000404000-"))  # overlaps
        self.assertTrue(self.wrong("20 KiB       20 KiB", "20 KiB       24 KiB"))  # more resident than there is
        self.assertTrue(self.wrong("r-x/rwx", "r-x/rw-"))
        self.assertTrue(self.wrong("rw-/rwx", "rwx/rwx"))
        self.assertTrue(self.wrong("0 KiB  ---", "4 KiB  ---"))
        self.assertTrue(self.wrong("---/rwx", "r--/rwx"))  # no guard page

    def test_sums(self):
        self.assertTrue(self.wrong("4 regions", "5 regions"))
        self.assertTrue(self.wrong("156 KiB", "152 KiB"))
        self.assertTrue(self.wrong("32 KiB resident", "28 KiB resident"))
        self.assertTrue(vmmap.problems([]))

    def test_kernel(self):
        self.assertTrue(self.wrong("vm_radix ", "radix "))
        self.assertTrue(self.wrong("         11        1", "         3        1"))  # fewer entries than regions
        self.assertTrue(self.wrong("        664", "          7"))  # fewer pages than are resident


class MachinesTest(unittest.TestCase):
    def test_command(self):
        command = machines.Boot(machines.machines_of("qemu-virt-riscv64")[0],
                                machines.build_dir("qemu-virt-riscv64", "checked"), 4, "conformance=all").command()
        self.assertEqual(command[0], "qemu-system-riscv64")
        self.assertIn(str(ROOT / "build" / "riscv64-checked" / "kernel.img"), command)
        self.assertEqual(command[command.index("-smp") + 1], "4")

    def test_console_forgets_the_last_line(self):
        console = Console()
        console.feed("portolan: halted")
        console.feed("")
        self.assertFalse(console.halted)


class SuiteEndTest(unittest.TestCase):
    def problem(self, events, words="", board="pc"):
        with tempfile.TemporaryDirectory() as place:
            machine = machines.machines_of(board)[0]
            suite = halsuite.boot(machine, Path(place), 1, words)
            suite.monitor.with_suffix(".out").write_text(events, encoding="ascii")
            return suite.end_problem()

    def test_each_end(self):
        event = '{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-%s"}}\n'
        off, restart = event % "shutdown", event % "reset"
        self.assertIsNone(self.problem(off))
        self.assertIsNone(self.problem(restart, halsuite.REBOOT))
        self.assertIn("ended by guest-reset", self.problem(restart))
        self.assertIn("ended by guest-shutdown", self.problem(off, halsuite.REBOOT))
        self.assertIn("ended by nothing", self.problem('{"QMP": {}}\n'))

    def test_silent_power_off(self):
        restart = '{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}\n'
        self.assertIsNone(self.problem("", board="qemu-virt-riscv64"))
        self.assertIn("not by nothing", self.problem(restart, board="qemu-virt-riscv64"))
        self.assertIn("ended by nothing", self.problem("", halsuite.REBOOT, "qemu-virt-riscv64"))


class CommandLineTest(unittest.TestCase):
    def test_wrong_usage(self):
        for arguments in (["fly"], ["run", "--arch", "m68k"], ["run", "--gdb"], ["run", "--smp", "0"],
                          ["run", "--board", "sim"]):
            with self.assertRaises(SystemExit) as caught, open("/dev/null", "w") as null:
                stderr, sys.stderr = sys.stderr, null
                try:
                    cli.main(arguments)
                finally:
                    sys.stderr = stderr
            self.assertEqual(caught.exception.code, 2, arguments)


if __name__ == "__main__":
    unittest.main()
