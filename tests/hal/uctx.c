/* SPDX-License-Identifier: BSD-2-Clause */
/* User contexts as data: init, get_state, set_state, set_tls, where.  What a context does on a CPU shows at a breakpoint. */
#include "test.h"

#define ARG 0x1122334455667788u
#define TLS (TEST_DATA + 0x128)

/* Resume `u` until its breakpoint; returns its registers there, with pc as it was at the start. */
static struct test_regs observe(struct uctx *u)
{
    struct test_regs before = test_get(u);
    struct test_event event = test_resume_through_interrupts(u);

    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(event.exception, EXC_BREAKPOINT);
    EXPECT(event.u == u);
    struct test_regs after = test_get(u);
    EXPECT(after.word[MACHINE_PC] - before.word[MACHINE_PC] <= 4);
    after.word[MACHINE_PC] = before.word[MACHINE_PC];
    return after;
}

/* ---- hal_uctx_init ---- */

static void init_loads(void)
{
    struct uctx *u = test_thread(0, user_break, ARG);

    hal_uctx_init(u, test_code(user_break), TEST_STACK - 64, TLS, ARG);
    struct test_regs r = observe(u);
    EXPECT_EQ(r.word[MACHINE_PC], test_code(user_break));
    EXPECT_EQ(r.word[MACHINE_SP], TEST_STACK - 64);
    EXPECT_EQ(r.word[MACHINE_TLS], TLS);
    EXPECT_EQ(r.word[MACHINE_ARG0], ARG);
}

static void init_zero(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs pattern = test_pattern(1, user_break);

    test_set(u, &pattern); /* nothing of it may stay */
    hal_uctx_init(u, test_code(user_break), TEST_STACK, TLS, ARG);
    struct test_regs r = observe(u);
    test_zero(&r,
              MACHINE_ALL & ~(BIT(MACHINE_PC) | BIT(MACHINE_SP) | BIT(MACHINE_TLS) | BIT(MACHINE_ARG0) |
                              MACHINE_FLAGS_MASK),
              __LINE__);
    if (MACHINE_FLAGS_MASK != 0)
        EXPECT_EQ(r.word[MACHINE_FLAGS % MACHINE_WORDS], MACHINE_FLAGS_ALWAYS);
}

static void init_unmasked(void)
{
    struct uctx *u = test_thread(0, user_spin, 0);

    (void)test_drain();
    hal_timer_arm(hal_time_now() + test_ticks(1000));
    struct test_event event = test_resume(u);
    EXPECT_EQ(event.kind, TEST_INTERRUPT);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_TIMER);
    hal_irq_complete(HAL_IRQ_TIMER);
}

static void init_user_mode(void)
{
    struct test_event event = test_resume_through_interrupts(test_thread(0, user_privileged, 0));

    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(event.exception, EXC_BAD_INSTRUCTION);
}

/* Addresses that no user may have, and some at the edges. */
static const uint64_t strange[] = {
    MACHINE_KERNEL_VA,
    MACHINE_KERNEL_VA + 0x1000,
    0x8000000000000000,
    0xfffffffffffff000,
    0xfffffffffffffffe,
    0x0000800000000000,
    0x00007ffffffffffe,
    0x0000400000000000,
    0x0001000000000000,
    0x0000fffffffffffe,
    0x4000000000,
    0x3ffffffffe,
    0,
};
#define STRANGE (sizeof strange / sizeof strange[0])

/* Resuming leads to some fault of user code, never to one of the kernel (which would end the boot). */
static void expect_user_fault(struct uctx *u)
{
    struct test_event event = test_resume_through_interrupts(u);

    EXPECT(event.kind == TEST_PAGE_FAULT || event.kind == TEST_EXCEPTION);
    EXPECT(event.u == u);
    EXPECT(event.kind != TEST_EXCEPTION || event.exception == EXC_BAD_ACCESS);
}

static void init_any_pc(void)
{
    for (unsigned i = 0; i < STRANGE; i++) {
        struct uctx *u = test_thread(0, user_break, 0);
        hal_uctx_init(u, strange[i], strange[i], strange[i], 0);
        expect_user_fault(u);
    }
}

