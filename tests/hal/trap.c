/* SPDX-License-Identifier: BSD-2-Clause */
/* Trap instructions: call frames, their arguments, results, messages, restarts; and switches between contexts. */
#include "test.h"

#include <ipc/direct.h>

static const unsigned argument[HAL_UCTX_ARGS] = MACHINE_ARGUMENTS;
static const unsigned rpc_word[HAL_RPC_WORDS] = MACHINE_RPC_WORD;

/* Let `u` make trap `number` with the registers of `seed`.  *regs: what they were. */
static struct test_event trap(struct uctx *u, uint64_t seed, uint64_t number, struct test_regs *regs)
{
    *regs = test_pattern(seed, user_break);
    machine_trap(regs->word, number);
    test_set(u, regs);
    struct test_event event = test_resume_through_interrupts(u);
    EXPECT_EQ(event.kind, TEST_TRAP);
    EXPECT(event.u == u);
    return event;
}

/* Resume `u`, whose trap is done, to the breakpoint behind it; returns the registers there. */
static struct test_regs return_to_user(struct uctx *u)
{
    struct test_event event = test_resume_through_interrupts(u);

    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(event.exception, EXC_BREAKPOINT);
    return test_get(event.u);
}

/* Registers that a call keeps are as in `before`; those that SYSRET fills hold its pc and flags. */
static void expect_kept(const struct test_regs *after, const struct test_regs *before, uint64_t except)
{
    test_same(after, before, MACHINE_KEPT & ~(BIT(MACHINE_PC) | except), __LINE__);
    EXPECT(after->word[MACHINE_PC] - (before->word[MACHINE_PC] + MACHINE_TRAP_STEP) <= 4);
    for (unsigned i = 0; i < MACHINE_WORDS; i++) {
        if ((MACHINE_ECHOED & BIT(i)) != 0)
            EXPECT(after->word[i] == before->word[MACHINE_PC] + MACHINE_TRAP_STEP ||
                   after->word[i] == MACHINE_FLAGS_ALWAYS);
    }
}

static void number(void)
{
    struct test_regs r;

    for (unsigned i = 0; i < MACHINE_TRAP_NUMBERS; i++) {
        struct uctx *u = test_thread(0, user_break, 0);
        EXPECT_EQ(trap(u, i, machine_trap_numbers[i], &r).number, machine_trap_numbers[i]);
    }
}

static void pc_behind(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r;

    (void)trap(u, 1, 2, &r);
    EXPECT_EQ(test_get(u).word[MACHINE_PC], r.word[MACHINE_PC] + MACHINE_TRAP_STEP);
}

/* Traps 0 and 1 carry a message instead, and may take a fast path that leaves other registers to the trap's ABI. */
#define IS_RPC(number) ((number) < 2)

static void arguments(void)
{
    for (uint64_t seed = 0; seed < 2 * MACHINE_TRAP_NUMBERS; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r;
        if (IS_RPC(machine_trap_numbers[seed % MACHINE_TRAP_NUMBERS]))
            continue;
        (void)trap(u, seed, machine_trap_numbers[seed % MACHINE_TRAP_NUMBERS], &r);
        for (unsigned i = 0; i < HAL_UCTX_ARGS; i++)
            EXPECT_EQ(hal_uctx_arg(u, i), r.word[argument[i]]);
    }
}

static void result(void)
{
    static const uint64_t value[] = {0, 1, UINT64_MAX, 0x8000000000000000, 0x1234567890abcdef};

    for (unsigned i = 0; i < sizeof value / sizeof value[0]; i++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r;
        (void)trap(u, i, 2, &r);
        hal_uctx_set_result(u, value[i]);
        EXPECT_EQ(return_to_user(u).word[MACHINE_RESULT], value[i]);
    }
}

static void result_keeps(void)
{
    for (uint64_t seed = 0; seed < 16; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r;
        (void)trap(u, seed, machine_trap_numbers[seed % MACHINE_TRAP_NUMBERS], &r);
        hal_uctx_set_result(u, seed);
        struct test_regs after = return_to_user(u);
        expect_kept(&after, &r, 0);
    }
}

