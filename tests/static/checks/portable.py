# SPDX-License-Identifier: BSD-2-Clause
"""machine-independent code has no condition on ISA or board, no assembly and no ISA header"""

import re

from tree import MACHINE_INDEPENDENT

RULES = (
    (re.compile(r"^\s*#\s*(?:if|elif|ifdef|ifndef)\b.*(?:x86|amd64|i386|arm|aarch64|riscv|qemu|board|__LP64__|"
                r"__SIZEOF_)", re.IGNORECASE), "a condition on the machine"),
    (re.compile(r"\b(?:__asm__|__asm|asm)\b"), "assembly"),
)
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"](?:arch/|hal/boot/|hal/drivers/|hal/boards/)')


def check(tree):
    findings = []
    for path in tree.files(".c", ".h", under=MACHINE_INDEPENDENT):
        code = tree.code(path).splitlines()
        for number, (line, raw) in enumerate(zip(code, tree.lines(path)), start=1):
            findings += [f"{path}:{number}: {what}" for pattern, what in RULES if pattern.search(line)]
            if INCLUDE.match(raw):
                findings.append(f"{path}:{number}: a header from behind the HAL")
    findings += [f"{path}: assembly" for path in tree.files(".S", ".s", under=MACHINE_INDEPENDENT)]
    return findings


SEEDS = {
    "#ifdef of an ISA": {"kern/a.c": "#ifdef __x86_64__\n#endif\n"},
    "#if defined of an ISA": {"vm/a.h": "#if defined(__riscv) || 0\n#endif\n"},
    "inline assembly": {"ipc/a.c": 'void f(void) { __asm__ volatile("nop"); }\n'},
    "an assembly file": {"sched/a.S": "nop\n"},
    "an ISA header": {"kern/a.c": "#include <arch/cpu.h>\n"},
    "a board header": {"kern/a.c": "#include <hal/boot/boot.h>\n"},
}
