/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers as user code itself sees and changes them.  What uctx.c and trap.c compare is two readings of a context; a
 * register that is neither saved nor loaded would pass there.
 *
 * sp is TEST_DATA: user code fills its registers from the block there, and dumps them MACHINE_DUMP bytes behind it.
 */
#include "test.h"

#include <mach/rpc.h>

#define DUMPED (MACHINE_ALL & ~(BIT(MACHINE_PC) | BIT(MACHINE_SP) | MACHINE_FLAGS_MASK))
#define FILLED (DUMPED & ~(BIT(MACHINE_TLS) * (MACHINE_TLS_IS_GENERAL ? 0 : 1)))

static struct test_regs *fill_block(void)
{
    return test_page_at(test_space(), TEST_DATA);
}

static struct test_regs *dump_block(void)
{
    return (struct test_regs *)(void *)((uint8_t *)test_page_at(test_space(), TEST_DATA) + MACHINE_DUMP);
}

/* Registers of `seed`, with a stack and a thread pointer that the user code here can use. */
static struct test_regs pattern(uint64_t seed, const char *label)
{
    struct test_regs r = test_pattern(seed, label);
    uint8_t *page = test_page_at(test_space(), TEST_DATA);

    r.word[MACHINE_SP] = TEST_DATA;
    r.word[MACHINE_TLS] = TEST_DATA + 2048 + 8 * (seed % 16);
    memcpy(page + (r.word[MACHINE_TLS] - TEST_DATA), &r.word[MACHINE_TLS], sizeof r.word[0]);
    memset(dump_block(), 0xee, sizeof(struct test_regs));
    return r;
}

static void to_breakpoint(struct uctx *u)
{
    struct test_event event = test_resume_through_interrupts(u);

    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(event.exception, EXC_BREAKPOINT);
}

static void set_state(void)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = pattern(seed, user_dump);
        test_set(u, &r);
        to_breakpoint(u);
        test_same(dump_block(), &r, DUMPED, __LINE__);
    }
}

static void init(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r = pattern(3, user_dump);

    test_set(u, &r);
    to_breakpoint(u); /* leaves its registers on the CPU */
    hal_uctx_init(u, test_code(user_dump), TEST_DATA, r.word[MACHINE_TLS], 0x1234567890);
    to_breakpoint(u);
    EXPECT_EQ(dump_block()->word[MACHINE_ARG0], 0x1234567890);
    EXPECT_EQ(dump_block()->word[MACHINE_TLS], r.word[MACHINE_TLS]);
    test_zero(dump_block(), DUMPED & ~(BIT(MACHINE_ARG0) | BIT(MACHINE_TLS)), __LINE__);
}

/* Start at `label` with the registers of one seed in the context and those of another in the block. */
static struct test_regs begin(struct uctx *u, const char *label, uint64_t seed)
{
    struct test_regs before = pattern(seed + 40, label), r = pattern(seed, label);

    before.word[MACHINE_TLS] = r.word[MACHINE_TLS];
    *fill_block() = r;
    test_set(u, &before);
    return r;
}

static void exception(void)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = begin(u, user_fill, seed);
        to_breakpoint(u);
        struct test_regs seen = test_get(u);
        test_same(&seen, &r, FILLED | BIT(MACHINE_TLS), __LINE__);
    }
}

static void interrupt(void)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = begin(u, user_fill_spin, seed);
        hal_timer_arm(hal_time_now() + test_ticks(2000));
        struct test_event event = test_resume(u);
        struct test_regs seen = test_get(u);
        while (event.kind == TEST_INTERRUPT &&
               (seen.word[MACHINE_RESULT] != r.word[MACHINE_RESULT] || test_drain() == 0)) { /* too early */
            (void)test_drain();
            hal_timer_arm(hal_time_now() + test_ticks(2000));
            event = test_resume(u);
            seen = test_get(u);
        }
        EXPECT_EQ(event.kind, TEST_INTERRUPT);
        test_same(&seen, &r, FILLED | BIT(MACHINE_TLS), __LINE__);
    }
}

/* ---- Traps ---- */

static struct test_regs trap(struct uctx *u, uint64_t seed)
{
    struct test_regs r = begin(u, user_fill_trap, seed);

    machine_trap(fill_block()->word, MACH_TRAP_NULL); /* one that no path but kern_syscall() looks at */
    r.word[MACHINE_RESULT] = fill_block()->word[MACHINE_RESULT];
    EXPECT_EQ(test_resume_through_interrupts(u).kind, TEST_TRAP);
    return r;
}

