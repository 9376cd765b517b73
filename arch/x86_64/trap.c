/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults and interrupts from user mode as upcalls, and faults of the kernel. */
#include <arch/layout.h>
#include <arch/x86.h>
#include <hal/hal.h>
#include <mach/exception_types.h>

#define PF_WRITE 2u
#define PF_RESERVED 8u
#define PF_FETCH 16u

_Static_assert(HAL_FAULT == 1, "umem.S");

static const char *cause_text(uint64_t vector)
{
    static const char *const text[] = {
        [X86_DE] = "divide error",
        [X86_DB] = "debug exception",
        [X86_NMI] = "non-maskable interrupt",
        [X86_BP] = "breakpoint",
        [4] = "overflow",
        [5] = "bound range exceeded",
        [X86_UD] = "invalid opcode",
        [X86_NM] = "vector state disabled",
        [X86_DF] = "double fault",
        [9] = "coprocessor segment overrun",
        [10] = "invalid TSS",
        [11] = "segment not present",
        [X86_SS] = "stack segment fault",
        [X86_GP] = "general protection fault",
        [X86_PF] = "page fault",
        [15] = "reserved exception",
        [X86_MF] = "x87 error",
        [X86_AC] = "alignment check",
        [X86_MC] = "machine check",
        [X86_XM] = "SIMD error",
    };

    if (vector >= VECTOR_IRQ_FIRST)
        return "unexpected interrupt";
    return vector < sizeof text / sizeof text[0] ? text[vector] : "exception";
}

/* Is `address` in a guard page below one of this CPU's stacks? */
static bool in_stack_guard(uint64_t address)
{
    uint64_t slot = ARCH_STACK_BASE + (uint64_t)x86_cpu()->index * ARCH_STACK_SLOT;
    uint64_t offset = address - slot;

    return offset < ARCH_PANIC_OFFSET ||
           (offset >= ARCH_PANIC_OFFSET + ARCH_PANIC_SIZE && offset < ARCH_FAULT_OFFSET) ||
           (offset >= ARCH_FAULT_OFFSET + ARCH_FAULT_SIZE && offset < ARCH_STACK_OFFSET);
}

#define PANIC_REGS 16u

/* `reg`: in the order of the names. */
HAL_NORETURN static void trap_panic(struct hal_trap_frame frame, uint64_t vector, const uint64_t *reg)
{
    static const char *const name[PANIC_REGS] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8",  "r9",
                                                 "r10", "r11", "r12", "r13", "r14", "r15", "rfl", "vec"};

    frame.cause = cause_text(vector);
    if (vector == X86_PF && in_stack_guard(frame.address))
        frame.cause = "kernel stack overflow";
    frame.reg_count = PANIC_REGS;
    frame.reg_name = name;
    for (unsigned i = 0; i < PANIC_REGS; i++)
        frame.reg[i] = reg[i];
    kern_trap_panic(&frame);
}

/* A machine check, an NMI or a corrupt page table that showed while user code ran. */
HAL_NORETURN static void user_trap_panic(const struct uctx *u, uint64_t vector, uint64_t error,
                                         uint64_t address)
{
    const uint64_t reg[PANIC_REGS] = {u->rax, u->rbx, u->rcx, u->rdx, u->rsi, u->rdi, u->r8,     u->r9,
                                      u->r10, u->r11, u->r12, u->r13, u->r14, u->r15, u->rflags, vector};
    struct hal_trap_frame frame = {
        .code = error, .pc = u->rip, .sp = u->rsp, .fp = u->rbp, .address = address};

    trap_panic(frame, vector, reg);
}

HAL_NORETURN static void kernel_trap_panic(const struct x86_trap_frame *f, uint64_t address)
{
    const uint64_t reg[PANIC_REGS] = {f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->r8,     f->r9,
                                      f->r10, f->r11, f->r12, f->r13, f->r14, f->r15, f->rflags, f->vector};
    struct hal_trap_frame frame = {
        .code = f->error, .pc = f->rip, .sp = f->rsp, .fp = f->rbp, .address = address};

    trap_panic(frame, f->vector, reg);
}

/*
 * #GP says nothing of its reason.  Is the instruction at `pc` one that user code may not execute?  Else it
 * used an address that is not canonical or not aligned.
 */