/* ---- hal_uctx_set_state, hal_uctx_get_state ---- */

static void set_loads(void)
{
    for (uint64_t seed = 0; seed < 32; seed++) {
        struct uctx *u = test_thread(0, user_spin, 0);
        struct test_regs r = test_pattern(seed, user_break);
        test_set(u, &r);
        struct test_regs seen = observe(u);
        test_same(&seen, &r, MACHINE_ALL, __LINE__);
    }
}

static void get_returns(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r = test_pattern(7, user_break);

    test_set(u, &r);
    struct test_regs seen = test_get(u);
    test_same(&seen, &r, MACHINE_ALL, __LINE__);
}

static void get_capacity(void)
{
    uint32_t state[MACHINE_COUNT + 2];
    uint32_t count = MACHINE_COUNT + 2;

    memset(state, 0xa5, sizeof state);
    EXPECT_EQ(hal_uctx_get_state(test_thread(0, user_break, 0), MACHINE_FLAVOR, state, &count), KERN_SUCCESS);
    EXPECT_EQ(count, MACHINE_COUNT);
    EXPECT_EQ(state[MACHINE_COUNT], 0xa5a5a5a5);
    EXPECT_EQ(state[MACHINE_COUNT + 1], 0xa5a5a5a5);
}

static void expect_get_refused(int flavor, uint32_t capacity)
{
    uint32_t state[MACHINE_COUNT], canary[MACHINE_COUNT];
    uint32_t count = capacity;

    memset(state, 0xa5, sizeof state);
    memset(canary, 0xa5, sizeof canary);
    EXPECT_EQ(hal_uctx_get_state(test_thread(0, user_break, 0), flavor, state, &count),
              KERN_INVALID_ARGUMENT);
    EXPECT_EQ(count, capacity);
    EXPECT(memcmp(state, canary, sizeof state) == 0);
}

static void get_flavor(void)
{
    expect_get_refused(0, MACHINE_COUNT);
    expect_get_refused(-1, MACHINE_COUNT);
    expect_get_refused(MACHINE_FLAVOR + 1, MACHINE_COUNT);
}

static void get_count(void)
{
    expect_get_refused(MACHINE_FLAVOR, 0);
    expect_get_refused(MACHINE_FLAVOR, 1);
    expect_get_refused(MACHINE_FLAVOR, MACHINE_COUNT - 1);
}

/* Setting must fail and leave every byte of the context as it was. */
static void expect_set_refused(int flavor, const struct test_regs *r, uint32_t count)
{
    struct uctx *u = test_thread(0, user_break, ARG);
    struct uctx before = *u;

    EXPECT_EQ(hal_uctx_set_state(u, flavor, (const uint32_t *)r, count), KERN_INVALID_ARGUMENT);
    EXPECT(memcmp(u, &before, sizeof before) == 0);
}

static void set_flavor(void)
{
    struct test_regs r = test_pattern(3, user_break);

    expect_set_refused(0, &r, MACHINE_COUNT);
    expect_set_refused(-1, &r, MACHINE_COUNT);
    expect_set_refused(MACHINE_FLAVOR + 1, &r, MACHINE_COUNT);
}

static void set_count(void)
{
    struct {
        struct test_regs r;
        uint64_t more;
    } big = {.r = test_pattern(3, user_break)};

    expect_set_refused(MACHINE_FLAVOR, &big.r, 0);
    expect_set_refused(MACHINE_FLAVOR, &big.r, MACHINE_COUNT - 1);
    expect_set_refused(MACHINE_FLAVOR, &big.r, MACHINE_COUNT + 1);
}

static void set_kernel_pc(void)
{
    static const uint64_t pc[] = {MACHINE_KERNEL_VA, 0x8000000000000000, UINT64_MAX - 1};

    for (unsigned i = 0; i < sizeof pc / sizeof pc[0]; i++) {
        struct test_regs r = test_pattern(3, user_break);
        r.word[MACHINE_PC] = pc[i];
        expect_set_refused(MACHINE_FLAVOR, &r, MACHINE_COUNT);
    }
}

