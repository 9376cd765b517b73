/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of user code: which upcall, with which arguments, and a full frame at the instruction. */
#include "test.h"

/* Run `label` with the registers of `seed` but arguments 0 and 1; *regs: what they were. */
static struct test_event run(const char *label, uint64_t seed, uint64_t arg0, uint64_t arg1,
                             struct test_regs *regs)
{
    struct uctx *u = test_thread(0, label, 0);

    *regs = test_pattern(seed, label);
    regs->word[MACHINE_ARG0] = arg0;
    regs->word[MACHINE_ARG1] = arg1;
    test_set(u, regs);
    struct test_event event = test_resume_through_interrupts(u);
    EXPECT(event.u == u);
    return event;
}

static void expect_full_frame(const struct test_event *event, const struct test_regs *r)
{
    struct test_regs seen = test_get(event->u);

    test_same(&seen, r, MACHINE_ALL, __LINE__);
}

static void expect_page_fault(const char *label, hal_va_t va, unsigned access)
{
    struct test_regs r;
    struct test_event event = run(label, va, va, 5, &r);

    EXPECT_EQ(event.kind, TEST_PAGE_FAULT);
    EXPECT_EQ(event.va, va);
    EXPECT_EQ(event.access, access);
    expect_full_frame(&event, &r);
}

static void fault_read(void)
{
    expect_page_fault(user_load, TEST_HOLE, HAL_ACCESS_READ);
    expect_page_fault(user_load8, TEST_HOLE + 1, HAL_ACCESS_READ);
    expect_page_fault(user_load8, TEST_HOLE + HAL_PAGE_SIZE - 1, HAL_ACCESS_READ);
    expect_page_fault(user_load8, 0, HAL_ACCESS_READ);
    expect_page_fault(user_load8, hal_info.user_limit - 1, HAL_ACCESS_READ);
}

static void fault_write(void)
{
    expect_page_fault(user_store, TEST_HOLE + 8, HAL_ACCESS_WRITE);
    expect_page_fault(user_store8, TEST_HOLE + 3, HAL_ACCESS_WRITE);
    expect_page_fault(user_store8, 0, HAL_ACCESS_WRITE);
    expect_page_fault(user_store, TEST_CODE, HAL_ACCESS_WRITE); /* a page that may not be written */
    expect_page_fault(user_store8, hal_info.user_limit - 1, HAL_ACCESS_WRITE);
}

static void fault_exec(void)
{
    static const hal_va_t target[] = {TEST_HOLE, TEST_HOLE + 0x40, TEST_DATA, TEST_DATA + HAL_PAGE_SIZE};

    for (unsigned i = 0; i < sizeof target / sizeof target[0]; i++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = test_pattern(i, user_break);
        r.word[MACHINE_PC] = target[i];
        test_set(u, &r);
        struct test_event event = test_resume_through_interrupts(u);
        EXPECT_EQ(event.kind, TEST_PAGE_FAULT);
        EXPECT_EQ(event.va, target[i]);
        EXPECT_EQ(event.access, HAL_ACCESS_EXEC);
        expect_full_frame(&event, &r);
    }
}

/* An address that no user can have is a page fault or a bad access, at the instruction. */
static void fault_kernel_address(void)
{
    static const hal_va_t va[] = {MACHINE_KERNEL_VA, MACHINE_HOLE_VA, 0x8000000000000000, UINT64_MAX - 7};
    static const char *const label[] = {user_load, user_store};

    for (unsigned i = 0; i < 2 * sizeof va / sizeof va[0]; i++) {
        struct test_regs r;
        struct test_event event = run(label[i % 2], i, va[i / 2], 0, &r);
        EXPECT(event.kind == TEST_PAGE_FAULT || event.kind == TEST_EXCEPTION);
        if (event.kind == TEST_PAGE_FAULT)
            EXPECT_EQ(event.va, va[i / 2]);
        else
            EXPECT_EQ(event.exception, EXC_BAD_ACCESS);
        expect_full_frame(&event, &r);
    }
}

/* Every page of kernel memory that the suite can name. */
static void kernel_memory(void)
{
    const uint64_t va[] = {(uint64_t)(uintptr_t)&hal_info, (uint64_t)(uintptr_t)machine_user_begin,
                           (uint64_t)(uintptr_t)hal_time_now, (uint64_t)(uintptr_t)&va,
                           (uint64_t)(uintptr_t)hal_pa_to_ptr(hal_info.mem[0].base)};

    for (unsigned i = 0; i < sizeof va / sizeof va[0]; i++) {
        struct test_regs r;
        struct test_event event = run(user_load8, i, va[i], 0, &r);
        EXPECT_EQ(event.kind, TEST_PAGE_FAULT);
        EXPECT_EQ(event.va, va[i]);
        event = run(user_store8, i, va[i], 0, &r);
        EXPECT_EQ(event.kind, TEST_PAGE_FAULT);
        EXPECT_EQ(event.access, HAL_ACCESS_WRITE);
    }
}

