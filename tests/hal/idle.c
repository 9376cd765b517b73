/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Idling.  A wake-up that is lost would show as a CPU that sleeps on: a timer, armed far ahead, then ends the wait, and the
 * case counts it.
 */
#include "test.h"

#define RACES 100000u
#define RACES_BETWEEN 5000u
#define ALARM_US 3000000u

static bool one_cpu(void)
{
    if (test_cpu_count() == 1)
        test_skip("one CPU");
    return test_cpu_count() == 1;
}

/* Idle until an interrupt comes; EXPECT it to be `irq`. */
static void expect_wake(hal_irq_t irq)
{
    struct test_event event = test_idle_wait();
    hal_irq_t claimed = hal_irq_claim();

    while (claimed == HAL_IRQ_NONE) { /* spurious */
        event = test_idle_wait();
        claimed = hal_irq_claim();
    }
    EXPECT_EQ(event.kind, TEST_INTERRUPT);
    EXPECT(event.u == NULL);
    EXPECT_EQ(claimed, irq);
    hal_irq_complete(claimed);
}

static void pending_before(void)
{
    (void)test_drain();
    for (unsigned i = 0; i < 100 && !test_failed(); i++) {
        hal_timer_arm(hal_time_now() + test_ticks(ALARM_US));
        hal_ipi_send(test_cpu_index());
        expect_wake(HAL_IRQ_IPI);
        hal_timer_arm(hal_time_now());
        expect_wake(HAL_IRQ_TIMER);
    }
}

static void arrives_later(void)
{
    (void)test_drain();
    for (unsigned i = 0; i < 20 && !test_failed(); i++) {
        hal_ticks_t deadline = hal_time_now() + test_ticks(500);
        hal_timer_arm(deadline);
        expect_wake(HAL_IRQ_TIMER);
        EXPECT(hal_time_now() >= deadline);
    }
}

/* The upcall is the one that a fault or trap would find: empty stack, masked.  core.c checks that at each entry. */
static void empty_stack(void)
{
    uint64_t bad = test_upcalls_bad();

    (void)test_drain();
    for (unsigned i = 0; i < 1000; i++) {
        hal_ipi_send(0);
        expect_wake(HAL_IRQ_IPI);
    }
    EXPECT_EQ(test_upcalls_bad(), bad);
}

/* ---- Races, handled on the CPU's stack without a switch to the case ---- */

static uint64_t races, lost;

/* One of them is about to become pending: the CPU's own IPI, or its timer a moment ahead. */
static void race_next(void)
{
    hal_timer_arm(hal_time_now() + test_ticks(ALARM_US));
    if (races % 4 != 0)
        hal_ipi_send(0);
    else
        hal_timer_arm(hal_time_now() + test_random() % test_ticks(6));
}

static struct uctx *race_step(const struct test_event *event)
{
    hal_irq_t irq;

    if (event->kind != TEST_INTERRUPT)
        return NULL;
    while ((irq = hal_irq_claim()) != HAL_IRQ_NONE) {
        lost += irq == HAL_IRQ_TIMER && races % 4 != 0;
        hal_irq_complete(irq);
        races++;
    }
    if (races >= RACES)
        return NULL;
    race_next();
    hal_cpu_idle();
}

static void race(void)
{
    (void)test_drain();
    races = 1;
    lost = 0;
    test_filter(race_step);
    race_next();
    (void)test_idle_wait();
    test_filter(NULL);
    EXPECT(races >= RACES);
    EXPECT_EQ(lost, 0);
    hal_timer_arm(HAL_TIMER_OFF);
    (void)test_drain();
}

/* Two CPUs wake each other by turns. */
static uint64_t turn;
static uint64_t late[2];

static void turns(uint64_t parity, uint32_t other)
{
    (void)test_drain();
    for (uint64_t n = parity; n < RACES_BETWEEN; n += 2) {
        hal_timer_arm(hal_time_now() + test_ticks(ALARM_US));
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != n) {
            (void)test_idle_wait();
            hal_irq_t irq;
            while ((irq = hal_irq_claim()) != HAL_IRQ_NONE) {
                late[parity] += irq == HAL_IRQ_TIMER;
                hal_irq_complete(irq);
                hal_timer_arm(hal_time_now() + test_ticks(ALARM_US));
            }
        }
        __atomic_store_n(&turn, n + 1, __ATOMIC_RELEASE);
        hal_ipi_send(other);
    }
    hal_timer_arm(HAL_TIMER_OFF);
    (void)test_drain();
}

static void turns_job(void *arg)
{
    (void)arg;
    turns(1, 0);
}

static void race_between(void)
{
    if (one_cpu())
        return;
    turn = 0;
    late[0] = late[1] = 0;
    test_cpu_begin(1, turns_job, NULL);
    turns(0, 1);
    test_cpu_wait(1);
    EXPECT_EQ(turn, RACES_BETWEEN);
    EXPECT_EQ(late[0] + late[1], 0);
}

static void each_cpu_job(void *arg)
{
    (void)arg;
    (void)test_drain();
    pending_before();
    arrives_later();
}

static void each_cpu(void)
{
    if (one_cpu())
        return;
    for (uint32_t cpu = 1; cpu < test_cpu_count(); cpu++)
        test_cpu_run(cpu, each_cpu_job, NULL);
}

static const struct test_case cases[] = {
    {"hal_cpu_idle", "an interrupt that is pending leads to kern_interrupt(NULL)", pending_before},
    {"hal_cpu_idle", "an interrupt that arrives later leads to kern_interrupt(NULL)", arrives_later},
    {"hal_cpu_idle", "discards the stack", empty_stack},
    {"hal_cpu_idle", "100,000 races with its own IPI and timer: no wake-up is lost", race},
    {"hal_cpu_idle", "races with another CPU's IPI: no wake-up is lost", race_between},
    {"hal_cpu_idle", "on every CPU", each_cpu},
};
TEST_GROUP(test_idle, "idle", cases);
