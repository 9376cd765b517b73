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


def _arguments(argv):
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
    arguments = parser.parse_args(argv)
    if arguments.user and not arguments.header:
        parser.error("-user needs -header")
    if arguments.server and not arguments.sheader:
        parser.error("-server needs -sheader")
    return arguments


def _write(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise MigError(None, f"can't write {path}: {error.strerror}") from None


def _write_dependencies(arguments, files):
    outputs = [arguments.user, arguments.server, arguments.header, arguments.sheader, arguments.doc]
    targets = " ".join(output for output in outputs if output)
    _write(arguments.MD, f"{targets}: {' '.join(sorted(files))}\n")


def _generate(arguments):
    text = source.load(arguments.file, arguments.I, arguments.D)
    interface = model.analyse(syntax.parse(text))
    interface.kernel_server |= arguments.kernel_server
    interface.kernel_user |= arguments.kernel_user
    if arguments.check:
        return
    sides = set()
    if arguments.user or arguments.header:
        sides.add("user")
    if arguments.server or arguments.sheader:
        sides.add("server")
    model.require_supported(interface, sides)
    if arguments.header:
        _write(arguments.header, (sender_header if interface.kernel_user else user_header)(interface))
    if arguments.user:
        stubs = sender_stubs if interface.kernel_user else user_stubs
        _write(arguments.user, stubs(interface, os.path.basename(arguments.header)))
    if arguments.sheader:
        _write(arguments.sheader, server_header(interface))
    if arguments.server:
        _write(arguments.server, server_stubs(interface, os.path.basename(arguments.sheader)))
    if arguments.doc:
        _write(arguments.doc, document(interface))
    if arguments.MD:
        _write_dependencies(arguments, text.files())


def main(argv=None):
    arguments = _arguments(argv)
    try:
        _generate(arguments)
    except MigError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
