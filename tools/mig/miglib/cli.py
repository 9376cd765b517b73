# SPDX-License-Identifier: BSD-2-Clause
"""The command line."""

import argparse
import os
import sys
from pathlib import Path

from . import model, source, syntax
from .c_header import sender_header, server_header, user_header
from .c_sender import sender_stubs
from .c_server import server_stubs
from .c_user import user_stubs
from .diagnostics import MigError
from .document import document

_DESCRIPTION = """\
Reads a Mach interface file (.defs) and writes C: the client's functions, the server's side of them, headers, and a
page of documentation.  Nothing is written unless asked for."""

_EPILOG = """\
Exit status: 0 all written; 1 an error in the input (FILE:LINE:COLUMN: error: ...); 2 wrong usage.

The modifier of the subsystem statement chooses the kind of stubs: none or KernelServer for -server, none for -user,
KernelUser for -user in a kernel that sends without waiting (kern/mig_kernel.h)."""


def arguments(argv):
    """What the command line asks for. Exits with status 2 if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="mig",
        allow_abbrev=False,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE.defs")
    parser.add_argument("-user", metavar="FILE", help="write the client's functions")
    parser.add_argument("-server", metavar="FILE", help="write the server's stubs")
    parser.add_argument("-header", metavar="FILE", help="write the client's header (needed by -user)")
    parser.add_argument("-sheader", metavar="FILE", help="write the server's header (needed by -server)")
    parser.add_argument("-doc", metavar="FILE", help="write documentation as Markdown")
    parser.add_argument("-check", action="store_true", help="parse and analyse only; accepts all of the language")
    parser.add_argument("-kernel-server", action="store_true", help="as if the subsystem said KernelServer")
    parser.add_argument("-kernel-user", action="store_true", help="as if the subsystem said KernelUser")
    parser.add_argument("-I", metavar="DIR", action="append", default=[], help="where included files are")
    parser.add_argument("-D", metavar="NAME[=VALUE]", action="append", default=[], help="for the preprocessor")
    parser.add_argument("-MD", metavar="FILE", help="write the dependencies for make or ninja")
    wanted = parser.parse_args(argv)
    if wanted.user and not wanted.header:
        parser.error("-user needs -header")
    if wanted.server and not wanted.sheader:
        parser.error("-server needs -sheader")
    return wanted


def _write(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise MigError(None, f"can't write {path}: {error.strerror}") from None


def _write_dependencies(wanted, files):
    outputs = [wanted.user, wanted.server, wanted.header, wanted.sheader, wanted.doc]
    targets = " ".join(output for output in outputs if output)
    _write(wanted.MD, f"{targets}: {' '.join(sorted(files))}\n")


def write(interface, wanted):
    """Write the files that are wanted of an interface. Raises: MigError."""
    sides = set()
    if wanted.user or wanted.header:
        sides.add("user")
    if wanted.server or wanted.sheader:
        sides.add("server")
    model.require_supported(interface, sides)
    if wanted.header:
        _write(wanted.header, (sender_header if interface.kernel_user else user_header)(interface))
    if wanted.user:
        stubs = sender_stubs if interface.kernel_user else user_stubs
        _write(wanted.user, stubs(interface, os.path.basename(wanted.header)))
    if wanted.sheader:
        _write(wanted.sheader, server_header(interface))
    if wanted.server:
        _write(wanted.server, server_stubs(interface, os.path.basename(wanted.sheader)))
    if wanted.doc:
        _write(wanted.doc, document(interface))


def _generate(wanted):
    text = source.load(wanted.file, wanted.I, wanted.D)
    interface = model.analyse(syntax.parse(text))
    interface.kernel_server |= wanted.kernel_server
    interface.kernel_user |= wanted.kernel_user
    if wanted.check:
        return
    write(interface, wanted)
    if wanted.MD:
        _write_dependencies(wanted, text.files())


def main(argv=None):
    wanted = arguments(argv)
    try:
        _generate(wanted)
    except MigError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