/* Registers that carry nothing hold zero, whatever user, kernel or another thread left in them. */
static void result_clears(void)
{
    for (uint64_t seed = 0; seed < 16; seed++) {
        struct uctx *u = test_thread(0, user_break, 0), *other = test_thread(1, user_break, 0);
        struct test_regs r;
        (void)trap(u, seed, machine_trap_numbers[seed % MACHINE_TRAP_NUMBERS], &r);
        hal_uctx_set_result(u, seed);
        (void)trap(other, seed + 100, 2, &r);
        struct test_regs after = return_to_user(u);
        test_zero(&after,
                  MACHINE_ALL & ~(MACHINE_KEPT | MACHINE_ECHOED | MACHINE_FLAGS_MASK | BIT(MACHINE_RESULT)),
                  __LINE__);
        if (MACHINE_FLAGS_MASK != 0)
            EXPECT_EQ(after.word[MACHINE_FLAGS % MACHINE_WORDS], MACHINE_FLAGS_ALWAYS);
    }
}

/* The same context without a switch in between: a back end may have a shorter way. */
static void result_clears_at_once(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r;

    (void)trap(u, 3, 2, &r);
    hal_uctx_set_result(u, 77);
    struct test_regs after = return_to_user(u);
    expect_kept(&after, &r, 0);
    test_zero(&after,
              MACHINE_ALL & ~(MACHINE_KEPT | MACHINE_ECHOED | MACHINE_FLAGS_MASK | BIT(MACHINE_RESULT)),
              __LINE__);
}

/* ---- Messages in registers ---- */

static void rpc_get(void)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = test_pattern(seed, user_break);
        struct hal_rpc m;

        memset(&m, 0xa5, sizeof m);
        machine_trap(r.word, seed % 2);
        const uint32_t timeout = MACHINE_TIMEOUT_ALONE ? 0x80000003 + (uint32_t)seed : 0;
        machine_rpc_names(r.word, 0xfedc0001 + (uint32_t)seed, 0x89ab0002, timeout);
        test_set(u, &r);
        EXPECT_EQ(test_resume_through_interrupts(u).number, seed % 2);
        hal_uctx_get_rpc(u, &m);
        EXPECT_EQ(m.remote, 0xfedc0001 + (uint32_t)seed);
        EXPECT_EQ(m.local, 0x89ab0002);
        EXPECT_EQ(m.label, 0);
        EXPECT_EQ(m.more, timeout);
        EXPECT_EQ(m.header, r.word[MACHINE_RPC_HEADER]);
        for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
            EXPECT_EQ(m.word[i], r.word[rpc_word[i]]);
    }
}

static struct hal_rpc rpc_pattern(uint64_t seed)
{
    struct hal_rpc m = {.remote = 0xabcd0000 + (uint32_t)seed, .label = ~seed, .header = seed << 40 | 5};

    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        m.word[i] = (seed + i) * 0xd1342543de82ef95u;
    return m;
}

static void rpc_set(void)
{
    for (uint64_t seed = 1; seed < 9; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct hal_rpc m = rpc_pattern(seed);
        struct test_regs r;
        (void)trap(u, seed, seed % 2, &r);
        hal_uctx_set_rpc(u, &m, 0x5a5a5a5a00000000 + seed);
        struct test_regs after = return_to_user(u);
        EXPECT_EQ(after.word[MACHINE_RESULT], 0x5a5a5a5a00000000 + seed);
        EXPECT_EQ(after.word[MACHINE_RPC_REMOTE], m.remote);
        EXPECT_EQ(after.word[MACHINE_RPC_LABEL], m.label);
        EXPECT_EQ(after.word[MACHINE_RPC_HEADER], m.header);
        for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
            EXPECT_EQ(after.word[rpc_word[i]], m.word[i]);
    }
}

