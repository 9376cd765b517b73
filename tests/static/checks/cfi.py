# SPDX-License-Identifier: BSD-2-Clause
"""in the checked kernel every indirect call of C code is preceded by a comparison of types (kCFI)

The compiler puts a hash of its C type before each function, and before each indirect call a comparison that traps.  This looks for
indirect calls without one in the machine-independent objects.
"""

import re
import subprocess
import tempfile
from pathlib import Path

NEEDS_BUILD = True
OBJDUMP = "llvm-objdump-19"
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
FUNCTION = re.compile(r"^([0-9a-f]+) <([^.].*)>:$")
# Jumps by a table of the compiler's are none; direct calls on riscv64 end in a jalr over ra.
INDIRECT = re.compile(r"^(callq?\s+\*|jmpq?\s+\*%|blr\s|jalr\s+(?!.*\bra\b))")
TRAPS = ("ud2", "brk", "ebreak")
HASH_SIZE = 4  # bytes
CALLS_MIN = 5  # fewer: the disassembly was not understood
NEAR = 3  # instructions between the trap and the call


def judge(listing):
    """(indirect calls, findings) of a disassembly."""
    function, since_trap, calls = "?", NEAR + 1, []
    for line in listing.splitlines():
        title = FUNCTION.match(line)
        if title:
            # The hash before a function is no instruction.
            start = int(title[1], 16)
            while calls and start - HASH_SIZE <= calls[-1][0] < start:
                calls.pop()
            function, since_trap = title[2], NEAR + 1
        match = INSTRUCTION.match(line)
        if not match:
            continue
        text = f"{match[2]} {match[3]}"
        since_trap = 0 if match[2] in TRAPS else since_trap + 1
        if INDIRECT.match(text):
            calls.append((int(match[1], 16), since_trap <= NEAR, f"{function}: {text} is not checked"))
    return len(calls), [finding for _, good, finding in calls if not good]


def _listing(path):
    return subprocess.run([OBJDUMP, "--disassemble", "--no-show-raw-insn", path],
                          check=True, capture_output=True, text=True).stdout


def check(_tree, build):
    calls, findings = judge(_listing(build / "libkernel-mi.a"))
    return findings if calls >= CALLS_MIN else ["there are no indirect calls to look at"]


def seeded():
    """(name, found) for each ISA without the option; with it nothing may be found."""
    source = "void f(void (**p)(int)) { p[0](1); p[1](2); p[2](3); }"
    for isa in ("x86_64", "aarch64", "riscv64"):
        for option, bad in (("-fno-sanitize=kcfi", True), ("-fsanitize=kcfi", False)):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "seed.o"
                subprocess.run(["clang-19", f"--target={isa}-none-elf", "-O2", option, "-c", "-x", "c", "-", "-o", path],
                               input=source, text=True, check=True)
                calls, findings = judge(_listing(path))
            yield f"{isa}, {option}", calls >= 2 and bool(findings) == bad
