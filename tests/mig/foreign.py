#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Try mig on the interface files of another Mach system.

    tests/mig/foreign.py FOLDER [-I FOLDER] ... [-D [FILE:]NAME[=VALUE]] ...

Every .defs file below FOLDER that has a subsystem is taken as it stands: client stubs, server stubs and documentation
are written, and the C is compiled with clang-19 -Wall -Wextra -Werror.  Where a file has conditions for the kernel's
side (KERNEL_SERVER, KERNEL_USER), that side is written and compiled as well.

An included .defs file that is nowhere under that name (a link to the machine's folder, say) is replaced by one of the
same last name.

Headers are not taken from there: those that a .defs file includes or imports are stand-ins, empty or with a type of the
declared size for each name.  So the test says that the language is understood and that the C is right in itself; it
can't say that types have the size there that the .defs file says.

Prints a line for each file, and the figures; exit status 1 if a file fails.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/mig"))
sys.dont_write_bytecode = True

from miglib import cli, model, source, syntax  # noqa: E402 (the path is set first)
from miglib.diagnostics import MigError  # noqa: E402

WARNINGS = ["-std=gnu17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
KERNEL_FOLDERS = [ROOT, ROOT / "hal/include", ROOT / "arch/x86_64/include"]
BUILT_IN = {"char", "short", "int", "unsigned", "long", "float", "double"}
TOKENS = {"security_token_t", "audit_token_t"}  # of these, the stubs use ours
NO_FILE = re.compile(r"'([^']+)' file not found")


class Tree:
    """The .defs files of some folders, and how they find each other."""

    def __init__(self, folders):
        self._by_name = {}
        known = {}
        for folder in folders:
            for path in sorted(folder.rglob("*.defs")):
                self._by_name.setdefault(path.name, path.resolve())
                for parent in path.parents:
                    known.setdefault(str(path.relative_to(parent)), []).append(parent)
                    if parent == folder:
                        break
        found = []
        for path in [path for folder in folders for path in sorted(folder.rglob("*.defs"))]:
            wanted = set(re.findall(r'#\s*include\s*[<"]([^>"]+\.defs)[>"]', path.read_text(errors="replace")))
            for name in sorted(wanted):
                found += known.get(name, [])
        # A file may include its namesake elsewhere: the folder that most is found in goes first.
        self.includes = sorted(dict.fromkeys(found), key=lambda parent: (-found.count(parent), parent))

    def stand_in(self, name):
        """What an included file that is missing is replaced by: nothing, or a file of the same last name."""
        path = self._by_name.get(Path(name).name)
        return f'#include "{path}"\n' if path else ""


class Attempt:
    """One file, on one side: user, kernel server or kernel user."""

    def __init__(self, path, tree, definitions, room):
        self._path = path
        self._tree = tree
        self._room = room
        self._stand_ins = room / "stand-ins"
        self._stand_ins.mkdir(parents=True, exist_ok=True)
        self._includes = [*tree.includes, self._stand_ins]
        self._definitions = definitions

    def load(self):
        """The file's interface, None if it has no subsystem; headers that are missing become empty ones."""
        while True:
            try:
                text = source.load(self._path, self._includes, self._definitions)
                statements = syntax.parse(text)
                if not any(isinstance(statement, syntax.Subsystem) for statement in statements):
                    return None
                return model.analyse(statements)
            except MigError as error:
                missing = NO_FILE.search(str(error))
                if missing is None:
                    raise
                stand_in = self._stand_ins / missing.group(1)
                stand_in.parent.mkdir(parents=True, exist_ok=True)
                stand_in.write_text(self._tree.stand_in(missing.group(1)))

    def mig(self, *options):
        command = [f"-I{folder}" for folder in self._includes] + [f"-D{name}" for name in self._definitions]
        if cli.main([*command, *options, str(self._path)]):
            raise MigError(None, "see above")

    def _headers(self, interface):
        """What the generated C includes, beside ours: nothing but the types."""
        (self._room / "types.h").write_text(type_header(interface))
        imports = {name.strip('<>"') for name in interface.user_imports + interface.server_imports}
        for name in imports - own_headers():
            path = self._room / "headers" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    def compile(self, interface, names, kernel):
        self._headers(interface)
        command = ["clang-19", *WARNINGS, f"-I{self._room}", f"-I{self._room / 'headers'}", f"-I{ROOT / 'include'}"]
        if kernel:
            command += ["-DKERNEL", "-ffreestanding", *[f"-I{folder}" for folder in KERNEL_FOLDERS]]
        command += ["-include", str(self._room / "types.h")]
        for name in names:
            result = subprocess.run([*command, str(self._room / name)], capture_output=True, text=True, check=False)
            if result.returncode:
                raise MigError(None, f"the C does not compile:\n{result.stderr}")

    def user_side(self):
        """Client and server of a program."""
        interface = self.load()
        if interface is None:
            return False
        files = ["-user", "user.c", "-header", "user.h", "-doc", "doc.md"]
        if not interface.kernel_server:
            files += ["-server", "server.c", "-sheader", "server.h"]
        if not interface.kernel_user:
            self.mig(*[file if file.startswith("-") else str(self._room / file) for file in files])
            self.compile(interface, [file for file in files if file.endswith(".c")], False)
        return True

    def kernel_side(self, kind):
        """The kernel's, if the file has one of that kind (server or user). Returns: had it?"""
        interface = self.load()
        if interface is None or not getattr(interface, f"kernel_{kind}"):
            return False
        header = {"server": "-sheader", "user": "-header"}[kind]
        self.mig(f"-{kind}", str(self._room / "kernel.c"), header, str(self._room / "kernel.h"))
        self.compile(interface, ["kernel.c"], True)
        return True


@lru_cache(maxsize=1)
def own_text():
    """Our headers, as the generated C includes them, with line markers."""
    command = ["clang-19", "-E", f"-I{ROOT / 'include'}", "-x", "c", "-"]
    return subprocess.run(
        command, input="#include <mach/mig.h>\n", capture_output=True, text=True, check=True
    ).stdout


def own_headers():
    """The names under which they are included."""
    return set(re.findall(rf'"{ROOT / "include"}/([^"]+)"', own_text()))


def known_types():
    """The types that they define."""
    text = re.sub("^#.*$", "", own_text(), flags=re.MULTILINE)
    definitions = " ".join(re.findall(r"typedef[^;{}]*;|\}[^;{}]*;", text))
    return set(re.findall(r"(\w+)\s*(?:\[[^\]]*\])*;", definitions)) | BUILT_IN


def type_header(interface):
    """A C type for each name that the generated C may use."""
    types = {}
    functions = {}
    for kind in interface.types.values():
        collect(kind, types, functions)
    for routine in interface.routines:
        for argument in routine.arguments:
            collect(argument.type, types, functions)
    known = known_types()
    lines = ["#pragma once", "#include <mach/mig.h>", "#include <stdint.h>"]
    defined = set(known)
    for name, kind in types.items():
        if name in known and kind.shape in ("struct", "record") and name not in TOKENS:
            lines.append(f"#define {name} foreign_{name}")
            defined.discard(name)
    for name, kind in types.items():
        lines += typedefs(name, kind, defined)
    lines += sorted(functions.values())
    return "\n".join(lines) + "\n"


def collect(kind, types, functions):
    for name in (kind.name, kind.c_type, kind.c_user, kind.c_server):
        if name:
            types.setdefault(name, kind)
    for member in [kind.element, *kind.members]:
        if member is not None:
            collect(member, types, functions)
    for translation in (kind.intran, kind.intranpayload, kind.outtran, kind.destructor):
        if translation is None:
            continue
        wire = replace_translations(kind)
        for name in (translation.parameter, translation.result):
            if name:
                types.setdefault(name, wire)
        result = translation.result or "void"
        functions[translation.function] = f"{result} {translation.function}({translation.parameter});"


def replace_translations(kind):
    return model.Type(kind.shape, bits=kind.bits, element=kind.element, length=kind.length, members=kind.members)


def typedefs(name, kind, defined):
    """The lines that define a name, after those that it needs."""
    if name in defined or not re.fullmatch(r"\w+", name):
        return []
    defined.add(name)
    if kind.shape == "port":
        return [f"typedef mach_port_t {name};"]
    if kind.out_of_line:
        return [f"typedef void *{name};"]
    if kind.shape == "string":
        return [f"typedef char {name}[{kind.length}];"]
    if kind.shape == "array":
        element = kind.element.user_type or "mach_port_t"
        lines = typedefs(element, kind.element, defined)
        return lines + [f"typedef {element} *{name};" if kind.varying else f"typedef {element} {name}[{kind.length}];"]
    if kind.shape == "scalar":
        return [f"typedef uint{kind.bits}_t {name};"]
    unit = 8 * min(kind.alignment, 8)
    return [f"typedef struct {{ uint{unit}_t part[{kind.size * 8 // unit}]; }} {name};"]


def sides(path, tree, definitions):
    """Try a file. Returns: the sides that it has. Raises: MigError."""
    result = []
    with tempfile.TemporaryDirectory(prefix="mig-foreign-") as name:
        room = Path(name)
        if not Attempt(path, tree, definitions, room / "user").user_side():
            return result
        result.append("user")
        for kind in ("server", "user"):
            macro = f"KERNEL_{kind.upper()}"
            attempt = Attempt(path, tree, [*definitions, f"{macro}=1", "KERNEL=1"], room / macro)
            if attempt.kernel_side(kind):
                result.append(f"kernel {kind}")
    return result


def for_file(name, definitions):
    """Those of all files and those of this one."""
    split = [definition.rpartition(":") for definition in definitions]
    return [macro for file, _, macro in split if file in ("", str(name))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-I", action="append", type=Path, default=[], metavar="FOLDER", help="more files to include")
    parser.add_argument("-D", action="append", default=[], metavar="[FILE:]NAME[=VALUE]",
                        help="for the preprocessor, of that file only")
    parser.add_argument("-v", action="store_true", help="say all that is wrong with a file")
    arguments = parser.parse_args()
    files = sorted(arguments.folder.rglob("*.defs"))
    tree = Tree([arguments.folder, *arguments.I])
    good, parts, bad = 0, 0, 0
    for path in files:
        name = path.relative_to(arguments.folder)
        try:
            found = sides(path, tree, for_file(name, arguments.D))
        except MigError as error:
            bad += 1
            reason = str(error) if arguments.v else str(error).split("\n", maxsplit=2)[0]
            print(f"FAIL {name}: {reason}")
            continue
        good += bool(found)
        parts += not found
        print(f"ok   {name}: {', '.join(found) or 'no subsystem'}")
    print(f"{good} of {good + bad} subsystems; {parts} files without one")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