static uint64_t rpc_mask(void)
{
    uint64_t mask =
        BIT(MACHINE_RESULT) | BIT(MACHINE_RPC_REMOTE) | BIT(MACHINE_RPC_LABEL) | BIT(MACHINE_RPC_HEADER);

    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        mask |= BIT(rpc_word[i]);
    return mask;
}

static void rpc_set_clears(void)
{
    for (uint64_t seed = 1; seed < 9; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct hal_rpc m = rpc_pattern(seed);
        struct test_regs r;
        (void)trap(u, seed, machine_trap_numbers[seed % MACHINE_TRAP_NUMBERS], &r);
        hal_uctx_set_rpc(u, &m, seed);
        struct test_regs after = return_to_user(u);
        expect_kept(&after, &r, rpc_mask());
        test_zero(&after, MACHINE_ALL & ~(MACHINE_KEPT | MACHINE_ECHOED | MACHINE_FLAGS_MASK | rpc_mask()),
                  __LINE__);
    }
}

/* A context that got a message traps again: nothing of that message may show. */
static void rpc_then_trap(void)
{
    struct uctx *u = test_thread(0, user_trap_loop, 0);
    struct hal_rpc m = rpc_pattern(3);

    EXPECT_EQ(test_resume_through_interrupts(u).kind, TEST_TRAP);
    hal_uctx_set_rpc(u, &m, 9);
    EXPECT_EQ(test_resume_through_interrupts(u).kind, TEST_TRAP);
    EXPECT_EQ(hal_uctx_arg(u, 0), m.remote);
    hal_uctx_set_result(u, 8);
    EXPECT_EQ(test_resume_through_interrupts(u).kind, TEST_TRAP);
    EXPECT_EQ(hal_uctx_arg(u, 0), 0);
}

/* Whatever way a trap took: its frame holds what the user had, or zero, and nothing of the kernel's. */
static void no_kernel_values(void)
{
    for (uint64_t seed = 0; seed < 2 * MACHINE_TRAP_NUMBERS; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        struct test_regs r = test_pattern(seed, user_break);
        machine_trap(r.word, machine_trap_numbers[seed % MACHINE_TRAP_NUMBERS]);
        machine_rpc_names(r.word, 0x12345601, 0x12345602, MACHINE_TIMEOUT_ALONE ? 0x12345603 : 0);
        test_set(u, &r);
        EXPECT_EQ(test_resume_through_interrupts(u).kind, TEST_TRAP);
        struct test_regs seen = test_get(u);
        for (unsigned i = 0; i < MACHINE_WORDS; i++) {
            uint64_t word = i == MACHINE_PC ? r.word[i] + MACHINE_TRAP_STEP : r.word[i];
            if (i != MACHINE_FLAGS && seen.word[i] != 0 && seen.word[i] != word)
                test_fail_value("register", __LINE__, machine_register[i], seen.word[i], word);
        }
    }
}

/* ---- hal_uctx_restart ---- */

static void restart(void)
{
    for (uint64_t seed = 0; seed < 2 * MACHINE_TRAP_NUMBERS; seed++) {
        struct uctx *u = test_thread(0, user_break, 0);
        uint64_t n = machine_trap_numbers[seed % MACHINE_TRAP_NUMBERS];
        struct test_regs r, clobbered;
        (void)trap(u, seed, n, &r);
        hal_uctx_restart(u);
        (void)trap(test_thread(1, user_break, 0), seed + 50, 2, &clobbered);
        struct test_event event = test_resume_through_interrupts(u);
        EXPECT_EQ(event.kind, TEST_TRAP);
        EXPECT_EQ(event.number, n);
        for (unsigned i = 0; i < HAL_UCTX_ARGS && !IS_RPC(n); i++)
            EXPECT_EQ(hal_uctx_arg(u, i), r.word[argument[i]]);
        hal_uctx_set_result(u, 5);
        struct test_regs after = return_to_user(u);
        expect_kept(&after, &r, 0);
        EXPECT_EQ(after.word[MACHINE_RESULT], 5);
    }
}

