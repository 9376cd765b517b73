# SPDX-License-Identifier: BSD-2-Clause
"""the IPC fast paths use no stack and call nothing: the stack pointer is not the kernel's there

The functions of arch/<isa>/fastpath.c are naked; what the compiler spilled to the stack pointer would go to the user's stack,
or over the thread.  This looks at every instruction of theirs in the kernel.  On x86_64 spills go below rbp, where there is room for
FAST_SPILLS bytes.  The path of mach_msg, which has the CPU's stack, may call the functions that copy, and the one for rights; any may
call those for vector state, which use no stack.
"""

import re
import subprocess

NEEDS_BUILD = True
OBJDUMP = "llvm-objdump-19"
FUNCTIONS = tuple(f"{prefix}_fast_{name}" for prefix in ("x86", "arch")
                  for name in ("call", "call_timed", "reply_wait", "reply_wait_timed", "message"))
INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\s+(\S+)\s*(.*)$")

# The stack pointer as an operand; what may be done with it: read as the thread's address and written at the exit
# (aarch64), loaded with the partner's (x86_64, riscv64).
STACK = re.compile(r"%[re]?sp\b|(?<![\w%])sp\b")
ALLOWED = (re.compile(r"^mov\s+x\d+, sp$"), re.compile(r"^mov\s+sp, x\d+$"), re.compile(r"^ld\s+sp, [^()]*\(t0\)$"),
           re.compile(r"^movq\s+0x\w+\(%r15\), %rsp$"))
CALLED = re.compile(r"<(x86_umem_begin|x86_copy_small|hal_copyin|hal_copyout|arch_copyin|arch_copyout|arch_user_copy|"
                    r"arch_message_(read|write)|arch_fast_fpu_(store|fetch)|kern_message_right)>$")
SPILL = re.compile(r"-0x([0-9a-f]+)\(%rbp\)")
SPILLS_MAX = 128  # FAST_SPILLS in arch/x86_64/include/arch/offsets.h
CALL = re.compile(r"^(callq?|bl|blr|jal|jalr|pushq?|popq?)$")


def judge(listing):
    """Findings about the instructions of a disassembly."""
    findings = []
    for line in listing.splitlines():
        match = INSTRUCTION.match(line)
        if not match:
            continue
        text = re.sub(r"\s*(//|#).*$", "", f"{match[1]} {match[2]}").strip()
        spill = SPILL.search(text)
        if CALL.match(match[1]):
            if not CALLED.search(text):
                findings.append(f"calls: {text}")
        elif spill and int(spill[1], 16) > SPILLS_MAX:
            findings.append(f"spills more than there is room for: {text}")
        elif STACK.search(match[2]) and not any(allowed.match(text) for allowed in ALLOWED):
            findings.append(f"uses the stack pointer: {text}")
    return findings


def check(_tree, build):
    listing = subprocess.run([OBJDUMP, "--disassemble", "--no-show-raw-insn",
                              "--disassemble-symbols=" + ",".join(FUNCTIONS), build / "kernel.elf"],
                             check=True, capture_output=True, text=True).stdout
    if sum(bool(INSTRUCTION.match(line)) for line in listing.splitlines()) < 100:
        return ["the kernel has no fast path to look at"]
    return judge(listing)


def seeded():
    """(name, found) for disassemblies that must be found bad."""
    yield "a spill on x86_64", bool(judge("ffff: \tmovq\t%rax, -0x8(%rsp)"))
    yield "a push on x86_64", bool(judge("ffff: \tpushq\t%rbx"))
    yield "a spill on aarch64", bool(judge("ffff: \tstr\tx0, [sp, #0x8]"))
    yield "spills that are too many on x86_64", bool(judge("ffff: \tmovq\t%rax, -0x88(%rbp)"))
    yield "a call on aarch64", bool(judge("ffff: \tbl\t0x1000 <f>"))
    yield "a spill on riscv64", bool(judge("ffff: \tsd\ta0, 0x8(sp)"))
    yield "a stack frame on riscv64", bool(judge("ffff: \taddi\tsp, sp, -0x10"))
