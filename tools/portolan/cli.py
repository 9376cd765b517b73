# SPDX-License-Identifier: BSD-2-Clause
"""The command line of ./portolan."""

import argparse
import sys
from pathlib import Path

from portolan import (bench, builder, coverage, doctor, fuzz, halsuite, model, mutants, prove, run, sim, status, tapout,
                      test)
from portolan.machines import BOARDS, FLAVOURS, ISAS, MACHINES, default_board
from portolan.pool import Progress

EXAMPLES = """examples:
  ./portolan run                                boot all ISAs, run the conformance programs
  ./portolan run --arch riscv64 --checked --gdb boot one ISA and wait for GDB
  ./portolan test                               every test
  ./portolan bench --json figures.json          instruction counts beside those of other kernels

"""


def _add_verification(add):
    """The commands that look for faults by other means than booting guests."""
    command = add("prove", prove.command, "prove the kernel's contracts (tests/proof/README.md)")
    command.add_argument("name", nargs="*", metavar="NAME", help="a proof of tests/proof/proofs.toml; default: all")
    command.add_argument("--timeout", type=int, metavar="N", help="seconds for each goal instead of the table's")
    command.add_argument("--record", action="store_true", help="record the numbers of obligations as expected")
    command.set_defaults(needs=(), flavour=None)

    command = add("model", model.command, "explore models of the kernel's protocols (tests/model/README.md)")
    command.add_argument("name", nargs="*", metavar="NAME", help="a model of tests/model; default: all")
    command.set_defaults(needs=(), flavour=None)

    command = add("sim", sim.command, "run the tests on the simulated machine (docs/design/sim.md)")
    command.add_argument("name", nargs="*", metavar="NAME", help="a test program, or PROGRAM:SCENARIO; default: all")
    command.add_argument("--seeds", type=int, default=0, metavar="N", help="random machines 0 .. N - 1 for each")
    command.add_argument("--tsan", action="store_true", help="CPUs are host threads under ThreadSanitizer")
    command.set_defaults(needs=(), flavour=None)

    command = add("coverage", coverage.command, "measure which lines and branches of the kernel the simulator's tests "
                  "execute")
    command.add_argument("--html", type=Path, metavar="DIR", help="where the pages go (default build/coverage)")
    command.set_defaults(needs=(), flavour=None)

    command = add("mutants", mutants.command, "seed faults into copies of the kernel and count those that the tests notice")
    command.add_argument("target", nargs="*", metavar="TARGET", help="sim or an ISA; default: all")
    command.add_argument("--count", type=int, metavar="N",
                         help="faults in C for each target (default: 80 for sim, 25 for an ISA)")
    command.add_argument("--seed", type=int, default=1, metavar="N", help="chooses them (default 1)")
    command.set_defaults(needs=(), flavour=None)

    command = add("fuzz", fuzz.command, "fuzz the traps and messages of the simulated kernel (tests/sim/fuzz.h)")
    command.add_argument("--minutes", type=float, default=10, metavar="N", help="how long (default 10)")
    command.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at once (default 2)")
    command.set_defaults(needs=(), flavour=None)


def _add_bench(add):
    command = add("bench", bench.command, "count instructions per operation; write charts to build/bench/index.html")
    command.add_argument("--once", action="store_true", help="do not run twice to show that the figures repeat")
    command.add_argument("--json", metavar="FILE", help="write {ISA: {operation: instructions}}")
    command.add_argument("--record", action="store_true",
                         help="record the figures in tests/bench/recorded.json: `test` holds them")
    command.set_defaults(needs=("release",), flavour="release")