/* A strange value in one of pc, sp, tls is refused, or harmless and read back. */
static void set_strange(void)
{
    static const unsigned where[] = {MACHINE_PC, MACHINE_SP, MACHINE_TLS};

    for (unsigned i = 0; i < 3 * STRANGE; i++) {
        struct uctx *u = test_thread(0, user_break, ARG);
        struct uctx before = *u;
        struct test_regs r = test_pattern(3, user_break);
        r.word[where[i / STRANGE]] = strange[i % STRANGE];
        if (hal_uctx_set_state(u, MACHINE_FLAVOR, (uint32_t *)&r, MACHINE_COUNT) != KERN_SUCCESS) {
            EXPECT(memcmp(u, &before, sizeof before) == 0);
            continue;
        }
        struct test_regs seen = test_get(u);
        test_same(&seen, &r, MACHINE_ALL, __LINE__);
        if (i < STRANGE) {
            expect_user_fault(u);
        } else {
            seen = observe(u);
            test_same(&seen, &r, MACHINE_ALL, __LINE__);
        }
    }
}

static void set_sanitises(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r = test_pattern(3, user_break);

    if (MACHINE_FLAGS_MASK == 0) {
        test_skip("no flags");
        return;
    }
    r.word[MACHINE_FLAGS % MACHINE_WORDS] = UINT64_MAX;
    test_set(u, &r);
    struct test_regs seen = test_get(u);
    EXPECT_EQ(seen.word[MACHINE_FLAGS % MACHINE_WORDS], MACHINE_FLAGS_USER | MACHINE_FLAGS_ALWAYS);
}

/* Whatever the flags are, user code stays user code that can be interrupted. */
static void set_sanitised_runs(void)
{
    static const uint64_t flags[] = {0, UINT64_MAX & ~MACHINE_FLAGS_TRACE};

    if (MACHINE_FLAGS_MASK == 0) {
        test_skip("no flags");
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct uctx *u = test_thread(0, user_spin, 0);
        struct test_regs r = test_pattern(3, user_spin);
        uint64_t expected = (flags[i] & MACHINE_FLAGS_USER) | MACHINE_FLAGS_ALWAYS;
        (void)test_drain();
        r.word[MACHINE_FLAGS % MACHINE_WORDS] = flags[i];
        test_set(u, &r);
        hal_ipi_send(0);
        EXPECT_EQ(test_resume(u).kind, TEST_INTERRUPT);
        (void)test_drain();
        struct test_regs seen = test_get(u);
        EXPECT_EQ(seen.word[MACHINE_FLAGS % MACHINE_WORDS] | MACHINE_FLAGS_RESUME,
                  expected | MACHINE_FLAGS_RESUME);
        r.word[MACHINE_PC] = test_code(user_privileged);
        test_set(u, &r);
        EXPECT_EQ(test_resume_through_interrupts(u).exception, EXC_BAD_INSTRUCTION);
    }
}

static struct test_event trap_once(struct uctx *u, const struct test_regs *regs)
{
    struct test_regs r = *regs;

    machine_trap(r.word, 2);
    test_set(u, &r);
    struct test_event event = test_resume_through_interrupts(u);
    EXPECT_EQ(event.kind, TEST_TRAP);
    return event;
}

static void set_makes_full(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r = test_pattern(5, user_break);

    (void)trap_once(u, &r);
    test_set(u, &r); /* a call frame so far */
    struct test_regs seen = observe(u);
    test_same(&seen, &r, MACHINE_ALL, __LINE__);
}

static void get_call_frame(void)
{
    static const unsigned argument[] = MACHINE_ARGUMENTS;
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r = test_pattern(5, user_break);
    uint64_t may_hold = MACHINE_KEPT | MACHINE_FLAGS_MASK | BIT(MACHINE_RESULT) | BIT(MACHINE_RPC_HEADER);
    static const unsigned word[] = MACHINE_RPC_WORD;

    for (unsigned i = 0; i < HAL_UCTX_ARGS; i++)
        may_hold |= BIT(argument[i]);
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        may_hold |= BIT(word[i]);
    (void)trap_once(u, &r);
    struct test_regs seen = test_get(u);
    test_same(&seen, &r, MACHINE_KEPT & ~BIT(MACHINE_PC), __LINE__);
    test_zero(&seen, MACHINE_ALL & ~may_hold, __LINE__);
}

