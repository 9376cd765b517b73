/* SPDX-License-Identifier: BSD-2-Clause */
/* User contexts, and small helpers of the cases. */
#include "test.h"

#include <ipc/space.h>

/*
 * A context is the first member of struct thread, and the fast path of RPC takes it for one: give it a name space where no
 * name means anything, so that it declines.
 */
static struct thread threads[TEST_CPU_MAX][TEST_THREADS];
static struct ipc_space no_names;
static struct ipc_entry no_entry = {.key = 1};

struct uctx *test_thread(uint32_t n, const char *label, uint64_t arg)
{
    struct thread *t = &threads[test_cpu_index()][n];

    t->cpu = hal_cpu_self();
    t->space = &no_names;
    t->rcv_name = THREAD_RCV_NONE;
    t->call_entry = &no_entry;
    t->reply_entry = &no_entry;
    hal_uctx_init(&t->uctx, test_code(label), TEST_STACK, 0, arg);
    return &t->uctx;
}

uint64_t test_random(void)
{
    static uint64_t states[TEST_CPU_MAX];
    uint64_t *state = &states[test_cpu_index()];

    if (*state == 0)
        *state = 88172645463325252u; /* xorshift64 */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct test_regs test_pattern(uint64_t seed, const char *label)
{
    struct test_regs r;

    for (unsigned i = 0; i < MACHINE_WORDS; i++)
        r.word[i] = (seed + i) * 0x9e3779b97f4a7c15u | 1;
    r.word[MACHINE_PC] = test_code(label);
    r.word[MACHINE_SP] = TEST_STACK - 16 * (seed % 8 + 1);
    r.word[MACHINE_TLS] = TEST_DATA + 8 * (seed % 16 + 1);
    machine_pattern_fix(&r.word[0], seed);
    return r;
}

struct test_regs test_get(const struct uctx *u)
{
    struct test_regs r;
    uint32_t count = MACHINE_COUNT;

    memset(&r, 0xa5, sizeof r);
    EXPECT_EQ(hal_uctx_get_state(u, MACHINE_FLAVOR, (uint32_t *)&r, &count), KERN_SUCCESS);
    EXPECT_EQ(count, MACHINE_COUNT);
    return r;
}

void test_set(struct uctx *u, const struct test_regs *regs)
{
    EXPECT_EQ(hal_uctx_set_state(u, MACHINE_FLAVOR, (const uint32_t *)regs, MACHINE_COUNT), KERN_SUCCESS);
}

void test_same(const struct test_regs *regs, const struct test_regs *expected, uint64_t mask, int line)
{
    for (unsigned i = 0; i < MACHINE_WORDS; i++) {
        if ((mask & BIT(i)) != 0 && regs->word[i] != expected->word[i])
            test_fail_value("register", line, machine_register[i], regs->word[i], expected->word[i]);
    }
}

void test_zero(const struct test_regs *regs, uint64_t mask, int line)
{
    static const struct test_regs zero;

    test_same(regs, &zero, mask, line);
}

hal_ticks_t test_ticks(uint64_t microseconds)
{
    return (hal_ticks_t)(hal_info.time_hz * microseconds / 1000000 + 1);
}

void test_delay_us(uint64_t microseconds)
{
    hal_ticks_t end = hal_time_now() + test_ticks(microseconds);

    while (hal_time_now() < end)
        hal_cpu_pause();
}

uint32_t test_drain(void)
{
    uint32_t count = 0;
    hal_irq_t irq;

    while ((irq = hal_irq_claim()) != HAL_IRQ_NONE) {
        hal_irq_complete(irq);
        count++;
    }
    return count;
}

struct test_event test_resume_through_interrupts(struct uctx *u)
{
    struct test_event event = test_resume(u);

    while (event.kind == TEST_INTERRUPT) {
        (void)test_drain();
        event = test_resume(event.u);
    }
    return event;
}

#define DEVICE_VA (TEST_FREE - HAL_PAGE_SIZE)

volatile void *test_device(hal_pa_t pa)
{
    hal_pte_t *entry = test_entry(test_space(), DEVICE_VA, 0);

    if (*entry == 0)
        test_map(test_space(), DEVICE_VA, pa, (TEST_ATTR_RW & ~HAL_ATTR_U) | HAL_ATTR_DEVICE, 0);
    return (volatile void *)DEVICE_VA;
}
