# SPDX-License-Identifier: BSD-2-Clause
"""machine-independent objects need only each other and the HAL; the HAL needs only its upcalls

The linker's own view: the undefined symbols of libkernel-mi.a and libkernel-md.a, against the prototypes of
hal/include/hal.  An inline HAL function may use names of its ISA's headers; machine-independent text may not.
"""

import re
import subprocess
import tempfile
from pathlib import Path

from docs import hal_header
from tree import MACHINE_INDEPENDENT

NEEDS_BUILD = True
NM = "llvm-nm-19"
HAL_DATA = {"hal_info"}
# Clang calls these four for assignments and loops; the kernel defines them once, for both sides.
COMPILER = {"memcpy", "memmove", "memset", "memcmp"}
# Made by the build from the first link (tools/image/symbols.py).
BUILD = {"kern_symbol_count", "kern_symbol_address", "kern_symbol_name"}
WORD = re.compile(r"[A-Za-z_]\w*")
SCRIPT_SYMBOL = re.compile(r"(\w+)\s*=[^=]")


def symbols(library):
    """(defined, undefined) names over all members of an archive or object."""
    output = subprocess.run([NM, "--extern-only", "--format=just-symbols", "--defined-only", library],
                            check=True, capture_output=True, text=True).stdout
    defined = {line for line in output.splitlines() if line and not line.endswith(":")}
    output = subprocess.run([NM, "--extern-only", "--format=just-symbols", "--undefined-only", library],
                            check=True, capture_output=True, text=True).stdout
    undefined = {line for line in output.splitlines() if line and not line.endswith(":")}
    return defined, undefined - defined


def judge(functions, upcalls, independent, dependent):
    """Findings about two pairs of (defined, undefined) names."""
    findings = [f"machine-independent code uses {name}, which is not of the HAL"
                for name in sorted(independent[1] - functions - HAL_DATA - BUILD - COMPILER)]
    findings += [f"machine-dependent code uses {name}, which is no upcall"
                 for name in sorted(dependent[1] - upcalls - COMPILER)]
    findings += [f"machine-independent code defines {name}, a name of the HAL"
                 for name in sorted(name for name in independent[0] if name.startswith("hal_"))]
    return findings


def behind_inlines(tree, isa):
    """Names that only the headers of an ISA mention: what its inline functions may use."""
    words = set()
    for path in tree.files(".h", under=("arch",)):
        if path.parts[1:3] == (isa, "include"):
            words |= set(WORD.findall(tree.code(path)))
    for path in tree.files(".c", ".h", under=MACHINE_INDEPENDENT):
        words -= set(WORD.findall(tree.code(path)))
    return words


def check(tree, build):
    headers = hal_header.read(tree.root / "hal/include/hal")
    functions = [function for header in headers for function in header.functions]
    isa = next(path.parts[1] for path in tree.files(".ld", under=("arch",))
               if f"arch/{path.parts[1]}/kernel.ld" in (build / "build.ninja").read_text(encoding="utf-8"))
    script = set(SCRIPT_SYMBOL.findall(tree.text(f"arch/{isa}/kernel.ld")))
    return judge({function.name for function in functions if not function.is_upcall} | behind_inlines(tree, isa),
                 {function.name for function in functions if function.is_upcall} | script,
                 symbols(build / "libkernel-mi.a"), symbols(build / "libkernel-md.a"))


def _object(folder, name, source):
    """Compile a line of C for a seed."""
    path = Path(folder) / f"{name}.o"
    subprocess.run(["clang-19", "--target=riscv64-none-elf", "-c", "-x", "c", "-", "-o", path],
                   input=source, text=True, check=True)
    return symbols(path)


def seeded():
    """(name, found) for each seeded violation; the innocent pair must pass, too."""
    allowed = {"hal_a"}, {"kern_a"}
    with tempfile.TemporaryDirectory() as folder:
        good_mi = _object(folder, "mi", "void hal_a(void); void kern_a(void) { hal_a(); }")
        good_md = _object(folder, "md", "void kern_a(void); void hal_a(void) { kern_a(); }")
        leak = _object(folder, "leak", "void x86_outb(void); void kern_a(void) { x86_outb(); }")
        upward = _object(folder, "upward", "void ipc_b(void); void hal_a(void) { ipc_b(); }")
        forged = _object(folder, "forged", "void hal_b(void) {}")
    yield "nothing wrong in an innocent pair", not judge(*allowed, good_mi, good_md)
    yield "an ISA function used by machine-independent code", bool(judge(*allowed, leak, good_md))
    yield "a kernel function used by the HAL", bool(judge(*allowed, good_mi, upward))
    yield "a HAL name defined by machine-independent code", bool(judge(*allowed, forged, good_md))
