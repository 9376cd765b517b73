# SPDX-License-Identifier: BSD-2-Clause
"""The command line of ./portolan."""

import argparse
import sys
from pathlib import Path

from portolan import bench, builder, doctor, run, status, tapout, test
from portolan.machines import BOARDS, FLAVOURS, ISAS, MACHINES, default_board
from portolan.pool import Progress

EXAMPLES = """examples:
  ./portolan run                                boot all ISAs, run the conformance programs
  ./portolan run --arch riscv64 --checked --gdb boot one ISA and wait for GDB
  ./portolan test                               every test
  ./portolan bench --json figures.json          instruction counts beside those of other kernels

"""


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
    common.add_argument("--board", action="append", choices=list(BOARDS), metavar="BOARD",
                        help=f"a board instead of an ISA: {', '.join(BOARDS)}; may be repeated")

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
    command.set_defaults(needs=FLAVOURS)

    command = add("bench", bench.command, "count instructions per operation; write charts to build/bench/index.html")
    command.add_argument("--once", action="store_true", help="do not run twice to show that the figures repeat")
    command.add_argument("--json", metavar="FILE", help="write {ISA: {operation: instructions}}")
    command.set_defaults(needs=("release",), flavour="release")

    command = add("build", _build_only, "build only", flavour)
    command.set_defaults(needs=("release",))

    command = add("guest", tapout.command, "boot one build and print its results as TAP (what `meson test` runs)")
    command.add_argument("--build", type=Path, required=True, metavar="DIR", help="the build directory, up to date")
    command.add_argument("--machine", required=True, choices=[machine.name for machine in MACHINES])
    command.add_argument("--smp", type=int, default=1, metavar="N", help="CPUs of the guest (default 1)")
    command.add_argument("--bench", action="store_true", help="the benchmark instead of the conformance programs")
    command.set_defaults(needs=(), flavour=None)

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
    if not 1 <= getattr(options, "smp", 1) <= 64:
        parser.error("--smp takes 1 to 64")


def main(arguments):
    parser = _parser()
    options = parser.parse_args(arguments)
    boards = _boards(options)
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