static void restart_rpc(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r;
    struct hal_rpc first, second;

    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    (void)trap(u, 4, 0, &r);
    hal_uctx_get_rpc(u, &first);
    hal_uctx_restart(u);
    EXPECT_EQ(test_resume_through_interrupts(u).number, 0);
    hal_uctx_get_rpc(u, &second);
    EXPECT(memcmp(&first, &second, sizeof first) == 0);
}

/* The context has had a result, and a message, before. */
static void restart_later(void)
{
    struct uctx *u = test_thread(0, user_trap_loop, 0);
    struct hal_rpc m = rpc_pattern(6);
    struct test_regs other;

    EXPECT_EQ(test_resume_through_interrupts(u).kind, TEST_TRAP);
    for (unsigned i = 0; i < 8; i++) {
        if (i % 2 == 0)
            hal_uctx_set_result(u, i);
        else
            hal_uctx_set_rpc(u, &m, i);
        if (i >= 4) /* now it goes on behind another context */
            (void)trap(test_thread(1, user_break, 0), i, 2, &other);
        EXPECT_EQ(test_resume_through_interrupts(u).number, 10);
        hal_uctx_restart(u);
        EXPECT_EQ(test_resume_through_interrupts(u).number, 10);
        EXPECT_EQ(hal_uctx_arg(u, 0), i % 2 == 0 ? 0 : m.remote);
        hal_uctx_restart(u);
        EXPECT_EQ(test_resume_through_interrupts(u).number, 10);
    }
}

static void restart_pc(void)
{
    struct uctx *u = test_thread(0, user_break, 0);
    struct test_regs r;
    hal_va_t pc, sp;

    (void)trap(u, 4, 2, &r);
    hal_uctx_restart(u);
    hal_uctx_where(u, &pc, &sp);
    EXPECT_EQ(pc, r.word[MACHINE_PC]);
    EXPECT_EQ(sp, r.word[MACHINE_SP]);
}

/* ---- Many switches ---- */

#define CONTEXTS TEST_THREADS
#define ROUNDS 300u

/* Contexts in all forms take turns; each finds what it left. */
static void isolation(void)
{
    struct uctx *u[CONTEXTS];
    struct test_regs r[CONTEXTS];

    for (unsigned i = 0; i < CONTEXTS; i++) {
        u[i] = test_thread(i, user_break, 0);
        (void)trap(u[i], i, machine_trap_numbers[i], &r[i]);
        hal_uctx_set_result(u[i], i);
    }
    for (unsigned n = 0; n < ROUNDS && !test_failed(); n++) {
        unsigned i = (unsigned)(test_random() % CONTEXTS);
        struct test_regs after = return_to_user(u[i]);
        expect_kept(&after, &r[i], 0);
        EXPECT_EQ(after.word[MACHINE_RESULT], i);
        (void)trap(u[i], n, machine_trap_numbers[n % MACHINE_TRAP_NUMBERS], &r[i]);
        hal_uctx_set_result(u[i], i);
    }
}

/* Interrupted anywhere, with every register in use. */
static void interrupted(void)
{
    struct uctx *u[CONTEXTS];
    struct test_regs r[CONTEXTS];

    for (unsigned i = 0; i < CONTEXTS; i++) {
        u[i] = test_thread(i, user_spin, 0);
        r[i] = test_pattern(i + 1, user_spin);
        test_set(u[i], &r[i]);
    }
    for (unsigned n = 0; n < ROUNDS && !test_failed(); n++) {
        unsigned i = (unsigned)(test_random() % CONTEXTS);
        hal_timer_arm(hal_time_now() + test_random() % test_ticks(50));
        struct test_event event = test_resume(u[i]);
        EXPECT_EQ(event.kind, TEST_INTERRUPT);
        EXPECT(event.u == u[i]);
        (void)test_drain();
        struct test_regs after = test_get(u[i]);
        test_same(&after, &r[i], MACHINE_ALL, __LINE__);
    }
}