static void trap_frame(void)
{
    static const unsigned argument[HAL_UCTX_ARGS] = MACHINE_ARGUMENTS;

    for (uint64_t seed = 0; seed < 8; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = trap(u, seed);
        struct test_regs seen = test_get(u);
        test_same(&seen, &r, MACHINE_KEPT & DUMPED, __LINE__);
        for (unsigned i = 0; i < HAL_UCTX_ARGS; i++)
            EXPECT_EQ(hal_uctx_arg(u, i), r.word[argument[i]]);
    }
}

static void trap_message(void)
{
    static const unsigned word[HAL_RPC_WORDS] = MACHINE_RPC_WORD;

    for (uint64_t seed = 0; seed < 8; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = trap(u, seed);
        struct hal_rpc m = {0};
        hal_uctx_get_rpc(u, &m);
        EXPECT_EQ(m.header, r.word[MACHINE_RPC_HEADER]);
        EXPECT_EQ(m.remote, (uint32_t)r.word[MACHINE_RPC_REMOTE]);
        for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
            EXPECT_EQ(m.word[i], r.word[word[i]]);
    }
}

/* Another context runs in between if `other`. */
static void result(bool other)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = trap(u, seed);
        hal_uctx_set_result(u, 0xabcdef0123456789);
        if (other)
            (void)trap(test_thread(1, user_break, 0), seed + 20);
        to_breakpoint(u);
        test_same(dump_block(), &r, MACHINE_KEPT & DUMPED, __LINE__);
        EXPECT_EQ(dump_block()->word[MACHINE_RESULT], 0xabcdef0123456789);
        test_zero(dump_block(), DUMPED & ~(MACHINE_KEPT | MACHINE_ECHOED | BIT(MACHINE_RESULT)), __LINE__);
    }
}

static void result_at_once(void)
{
    result(false);
}

static void result_other(void)
{
    result(true);
}

static void message(void)
{
    static const unsigned word[HAL_RPC_WORDS] = MACHINE_RPC_WORD;

    for (uint64_t seed = 0; seed < 8; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct hal_rpc m = {.remote = 0x1000 + (uint32_t)seed, .label = ~seed, .header = seed << 33};
        uint64_t mask =
            BIT(MACHINE_RESULT) | BIT(MACHINE_RPC_REMOTE) | BIT(MACHINE_RPC_LABEL) | BIT(MACHINE_RPC_HEADER);
        struct test_regs r = trap(u, seed);
        for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
            m.word[i] = 0x1111111111111111 * (i + 1);
        hal_uctx_set_rpc(u, &m, 7);
        (void)trap(test_thread(1, user_break, 0), seed + 20);
        to_breakpoint(u);
        for (unsigned i = 0; i < HAL_RPC_WORDS; i++) {
            EXPECT_EQ(dump_block()->word[word[i]], m.word[i]);
            mask |= BIT(word[i]);
        }
        EXPECT_EQ(dump_block()->word[MACHINE_RPC_REMOTE], m.remote);
        EXPECT_EQ(dump_block()->word[MACHINE_RPC_LABEL], m.label);
        EXPECT_EQ(dump_block()->word[MACHINE_RPC_HEADER], m.header);
        EXPECT_EQ(dump_block()->word[MACHINE_RESULT], 7);
        test_same(dump_block(), &r, MACHINE_KEPT & DUMPED & ~mask, __LINE__);
        test_zero(dump_block(), DUMPED & ~(MACHINE_KEPT | MACHINE_ECHOED | mask), __LINE__);
    }
}

static const struct test_case cases[] = {
    {"hal_uctx_init", "user code finds zero but in what was given", init},
    {"hal_uctx_set_state", "user code finds every register as it was set", set_state},
    {"kern_exception", "the frame holds every register as user code left it", exception},
    {"kern_interrupt", "the frame holds every register as user code left it", interrupt},
    {"kern_syscall", "the frame holds what a call keeps, and the arguments, as user code left them",
     trap_frame},
    {"hal_uctx_get_rpc", "the message as user code left it", trap_message},
    {"hal_uctx_set_result", "user code finds what a call keeps, the result, and zero", result_at_once},
    {"hal_uctx_set_result", "and so it does after another context ran", result_other},
    {"hal_uctx_set_rpc", "user code finds the message, what a call keeps, and zero", message},
};
TEST_GROUP(test_registers, "registers", cases);