def _parser():
    parser = argparse.ArgumentParser(
        prog="./portolan", description="Build, boot, test and measure the Portolan microkernel.",
        epilog=EXAMPLES + status.HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--no-install", action="store_true",
                        help="install no package; if one is missing, print the command and exit with status 3")
    common.add_argument("--verbose", action="store_true", help="show all output of builds and guests")
    common.add_argument("--arch", action="append", choices=[*ISAS, "all"], metavar="ISA",
                        help=f"{', '.join(ISAS)} or all (the default); may be repeated")
    common.add_argument("--board", action="append", choices=[*BOARDS, halsuite.SIMULATED], metavar="BOARD",
                        help=f"a board instead of an ISA: {', '.join(BOARDS)}; with `test --hal` also "
                        f"{halsuite.SIMULATED}, the simulated machine; may be repeated")

    flavour = argparse.ArgumentParser(add_help=False)
    group = flavour.add_mutually_exclusive_group()
    group.add_argument("--checked", dest="flavour", action="store_const", const="checked",
                       help="the kernel with assertions and lock checks")
    group.add_argument("--release", dest="flavour", action="store_const", const="release",
                       help="the kernel without them")

    def add(name, function, help_text, *parents):
        command = commands.add_parser(name, help=help_text, description=help_text, parents=[common, *parents])
        command.set_defaults(function=function)
        return command

    command = add("run", run.command, "boot the guests, run the conformance programs, show results and latencies",
                  flavour)
    command.add_argument("--smp", type=int, default=4, metavar="N", help="CPUs of each guest (default 4)")
    command.add_argument("--gdb", action="store_true", help="with one ISA: start the guest stopped, for GDB")
    command.add_argument("--json", metavar="FILE", help="write {ISA: {booted, passed, failed, skipped}}")
    command.set_defaults(needs=("release",))

    command = add("test", test.command, "run every test; the last line is `N passed, N failed`", flavour)
    command.add_argument("--hal", action="store_true",
                         help="only the HAL conformance suite, on all machines (tests/hal/README.md)")
    command.set_defaults(needs=FLAVOURS)

    _add_bench(add)

    command = add("build", _build_only, "build only", flavour)
    command.set_defaults(needs=("release",))

    command = add("guest", tapout.command, "boot one build and print its results as TAP (what `meson test` runs)")
    command.add_argument("--build", type=Path, required=True, metavar="DIR", help="the build directory, up to date")
    command.add_argument("--machine", required=True, choices=[machine.name for machine in MACHINES])
    command.add_argument("--smp", type=int, default=1, metavar="N", help="CPUs of the guest (default 1)")
    command.add_argument("--bench", action="store_true", help="the benchmark instead of the conformance programs")
    command.set_defaults(needs=(), flavour=None)

    _add_verification(add)

    command = add("doctor", doctor.command, "tell what this machine lacks")
    command.set_defaults(needs=(), flavour=None)
    return parser


def _build_only(options, boards, progress):
    return status.OK


def _boards(options):
    """The boards that the options select, each once, in a fixed order."""
    selected = set(options.board or ())
    for isa in options.arch or ([] if selected else ["all"]):
        selected |= {default_board(name) for name in (ISAS if isa == "all" else [isa])}
    return [board for board in BOARDS if board in selected]


def _check(parser, options, boards):
    """Refuse options that do not go together."""
    if getattr(options, "gdb", False) and len(boards) != 1:
        parser.error("--gdb needs exactly one --arch or --board")
    if halsuite.SIMULATED in (options.board or ()) and not getattr(options, "hal", False):
        parser.error(f"--board {halsuite.SIMULATED} goes with `test --hal` only")
    if not 1 <= getattr(options, "smp", 1) <= 64:
        parser.error("--smp takes 1 to 64")


def main(arguments):
    parser = _parser()
    options = parser.parse_args(arguments)
    boards = _boards(options)
    options.simulated = halsuite.SIMULATED in (options.board or ()) or not (options.board or options.arch)
    _check(parser, options, boards)
    flavours = [options.flavour] if options.flavour else list(options.needs)
    if options.command == "run" or options.command == "build":
        options.flavour = flavours[0]
    try:
        for board in boards:
            for flavour in flavours:
                builder.build(board, flavour, options.verbose)
        return options.function(options, boards, Progress())
    except builder.BuildError as error:
        print(f"portolan: the build failed:\n{error}", file=sys.stderr)
        return status.BUILD
    except status.MissingError as error:
        print(f"portolan: {error} is not installed", file=sys.stderr)
        return status.MISSING
    except KeyboardInterrupt:
        return status.INTERRUPTED