static bool is_privileged(hal_va_t pc)
{
    static const uint8_t one_byte[] = {0x6c, 0x6d, 0x6e, 0x6f, 0xcd, 0xe4, 0xe5, 0xe6,
                                       0xe7, 0xec, 0xed, 0xee, 0xef, 0xf4, 0xfa, 0xfb};
    static const uint8_t two_byte[] = {0x00, 0x01, 0x06, 0x07, 0x08, 0x09, 0x20, 0x21,
                                       0x22, 0x23, 0x30, 0x32, 0x33, 0x35, 0x78, 0x79};
    const uint8_t *list = one_byte;
    size_t count = sizeof one_byte;
    uint8_t opcode;

    if (!HAL_USER_RANGE(pc, 3u) || hal_copyin(&opcode, pc, 1) != HAL_OK)
        return false;
    if ((opcode & 0xf0) == 0x40 && hal_copyin(&opcode, ++pc, 1) != HAL_OK) /* behind a REX prefix */
        return false;
    if (opcode == 0x0f) {
        list = two_byte;
        count = sizeof two_byte;
        if (hal_copyin(&opcode, pc + 1, 1) != HAL_OK)
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i] == opcode)
            return true;
    }
    return false;
}

/*
 * A jump may have left in rip what no user context may be resumed with.  Put there the address of the page
 * that is never mapped.  Returns the address that user code went to.
 */
static uint64_t rip_clamp(struct uctx *u)
{
    uint64_t rip = u->rip;

    if (rip > hal_info.user_limit)
        u->rip = hal_info.user_limit;
    return rip;
}

static struct uctx *user_page_fault(struct uctx *u, uint64_t error, uint64_t address)
{
    unsigned access = HAL_ACCESS_READ;

    if ((error & PF_RESERVED) != 0)
        user_trap_panic(u, X86_PF, error, address);
    if ((error & PF_FETCH) != 0)
        access = HAL_ACCESS_EXEC;
    else if ((error & PF_WRITE) != 0)
        access = HAL_ACCESS_WRITE;
    return kern_page_fault(u, address, access);
}

struct uctx *x86_user_trap(struct uctx *u, uint64_t vector, uint64_t error)
{
    uint64_t address = x86_read_cr2();
    uint64_t rip = rip_clamp(u);

    switch (vector) {
    case X86_PF:
        return user_page_fault(u, error, address);
    case X86_NM:
        return kern_fpu_fault(u);
    case X86_NMI:
    case X86_DF:
    case X86_MC:
        user_trap_panic(u, vector, error, 0);
    case X86_DB:
    case X86_BP:
        return kern_exception(u, EXC_BREAKPOINT, (int64_t)vector, (int64_t)rip);
    case X86_DE:
    case X86_MF:
    case X86_XM:
        return kern_exception(u, EXC_ARITHMETIC, (int64_t)vector, (int64_t)rip);
    case X86_SS:
    case X86_AC:
        return kern_exception(u, EXC_BAD_ACCESS, KERN_INVALID_ADDRESS, (int64_t)rip);
    case X86_GP:
        if (rip >= hal_info.user_limit || !is_privileged(rip))
            return kern_exception(u, EXC_BAD_ACCESS, KERN_INVALID_ADDRESS, (int64_t)rip);
        return kern_exception(u, EXC_BAD_INSTRUCTION, (int64_t)vector, (int64_t)rip);
    default:
        return kern_exception(u, EXC_BAD_INSTRUCTION, (int64_t)vector, (int64_t)rip);
    }
}

struct uctx *x86_user_interrupt(struct uctx *u, uint64_t vector)
{
    struct hal_cpu *cpu = x86_cpu();

    HAL_REQUIRE(cpu->vector == 0);
    (void)rip_clamp(u);
    cpu->vector = (uint32_t)vector;
    return kern_interrupt(u);
}

void x86_kernel_trap(struct x86_trap_frame *frame)
{
    uint64_t address = frame->vector == X86_PF ? x86_read_cr2() : 0;
    bool copying = frame->rip >= (uint64_t)x86_umem_begin && frame->rip < (uint64_t)x86_umem_end;

    /* The user's side of the copy: a user address is canonical, so a general protection fault is not. */
    if (copying && frame->vector == X86_PF && address < hal_info.user_limit) {
        frame->rip = (uint64_t)x86_umem_fault;
        return;
    }
    kernel_trap_panic(frame, address);
}

static bool stack_has(uint64_t top, uint64_t size, uint64_t address)
{
    return address % 8 == 0 && address >= top - size && address <= top - 16;
}

bool hal_frame_next(uint64_t *fp, uint64_t *pc)
{
    const struct hal_cpu *cpu = x86_cpu();

    if (!stack_has(cpu->stack_top, ARCH_STACK_SIZE, *fp) && !stack_has(cpu->fault_top, ARCH_FAULT_SIZE, *fp))
        return false;
    const uint64_t *frame = (const uint64_t *)(uintptr_t)*fp;
    uint64_t next = frame[0];
    /*
     * Stacks grow down, and a CPU's stack lies above its fault stack: a chain that does not go up is broken.
     */
    if (next != 0 && next <= *fp)
        return false;
    *pc = frame[1];
    *fp = next;
    return true;
}