/* A fault that is repaired: the same instruction again, complete. */
static void fault_retry(void)
{
    struct test_regs r;
    struct test_event event = run(user_store, 3, TEST_FREE, 0x77, &r);

    EXPECT_EQ(event.kind, TEST_PAGE_FAULT);
    test_map(test_space(), TEST_FREE, test_page(), TEST_ATTR_RW, 0);
    event = test_resume_through_interrupts(event.u);
    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(event.exception, EXC_BREAKPOINT);
    EXPECT_EQ(*(uint64_t *)test_page_at(test_space(), TEST_FREE), 0x77);
    struct test_regs after = test_get(event.u);
    test_same(&after, &r, MACHINE_ALL & ~BIT(MACHINE_PC), __LINE__);
    *test_entry(test_space(), TEST_FREE, 0) = 0;
    hal_tlb_flush_page(test_space()->asid, TEST_FREE);
}

static void expect_exception(const char *label, int exception)
{
    struct test_regs r;
    struct test_event event = run(label, 13, TEST_DATA, 0, &r);

    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(event.exception, exception);
    struct test_regs seen = test_get(event.u);
    test_same(&seen, &r, MACHINE_ALL & ~(BIT(MACHINE_PC) | MACHINE_FLAGS_MASK | MACHINE_ECHOED), __LINE__);
    EXPECT(seen.word[MACHINE_PC] - r.word[MACHINE_PC] <= 4);
}

static void breakpoint(void)
{
    expect_exception(user_break, EXC_BREAKPOINT);
}

static void illegal(void)
{
    struct test_regs r;
    struct test_event event = run(user_illegal, 2, 0, 0, &r);

    EXPECT_EQ(event.exception, EXC_BAD_INSTRUCTION);
    expect_full_frame(&event, &r);
}

static void privileged(void)
{
    struct test_regs r;
    struct test_event event = run(user_privileged, 2, 0, 0, &r);

    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(event.exception, EXC_BAD_INSTRUCTION);
    expect_full_frame(&event, &r);
}

static void arithmetic(void)
{
    if (!MACHINE_HAS_ARITHMETIC)
        test_skip("no arithmetic instruction faults");
    else
        expect_exception(user_arithmetic, EXC_ARITHMETIC);
}

/* The kernel's own faults: the report names cause, place and address. */

static void load_from(uint64_t address)
{
    (void)*(volatile uint64_t *)(uintptr_t)address;
}

TEST_WILD_CALL static void call_to(uint64_t address)
{
    ((void (*)(void))(uintptr_t)address)();
}

static void panic_frame(void)
{
    uint64_t begin = (uint64_t)(uintptr_t)load_from;
    struct hal_trap_frame f = {0};

    EXPECT_EQ(test_panics(load_from, TEST_HOLE + 0x18, &f), TEST_TRAP_PANIC);
    EXPECT(f.cause != NULL && f.cause[0] != '\0');
    EXPECT(f.pc >= begin && f.pc < begin + 64);
    EXPECT_EQ(f.address, TEST_HOLE + 0x18);
    EXPECT(f.sp - (uint64_t)(uintptr_t)&f + 0x100000 < 0x200000 || f.sp >= HAL_DIRECT_BASE);
    EXPECT(f.reg_count > 0 && f.reg_count <= HAL_FRAME_REGS);
    for (uint32_t i = 0; i < f.reg_count; i++)
        EXPECT(f.reg_name[i] != NULL);
}

/* Among the registers of the report is the one that held the address; a known value is in some register. */
static void panic_registers(void)
{
    struct hal_trap_frame f = {0};
    bool found = false;

    EXPECT_EQ(test_panics(load_from, TEST_HOLE + 0x1230, &f), TEST_TRAP_PANIC);
    for (uint32_t i = 0; i < f.reg_count && i < HAL_FRAME_REGS; i++)
        found = found || f.reg[i] == TEST_HOLE + 0x1230;
    EXPECT(found);
}

static void panic_exec(void)
{
    struct hal_trap_frame f = {0};

    EXPECT_EQ(test_panics(call_to, TEST_HOLE, &f), TEST_TRAP_PANIC);
    EXPECT_EQ(f.pc, TEST_HOLE);
    EXPECT_EQ(f.address, TEST_HOLE);
}

static const struct test_case cases[] = {
    {"kern_page_fault", "a read: address, HAL_ACCESS_READ, full frame at the instruction", fault_read},
    {"kern_page_fault", "a write: address, HAL_ACCESS_WRITE, full frame at the instruction", fault_write},
    {"kern_page_fault", "a fetch: address, HAL_ACCESS_EXEC, full frame at the instruction", fault_exec},
    {"kern_page_fault", "an address that no user can have is refused", fault_kernel_address},
    {"kern_page_fault", "kernel memory is out of reach", kernel_memory},
    {"kern_page_fault", "the access succeeds when it is made possible and the frame resumed", fault_retry},
    {"kern_exception", "EXC_BREAKPOINT for a breakpoint instruction", breakpoint},
    {"kern_exception", "EXC_BAD_INSTRUCTION for an unknown instruction, full frame at it", illegal},
    {"kern_exception", "EXC_BAD_INSTRUCTION for a privileged instruction, full frame at it", privileged},
    {"kern_exception", "EXC_ARITHMETIC where the ISA has it", arithmetic},
    {"kern_trap_panic", "a fault of the kernel: cause, pc, address", panic_frame},
    {"kern_trap_panic", "the registers at the fault", panic_registers},
    {"kern_trap_panic", "a jump of the kernel to nowhere", panic_exec},
};
TEST_GROUP(test_fault, "faults", cases);
