/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions: those of user code become upcalls, those of the kernel a panic. */
#include <arch/layout.h>
#include <arch/sysreg.h>
#include <hal/boot/boot.h>
#include <hal/cpu.h>
#include <hal/debug.h>
#include <hal/uctx.h>
#include <hal/upcall.h>
#include <mach/exception_types.h>
#include <mach/kern_return.h>

#include "arch.h"

/* ISS of aborts. */
#define ISS_WRITE (1ul << 6)
#define ISS_CACHE_MAINTENANCE (1ul << 8)

/* Fault status: bits 5:2 name the kind, 1:0 the level; but for the level above 0, the root of five. */
enum fault_kind { FAULT_TRANSLATION = 1, FAULT_ACCESS_FLAG, FAULT_PERMISSION };
#define FAULT_KIND(esr) ((unsigned)((esr) >> 2) & 0xfu)
#define FAULT_STATUS(esr) ((unsigned)(esr) & 0x3fu)
#define FAULT_STATUS_ALIGNMENT 0x21u
#define FAULT_STATUS_TRANSLATION_ROOT 0x2bu

static bool page_tables_refused(uint64_t esr)
{
    return (FAULT_KIND(esr) >= FAULT_TRANSLATION && FAULT_KIND(esr) <= FAULT_PERMISSION) ||
           FAULT_STATUS(esr) == FAULT_STATUS_TRANSLATION_ROOT;
}

/* Cache maintenance reports itself as a write but asks for no more than read access. */
static unsigned data_access(uint64_t esr)
{
    return (esr & ISS_WRITE) != 0 && (esr & ISS_CACHE_MAINTENANCE) == 0 ? HAL_ACCESS_WRITE : HAL_ACCESS_READ;
}

static struct uctx *bad_access(struct uctx *u, kern_return_t code, uint64_t address)
{
    return kern_exception(u, EXC_BAD_ACCESS, code, (int64_t)address);
}

static struct uctx *user_abort(struct uctx *u, uint64_t esr, uint64_t far, unsigned access)
{
    if (page_tables_refused(esr))
        return kern_page_fault(u, far, access);
    return bad_access(
        u, FAULT_STATUS(esr) == FAULT_STATUS_ALIGNMENT ? KERN_INVALID_ARGUMENT : KERN_MEMORY_ERROR, far);
}

struct uctx *arch_user_fault(struct uctx *u, uint64_t esr, uint64_t far)
{
    unsigned class = ESR_CLASS(esr);

    switch (class) {
    case EC_DATA_ABORT:
        return user_abort(u, esr, far, data_access(esr));
    case EC_INSTRUCTION_ABORT:
        return user_abort(u, esr, far, HAL_ACCESS_EXEC);
    case EC_FP_DISABLED:
        return kern_fpu_fault(u);
    case EC_PC_ALIGNMENT:
        return bad_access(u, KERN_INVALID_ARGUMENT, u->pc);
    case EC_SP_ALIGNMENT:
        return bad_access(u, KERN_INVALID_ARGUMENT, u->sp);
    case EC_SERROR:
        return bad_access(u, KERN_MEMORY_ERROR, 0);
    case EC_FP_EXCEPTION:
        return kern_exception(u, EXC_ARITHMETIC, class, (int64_t)u->pc);
    case EC_BRK:
    case EC_HW_BREAKPOINT:
    case EC_SINGLE_STEP:
    case EC_WATCHPOINT:
        return kern_exception(u, EXC_BREAKPOINT, class, (int64_t)u->pc);
    default:
        return kern_exception(u, EXC_BAD_INSTRUCTION, class, (int64_t)u->pc);
    }
}

/* ---- Faults of the kernel ---- */

static const char *const register_names[] = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",   "x10",
    "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20",  "x21",
    "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "spsr",
};
#define REGISTER_COUNT (sizeof register_names / sizeof register_names[0])
_Static_assert(REGISTER_COUNT <= HAL_FRAME_REGS, "the registers fit");

static const char *cause_text(uint64_t esr)
{
    switch (ESR_CLASS(esr)) {
    case EC_DATA_ABORT_KERNEL:
        return "data abort";
    case EC_INSTRUCTION_ABORT_KERNEL:
        return "instruction abort";
    case EC_PC_ALIGNMENT:
        return "misaligned pc";
    case EC_SP_ALIGNMENT:
        return "misaligned stack pointer";
    case EC_SERROR:
        return "system error";
    case EC_BRK:
        return "breakpoint instruction";
    case EC_FP_DISABLED:
        return "vector instruction";
    case 0:
        return "undefined instruction";
    default:
        return "unexpected exception";
    }
}

void arch_kernel_fault(const struct arch_fault_frame *frame)
{
    struct hal_trap_frame out = {
        .cause = cause_text(frame->esr),
        .code = frame->esr,
        .pc = frame->pc,
        .sp = frame->sp,
        .fp = frame->x[29],
        .reg_count = REGISTER_COUNT,
        .reg_name = register_names,
    };
    unsigned class = ESR_CLASS(frame->esr);

    if (class == EC_DATA_ABORT_KERNEL || class == EC_INSTRUCTION_ABORT_KERNEL)
        out.address = frame->far;
    for (unsigned i = 0; i < 31; i++)
        out.reg[i] = frame->x[i];
    out.reg[31] = frame->spsr;
    if (!arch_booted)
        boot_panic("%s at %x, address %x, syndrome %x", out.cause, out.pc, out.address, out.code);
    kern_trap_panic(&out);
}

/* ---- Stack walk ---- */

struct stack_record {
    uint64_t fp, lr;
};

static bool on_stack(uint64_t fp, uint64_t top, uint64_t size)
{
    return fp % 16 == 0 && fp >= top - size && fp <= top - sizeof(struct stack_record);
}

bool hal_frame_next(uint64_t *fp, uint64_t *pc)
{
    HAL_REQUIRE(fp != NULL && pc != NULL);
    const struct hal_cpu *self = (const struct hal_cpu *)hal_cpu_self();

    if (!on_stack(*fp, self->stack_top, ARCH_STACK_SIZE) &&
        !on_stack(*fp, self->emergency_top, ARCH_EMERGENCY_SIZE))
        return false;
    const struct stack_record *record = (const struct stack_record *)*fp;
    /* A chain that does not climb might never end. (The emergency stack lies below the other one.) */
    if (record->lr == 0 || (record->fp <= *fp && record->fp != 0))
        return false;
    *fp = record->fp;
    *pc = record->lr;
    return true;
}