static void isolation_job(void *arg)
{
    (void)arg;
    test_space_activate(test_space());
    isolation();
    interrupted();
}

static void isolation_everywhere(void)
{
    if (test_cpu_count() == 1) {
        test_skip("one CPU");
        return;
    }
    for (uint32_t i = 1; i < test_cpu_count(); i++)
        test_cpu_begin(i, isolation_job, NULL);
    for (uint32_t i = 1; i < test_cpu_count(); i++)
        test_cpu_wait(i);
}

/* A context that one CPU saved, another one resumes. */
static void migrate_job(void *arg)
{
    struct uctx *u = arg;

    test_space_activate(test_space());
    struct test_regs before = test_get(u);
    hal_timer_arm(hal_time_now());
    EXPECT_EQ(test_resume(u).kind, TEST_INTERRUPT);
    (void)test_drain();
    struct test_regs after = test_get(u);
    test_same(&after, &before, MACHINE_ALL, __LINE__);
}

static void migrate(void)
{
    struct uctx *u = test_thread(0, user_spin, 0);
    struct test_regs r = test_pattern(21, user_spin);

    if (test_cpu_count() == 1) {
        test_skip("one CPU");
        return;
    }
    test_set(u, &r);
    for (uint32_t n = 0; n < 20; n++) {
        migrate_job(u);
        test_cpu_run(1 + n % (test_cpu_count() - 1), migrate_job, u);
    }
    struct test_regs after = test_get(u);
    test_same(&after, &r, MACHINE_ALL, __LINE__);
}

/* A context traps again on another CPU. */
struct travel {
    struct uctx *u;
    uint64_t seed;
    struct test_regs r;
};

static void travel_job(void *arg)
{
    struct travel *travel = arg;

    test_space_activate(test_space());
    (void)trap(travel->u, travel->seed + 100, 10, &travel->r);
    hal_uctx_set_result(travel->u, travel->seed);
}

/* An upcall of one CPU returns a context that was elsewhere since it trapped there. */
static void result_elsewhere(void)
{
    if (test_cpu_count() == 1) {
        test_skip("one CPU");
        return;
    }
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct travel travel = {.u = test_thread(0, user_break, 0), .seed = seed};
        struct test_regs r;
        (void)trap(travel.u, seed, 10, &r);
        test_cpu_run(1, travel_job, &travel);
        struct test_regs after = return_to_user(travel.u);
        expect_kept(&after, &travel.r, 0);
        EXPECT_EQ(after.word[MACHINE_RESULT], seed);
    }
}

#define SWITCHES 1000000u

static uint64_t switches;

static struct uctx *count_switch(const struct test_event *event)
{
    if (event->kind != TEST_TRAP || ++switches == SWITCHES)
        return NULL;
    hal_uctx_set_result(event->u, switches);
    return event->u;
}

/* Where each of the upcalls began, core.c has compared. */
static void many_switches(void)
{
    uint64_t bad = test_upcalls_bad(), before = test_upcalls();

    test_filter(count_switch);
    struct test_event event = test_resume(test_thread(0, user_trap_loop, 0));
    test_filter(NULL);
    EXPECT_EQ(event.kind, TEST_TRAP);
    EXPECT_EQ(test_upcalls() - before, SWITCHES);
    EXPECT_EQ(test_upcalls_bad(), bad);
}

