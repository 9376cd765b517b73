/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults: those of users become upcalls, those of the kernel a panic. */
#include "machine.h"

#include <arch/csr.h>
#include <arch/uctx.h>
#include <mach/exception_types.h>
#include <mach/kern_return.h>

/* ---- Users ---- */

/* Does the instruction use floating-point registers or their control registers? */
static bool is_float_instruction(uint32_t insn)
{
    if ((insn & 3) != 3) { /* compressed: c.fld c.fsd, c.fldsp c.fsdsp */
        uint32_t funct3 = insn >> 13 & 7;
        return (insn & 3) != 1 && (funct3 == 1 || funct3 == 5);
    }
    switch (insn & 0x7f) {
    case 0x07: /* LOAD-FP */
    case 0x27: /* STORE-FP */
    case 0x43: /* MADD MSUB NMSUB NMADD */
    case 0x47:
    case 0x4b:
    case 0x4f:
    case 0x53: /* OP-FP */
        return true;
    case 0x73: /* SYSTEM: fflags frm fcsr */
        return (insn >> 12 & 3) != 0 && insn >> 20 >= 1 && insn >> 20 <= 3;
    default:
        return false;
    }
}

/* The instruction at u->pc, in two halves because it may cross into a page of its own. */
static enum hal_status read_instruction(const struct uctx *u, uint32_t *insn)
{
    uint16_t half[2] = {0, 0};

    if (!HAL_USER_RANGE(u->pc, sizeof half[0]) || hal_copyin(&half[0], u->pc, sizeof half[0]) != HAL_OK)
        return HAL_FAULT;
    if ((half[0] & 3) == 3) {
        uint64_t next = u->pc + sizeof half[0];
        if (!HAL_USER_RANGE(next, sizeof half[1]) || hal_copyin(&half[1], next, sizeof half[1]) != HAL_OK)
            return HAL_FAULT;
    }
    *insn = (uint32_t)half[1] << 16 | half[0];
    return HAL_OK;
}

static struct uctx *illegal_instruction(struct uctx *u, uint64_t value)
{
    uint32_t insn = (uint32_t)value; /* the instruction, or 0 from harts that do not tell */

    if (insn == 0 && read_instruction(u, &insn) != HAL_OK)
        return u; /* it was taken away meanwhile: the fetch will say so */
    if (arch_machine.fpu && (ARCH_CSR_READ(sstatus) & SSTATUS_FS) == 0 && is_float_instruction(insn))
        return kern_fpu_fault(u);
    return kern_exception(u, EXC_BAD_INSTRUCTION, CAUSE_ILLEGAL, insn);
}

struct uctx *arch_user_exception(struct uctx *u, uint64_t cause, uint64_t value)
{
    switch (cause) {
    case CAUSE_FETCH_PAGE:
        return kern_page_fault(u, value, HAL_ACCESS_EXEC);
    case CAUSE_LOAD_PAGE:
        return kern_page_fault(u, value, HAL_ACCESS_READ);
    case CAUSE_STORE_PAGE: /* atomics that read too */
        return kern_page_fault(u, value, HAL_ACCESS_WRITE);
    case CAUSE_ILLEGAL:
        return illegal_instruction(u, value);
    case CAUSE_BREAKPOINT:
        return kern_exception(u, EXC_BREAKPOINT, (int64_t)cause, (int64_t)u->pc);
    case CAUSE_FETCH_MISALIGNED:
    case CAUSE_FETCH_ACCESS:
    case CAUSE_LOAD_MISALIGNED:
    case CAUSE_LOAD_ACCESS:
    case CAUSE_STORE_MISALIGNED:
    case CAUSE_STORE_ACCESS:
        return kern_exception(u, EXC_BAD_ACCESS, KERN_INVALID_ADDRESS, (int64_t)value);
    default:
        return kern_exception(u, EXC_BAD_INSTRUCTION, (int64_t)cause, (int64_t)value);
    }
}

/* ---- The kernel ---- */

/* As kernel_fault in trap.S stores them. */
enum {
    FRAME_PC = 0,
    FRAME_RA = 1,
    FRAME_SP = 2,
    FRAME_TP = 4,
    FRAME_FP = 8,
    FRAME_CAUSE = 32,
    FRAME_VALUE = 33
};

#define FRAME_REGS 30u /* x1 - x30: x31 is lost */

static const char *const reg_name[FRAME_REGS] = {
    "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1",  "a2",  "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5",
};

static const char *cause_text(uint64_t cause)
{
    switch (cause) {
    case CAUSE_FETCH_PAGE:
        return "page fault (fetch)";
    case CAUSE_LOAD_PAGE:
        return "page fault (load)";
    case CAUSE_STORE_PAGE:
        return "page fault (store)";
    case CAUSE_ILLEGAL:
        return "illegal instruction";
    case CAUSE_BREAKPOINT:
        return "breakpoint";
    case CAUSE_FETCH_MISALIGNED:
    case CAUSE_LOAD_MISALIGNED:
    case CAUSE_STORE_MISALIGNED:
        return "misaligned access";
    case CAUSE_FETCH_ACCESS:
    case CAUSE_LOAD_ACCESS:
    case CAUSE_STORE_ACCESS:
        return "access fault";
    default:
        return "unexpected trap";
    }
}

/* The kernel's tp if it was loaded already; else the user's is in it, and the boot CPU must do. */
static void cpu_self_repair(uint64_t tp)
{
    struct hal_cpu *cpu = arch_machine.cpu[0] != NULL ? arch_machine.cpu[0] : &arch_boot_cpu;

    for (uint32_t i = 0; i < HAL_CPU_MAX; i++) {
        if (arch_machine.cpu[i] != NULL && (uint64_t)(uintptr_t)arch_machine.cpu[i] == tp)
            cpu = arch_machine.cpu[i];
    }
    __asm__ volatile("mv tp, %0" ::"r"(cpu) : "memory");
}

void arch_kernel_fault(const uint64_t *frame)
{
    struct hal_trap_frame f = {
        .cause = cause_text(frame[FRAME_CAUSE]),
        .code = frame[FRAME_CAUSE],
        .pc = frame[FRAME_PC],
        .sp = frame[FRAME_SP],
        .fp = frame[FRAME_FP],
        .address = frame[FRAME_VALUE],
        .reg_count = FRAME_REGS,
        .reg_name = reg_name,
    };

    for (uint32_t i = 0; i < FRAME_REGS; i++)
        f.reg[i] = frame[FRAME_RA + i];
    cpu_self_repair(frame[FRAME_TP]);
    kern_trap_panic(&f);
}

static bool frame_in(uint64_t fp, uint64_t base, uint64_t top)
{
    return fp % 8 == 0 && fp >= base + 16 && fp <= top;
}

bool hal_frame_next(uint64_t *fp, uint64_t *pc)
{
    uint64_t top = arch_cpu_self()->stack_top;

    if (!frame_in(*fp, top - ARCH_STACK_SIZE, top) &&
        !frame_in(*fp, (uint64_t)(uintptr_t)emergency_stack, (uint64_t)(uintptr_t)emergency_stack_top))
        return false;
    const uint64_t *caller = (const uint64_t *)(uintptr_t)*fp;
    *pc = caller[-1];
    *fp = caller[-2];
    return true;
}
