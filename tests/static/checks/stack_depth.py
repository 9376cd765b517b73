# SPDX-License-Identifier: BSD-2-Clause
"""the kernel never recurses and needs at most half of a CPU's stack

The call graph of all C code of the kernel, from Clang's intermediate code before any optimisation; what a function needs, from the
objects of the build (-fstack-usage).  An indirect call may reach every function of its C type whose address is taken: -fsanitize=kcfi
writes a hash of the type at both ends.  A panic may happen anywhere and ends the system, so calls of it are no
edges; what it needs itself is added once.
"""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

NEEDS_BUILD = True
STACK_SIZE = re.compile(r"#define ARCH_STACK_SIZE\s+(0x[0-9a-fA-F]+)")
ENDS = ("panic", "kern_contract_panic", "kern_trap_panic")
WORKERS = 2
RETURN_ADDRESS = {"x86_64": 8}  # what a call pushes by itself

DEFINITION = re.compile(r'^define .*?@"?([\w.$]+)"?\(.*?(?:!kcfi_type !(\d+))?\s*\{$')
DIRECT = re.compile(r'\bcall\b[^@%]*?@"?([\w.$]+)"?\(')
INDIRECT = re.compile(r'\bcall\b.*\[ "kcfi"\(i32 (-?\d+)\) \]')
TYPE = re.compile(r"^!(\d+) = !\{i32 (-?\d+)\}")
NAME = re.compile(r'@"?([\w.$]+)"?')


class Graph:
    """Functions, whom they call, by name or by type, and what they put on the stack."""

    def __init__(self):
        self.calls = {}
        self.indirect = {}  # function: hashes of the types that it calls
        self.targets = {}  # hash: functions of that type whose address is taken
        self.size = {}

    def add_unit(self, text, unit):
        """Read the intermediate code of one file. Static functions of two files may share a name."""
        types = dict(match.groups() for match in map(TYPE.match, text.splitlines()) if match)
        local = set(re.findall(r'^define internal .*?@"?([\w.$]+)"?\(', text, re.MULTILINE))
        def full(name):
            return f"{unit}:{name}" if name in local else name

        typed, taken, current = {}, set(), None
        for line in text.splitlines():
            definition = DEFINITION.match(line)
            if definition:
                current = full(definition[1])
                self.calls[current], self.indirect[current] = set(), set()
                if definition[2]:
                    typed[definition[1]] = types[definition[2]]
                continue
            if not current and not line.startswith("@"):
                continue
            direct, indirect = DIRECT.search(line), INDIRECT.search(line)
            names = [name for name in NAME.findall(line) if not name.startswith("llvm.")]
            if line.startswith("@"):
                names = names[1:]  # the variable itself
            elif indirect:
                self.indirect[current].add(indirect[1])
            elif direct and direct[1] in names:
                self.calls[current].add(full(direct[1]))
                names.remove(direct[1])
            taken |= set(names)
            if line == "}":
                current = None
        return {full(name): kind for name, kind in typed.items()}, {full(name) for name in taken}

    def add_units(self, units):
        typed, taken = {}, set()
        for unit, text in units:
            unit_typed, unit_taken = self.add_unit(text, unit)
            typed |= unit_typed
            taken |= unit_taken
        for name in taken & typed.keys():
            self.targets.setdefault(typed[name], set()).add(name)

    def callees(self, function):
        callees = set(self.calls.get(function, ()))
        for kind in self.indirect.get(function, ()):
            callees |= self.targets.get(kind, set())
        return {name for name in callees if name in self.calls and name not in ENDS}

    def deepest(self, push):
        """({function: (bytes, path)}, findings)."""
        depth, findings = {}, []

        def visit(function, path):
            if function in path:
                findings.append("recursion: " + " -> ".join(path[path.index(function):] + [function]))
                return (0, ())
            if function not in depth:
                below = [visit(callee, path + [function]) for callee in sorted(self.callees(function))]
                best = max(below, default=(0, ()))
                depth[function] = (self.size.get(function, 0) + push + best[0], (function, *best[1]))
            return depth[function]

        for function in self.calls:
            visit(function, [])
        return depth, findings


def _intermediate(entry):
    words = entry["command"].split()
    words[words.index("-o") + 1] = "-"
    command = [word for word in words if word not in ("-c", "-MD")] + [
        "-S", "-emit-llvm", "-fsanitize=kcfi", "-Xclang", "-disable-llvm-passes", "-g0"]
    for option in ("-MQ", "-MF"):
        at = command.index(option)
        del command[at:at + 2]
    return subprocess.run(command, cwd=entry["directory"], check=True, capture_output=True, text=True).stdout


def _sizes(graph, build, entry, unit):
    """The functions that Clang left after inlining; the others are part of their callers."""
    usage = (build / entry["output"]).with_suffix(".su")
    if not usage.exists():  # a file of data
        return
    for line in usage.read_text(encoding="utf-8").splitlines():
        place, size, kind = line.split("\t")
        name = place.rsplit(":", 1)[1]
        key = f"{unit}:{name}" if f"{unit}:{name}" in graph.calls else name
        graph.size[key] = int(size)
        if kind != "static":
            raise ValueError(f"{name}: its stack frame has no fixed size")


def judge(graph, limit, push):
    depth, findings = graph.deepest(push)
    end = max((depth[name] for name in ENDS if name in depth), default=(0, ()))
    worst = max(depth.values())
    total = worst[0] + end[0]
    if total > limit:
        findings.append(f"{total} bytes, {limit} allowed: {' -> '.join(worst[1])}, then {' -> '.join(end[1])}")
    return findings


def check(tree, build):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    kernel = [entry for entry in commands if "libkernel-m" in entry["output"] and entry["file"].endswith(".c")]
    isa = re.search(r"--target=(\w+)-", kernel[0]["command"])[1]
    with ThreadPoolExecutor(WORKERS) as pool:
        texts = list(pool.map(_intermediate, kernel))
    units = [entry["output"] for entry in kernel]
    graph = Graph()
    graph.add_units(zip(units, texts))
    for entry, unit in zip(kernel, units):
        _sizes(graph, build, entry, unit)
    limit = int(STACK_SIZE.search(tree.text(f"arch/{isa}/include/arch/layout.h"))[1], 16) // 2
    return judge(graph, limit, RETURN_ADDRESS.get(isa, 0))


def _seed(source, sizes=()):
    text = subprocess.run(["clang-19", "--target=riscv64-none-elf", "-S", "-emit-llvm", "-fsanitize=kcfi", "-Xclang",
                           "-disable-llvm-passes", "-x", "c", "-", "-o", "-"],
                          input=source, text=True, check=True, capture_output=True).stdout
    graph = Graph()
    graph.add_units([("seed", text)])
    graph.size.update(sizes)
    return bool(judge(graph, 100, 0))


def seeded():
    """(name, found) for each seeded violation; the innocent one must pass, too."""
    yield "nothing wrong in a tree", not _seed("void a(void) {} void b(void) { a(); } void c(void) { a(); b(); }",
                                               {"a": 30, "b": 30, "c": 30})
    yield "a function that calls itself", _seed("void a(void) { a(); }")
    yield "two that call each other", _seed("void b(void); void a(void) { b(); } void b(void) { a(); }")
    yield "recursion through a pointer", _seed(
        "void a(int); void (*p)(int) = a; static void b(void) { p(1); } void a(int x) { b(); }")
    yield "a path that is too deep", _seed("void a(void) {} void b(void) { a(); }", {"a": 60, "b": 60})