/* ---- hal_uctx_set_tls, hal_uctx_where ---- */

static void tls_set(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r = test_pattern(9, user_break);

    test_set(u, &r);
    EXPECT_EQ(hal_uctx_set_tls(u, TLS), HAL_OK);
    r.word[MACHINE_TLS] = TLS;
    struct test_regs seen = observe(u);
    test_same(&seen, &r, MACHINE_ALL, __LINE__);
}

static void tls_set_call(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r = test_pattern(9, user_break);

    (void)trap_once(u, &r);
    EXPECT_EQ(hal_uctx_set_tls(u, TLS), HAL_OK);
    hal_uctx_set_result(u, 0);
    struct test_regs seen = observe(u);
    EXPECT_EQ(seen.word[MACHINE_TLS], TLS);
}

static void tls_refused(void)
{
    static const hal_va_t bad[] = {MACHINE_KERNEL_VA, 0x8000000000000000, UINT64_MAX};

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct uctx before = *u;
        EXPECT_EQ(hal_uctx_set_tls(u, bad[i]), HAL_INVALID);
        EXPECT(memcmp(u, &before, sizeof before) == 0);
    }
}

static void where(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r = test_pattern(11, user_break);
    hal_va_t pc = 0, sp = 0;

    test_set(u, &r);
    hal_uctx_where(u, &pc, &sp);
    EXPECT_EQ(pc, r.word[MACHINE_PC]);
    EXPECT_EQ(sp, r.word[MACHINE_SP]);
    (void)trap_once(u, &r);
    hal_uctx_where(u, &pc, &sp);
    machine_trap(r.word, 2);
    EXPECT_EQ(pc, r.word[MACHINE_PC] + MACHINE_TRAP_STEP);
    EXPECT_EQ(sp, r.word[MACHINE_SP]);
}

static const struct test_case cases[] = {
    {"hal_uctx_init", "starts with pc, sp, tls and the first argument", init_loads},
    {"hal_uctx_init", "every other register is zero", init_zero},
    {"hal_uctx_init", "interrupts are unmasked", init_unmasked},
    {"hal_uctx_init", "user mode", init_user_mode},
    {"hal_uctx_init", "any pc, sp and tls is safe to resume with", init_any_pc},
    {"hal_uctx_set_state", "loads every register", set_loads},
    {"hal_uctx_set_state", "makes a call frame a full frame", set_makes_full},
    {"hal_uctx_set_state", "sanitises privileged bits", set_sanitises},
    {"hal_uctx_set_state", "any flags leave user mode, interrupts unmasked", set_sanitised_runs},
    {"hal_uctx_set_state", "KERN_INVALID_ARGUMENT unknown flavor: unchanged", set_flavor},
    {"hal_uctx_set_state", "KERN_INVALID_ARGUMENT wrong count: unchanged", set_count},
    {"hal_uctx_set_state", "KERN_INVALID_ARGUMENT a pc of the kernel: unchanged", set_kernel_pc},
    {"hal_uctx_set_state", "any pc, sp or tls is refused, or safe to resume with", set_strange},
    {"hal_uctx_get_state", "returns every register of a full frame", get_returns},
    {"hal_uctx_get_state", "of a call frame what it keeps, zero for what it does not hold", get_call_frame},
    {"hal_uctx_get_state", "writes the count, and no word behind it", get_capacity},
    {"hal_uctx_get_state", "KERN_INVALID_ARGUMENT unknown flavor: state and count unchanged", get_flavor},
    {"hal_uctx_get_state", "KERN_INVALID_ARGUMENT capacity too small: state and count unchanged", get_count},
    {"hal_uctx_set_tls", "sets the thread pointer of a full frame", tls_set},
    {"hal_uctx_set_tls", "sets the thread pointer of a call frame", tls_set_call},
    {"hal_uctx_set_tls", "HAL_INVALID no user address: unchanged", tls_refused},
    {"hal_uctx_where", "pc and stack pointer of either form", where},
};
TEST_GROUP(test_uctx, "hal_uctx", cases);