/* A call with one right, to a name that means nothing.  goes: kern_message_right() would let the right go. */
static void message_with_right(bool goes)
{
    static struct direct_message buffer;
    struct uctx *u = test_thread(0, user_break, 0);
    struct cpu *cpu = test_cpu_structure(test_cpu_index());
    mach_msg_header_t *head = test_page_at(test_space(), TEST_DATA);
    struct test_regs r = test_pattern(7, user_break);
    const uint64_t arguments[] = {TEST_DATA,
                                  IPC_DIRECT_OPTIONS,
                                  sizeof(mach_msg_base_t) + sizeof(mach_msg_port_descriptor_t),
                                  sizeof(buffer),
                                  0x1234,
                                  0,
                                  0};

    *head =
        (mach_msg_header_t){.msgh_bits = IPC_DIRECT_CALL | MACH_MSGH_BITS_COMPLEX, .msgh_local_port = 0x1234};
    cpu->message = &buffer;
    cpu->message_end = TEST_STACK;
    *test_right() = (struct test_right){.goes = goes};
    for (unsigned i = 0; i < HAL_UCTX_ARGS; i++)
        r.word[argument[i]] = arguments[i];
    machine_trap(r.word, MACH_TRAP_MSG);
    test_set(u, &r);
    struct test_event event = test_resume_through_interrupts(u);
    EXPECT_EQ(event.kind, TEST_TRAP);
    EXPECT(event.u == u);
    EXPECT_EQ(event.number, MACH_TRAP_MSG);
    for (unsigned i = 0; i < HAL_UCTX_ARGS; i++)
        EXPECT_EQ(hal_uctx_arg(u, i), arguments[i]);
    EXPECT_EQ(test_right()->asked[HAL_RIGHT_BEGIN], 1);
    EXPECT(test_right()->u[HAL_RIGHT_BEGIN] == u);
    EXPECT_EQ(test_right()->asked[HAL_RIGHT_UNDO], goes);
    EXPECT(test_right()->u[HAL_RIGHT_UNDO] == (goes ? u : NULL));
    EXPECT_EQ(test_right()->asked[HAL_RIGHT_PASS], 0);
    cpu->message_end = 0;
    hal_uctx_set_result(u, 0);
    struct test_regs after = return_to_user(u);
    expect_kept(&after, &r, 0);
}

static void right_stays(void)
{
    message_with_right(false);
}

static void right_undone(void)
{
    message_with_right(true);
}

static const struct test_case cases[] = {
    {"kern_syscall", "number is the trap's", number},
    {"kern_syscall", "pc is behind the instruction", pc_behind},
    {"hal_uctx_arg", "arguments 0 .. 6 of the trap", arguments},
    {"kern_syscall", "the frame holds nothing of the kernel's", no_kernel_values},
    {"hal_uctx_set_result", "is the result of the trap", result},
    {"hal_uctx_set_result", "callee-saved registers, stack and thread pointers stay", result_keeps},
    {"hal_uctx_set_result", "every other register becomes zero", result_clears},
    {"hal_uctx_set_result", "also without a switch in between", result_clears_at_once},
    {"hal_uctx_get_rpc", "the message that the trap carried", rpc_get},
    {"hal_uctx_set_rpc", "the message and the result arrive", rpc_set},
    {"hal_uctx_set_rpc", "what a call keeps stays, every other register becomes zero", rpc_set_clears},
    {"hal_uctx_set_rpc", "holds for one resume only", rpc_then_trap},
    {"hal_uctx_restart", "the trap instruction again, with the same number and arguments", restart},
    {"hal_uctx_restart", "the same message again", restart_rpc},
    {"hal_uctx_restart", "twice, and after a result or a message before", restart_later},
    {"hal_uctx_restart", "pc is at the trap instruction", restart_pc},
    {"kern_syscall", "contexts keep their registers while others run", isolation},
    {"kern_message_right", "is asked once about a message with a right, which goes on as a trap",
     right_stays},
    {"kern_message_right", "is told when the message can't go the short way after all", right_undone},
    {"kern_interrupt", "the interrupted registers are complete", interrupted},
    {"kern_interrupt", "both hold on every CPU at the same time", isolation_everywhere},
    {"kern_interrupt", "a context that one CPU saved, another resumes", migrate},
    {"hal_uctx_set_result", "also where the context has trapped on another CPU meanwhile", result_elsewhere},
    {"kern_syscall", "enters on the empty stack, after 1,000,000 switches too", many_switches},
};
TEST_GROUP(test_trap, "traps", cases);
