/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock and the timers of the CPUs. */
#include "test.h"

#define LATE_US 3000000u /* an emulator on a busy host */

static bool one_cpu(void)
{
    if (test_cpu_count() == 1)
        test_skip("one CPU");
    return test_cpu_count() == 1;
}

static void monotone(void)
{
    hal_ticks_t last = hal_time_now();

    for (unsigned i = 0; i < 100000 && !test_failed(); i++) {
        hal_ticks_t now = hal_time_now();
        EXPECT(now >= last);
        last = now;
    }
}

static void advances(void)
{
    hal_ticks_t start = hal_time_now();
    unsigned turns = 0;

    while (hal_time_now() == start && turns < 100000000)
        turns++;
    EXPECT(hal_time_now() > start);
}

/* A time that is passed on is never ahead of the receiver's clock. */
static uint64_t ball;

static void serve(uint64_t parity)
{
    for (uint64_t n = parity; n < 500 && !test_failed(); n += 2) {
        static uint64_t stamp;
        while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != n)
            hal_cpu_pause();
        EXPECT(hal_time_now() >= stamp);
        stamp = hal_time_now();
        __atomic_store_n(&ball, n + 1, __ATOMIC_RELEASE);
    }
}

static void serve_job(void *arg)
{
    (void)arg;
    serve(1);
}

static void agrees(void)
{
    if (one_cpu())
        return;
    for (uint32_t cpu = 1; cpu < test_cpu_count(); cpu++) {
        ball = 0;
        test_cpu_begin(cpu, serve_job, NULL);
        serve(0);
        test_cpu_wait(cpu);
    }
}

/* Wait for the timer; EXPECT it not before `deadline` and not long after. */
static void expect_timer(hal_ticks_t deadline)
{
    hal_ticks_t end = (deadline > hal_time_now() ? deadline : hal_time_now()) + test_ticks(LATE_US);

    while (!hal_irq_pending() && hal_time_now() < end)
        hal_cpu_pause();
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_TIMER);
    EXPECT(hal_time_now() >= deadline);
    EXPECT(hal_time_now() < end);
    hal_irq_complete(HAL_IRQ_TIMER);
}

static void expect_silence(uint64_t microseconds)
{
    hal_ticks_t end = hal_time_now() + test_ticks(microseconds);

    while (hal_time_now() < end && !test_failed()) {
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
        hal_cpu_pause();
    }
}

static void not_early(void)
{
    static const uint64_t wait_us[] = {1, 3, 10, 50, 100, 500, 1000, 5000, 20000};

    (void)test_drain();
    for (unsigned i = 0; i < sizeof wait_us / sizeof wait_us[0]; i++) {
        hal_ticks_t deadline = hal_time_now() + test_ticks(wait_us[i]);
        hal_timer_arm(deadline);
        expect_timer(deadline);
    }
}

static void at_once(void)
{
    (void)test_drain();
    hal_timer_arm(hal_time_now());
    expect_timer(0);
    hal_timer_arm(hal_time_now() - 1);
    expect_timer(0);
    hal_timer_arm(1);
    expect_timer(0);
    hal_timer_arm(0);
    expect_timer(0);
}

static void replace_by_later(void)
{
    (void)test_drain();
    hal_ticks_t deadline = hal_time_now() + test_ticks(10000);
    hal_timer_arm(hal_time_now() + test_ticks(2000));
    hal_timer_arm(deadline);
    expect_timer(deadline);
    expect_silence(1000);
}

static void replace_by_earlier(void)
{
    (void)test_drain();
    hal_ticks_t far = hal_time_now() + test_ticks(100000000);
    hal_timer_arm(far);
    hal_ticks_t deadline = hal_time_now() + test_ticks(1000);
    hal_timer_arm(deadline);
    expect_timer(deadline);
    EXPECT(hal_time_now() < far);
}

/* A deadline that passed, but was not claimed, is gone when a later one takes its place. */
static void replace_passed(void)
{
    (void)test_drain();
    hal_timer_arm(hal_time_now());
    test_delay_us(100);
    hal_ticks_t deadline = hal_time_now() + test_ticks(5000);
    hal_timer_arm(deadline);
    while (hal_time_now() < deadline) {
        hal_irq_t irq = hal_irq_claim();
        if (irq != HAL_IRQ_NONE && hal_time_now() < deadline) {
            EXPECT_EQ(irq, HAL_IRQ_NONE);
            hal_irq_complete(irq);
            return;
        }
        if (irq != HAL_IRQ_NONE) {
            hal_irq_complete(irq);
            return;
        }
    }
    expect_timer(deadline);
}

static void off(void)
{
    (void)test_drain();
    hal_timer_arm(hal_time_now() + test_ticks(1000));
    hal_timer_arm(HAL_TIMER_OFF);
    expect_silence(5000);
    hal_timer_arm(HAL_TIMER_OFF);
    expect_silence(100);
}

static void far_future(void)
{
    static const uint64_t ahead[] = {UINT64_C(1) << 40, UINT64_C(1) << 55, UINT64_C(1) << 62};

    (void)test_drain();
    for (unsigned i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
        hal_timer_arm(hal_time_now() + ahead[i]);
        expect_silence(2000);
    }
    hal_timer_arm(HAL_TIMER_OFF - 1);
    expect_silence(2000);
    hal_timer_arm(HAL_TIMER_OFF);
}

static void ends_user_code(void)
{
    struct uctx *u = test_thread(0, user_spin, 0);

    (void)test_drain();
    for (unsigned i = 0; i < 50 && !test_failed(); i++) {
        hal_ticks_t deadline = hal_time_now() + test_ticks(100 + 10 * i);
        hal_timer_arm(deadline);
        struct test_event event = test_resume(u);
        EXPECT_EQ(event.kind, TEST_INTERRUPT);
        hal_irq_t irq = hal_irq_claim();
        while (irq == HAL_IRQ_NONE && hal_time_now() < deadline) { /* spurious: the timer was early */
            (void)test_resume(u);
            irq = hal_irq_claim();
        }
        EXPECT_EQ(irq, HAL_IRQ_TIMER);
        EXPECT(hal_time_now() >= deadline);
        hal_irq_complete(HAL_IRQ_TIMER);
    }
}

static void timer_job(void *arg)
{
    (void)arg;
    (void)test_drain();
    not_early();
    at_once();
    replace_by_earlier();
    off();
}

static void each_cpu(void)
{
    if (one_cpu())
        return;
    (void)test_drain();
    for (uint32_t cpu = 1; cpu < test_cpu_count(); cpu++)
        test_cpu_begin(cpu, timer_job, NULL);
    for (uint32_t cpu = 1; cpu < test_cpu_count(); cpu++)
        test_cpu_wait(cpu);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
}

static const struct test_case cases[] = {
    {"hal_time_now", "never goes back", monotone},
    {"hal_time_now", "goes on", advances},
    {"hal_time_now", "agrees between CPUs", agrees},
    {"hal_timer_arm", "HAL_IRQ_TIMER once the deadline is reached, not before", not_early},
    {"hal_timer_arm", "at once if the deadline is past", at_once},
    {"hal_timer_arm", "a later deadline replaces the previous one", replace_by_later},
    {"hal_timer_arm", "an earlier deadline replaces the previous one", replace_by_earlier},
    {"hal_timer_arm", "a deadline that passed unclaimed is replaced too", replace_passed},
    {"hal_timer_arm", "HAL_TIMER_OFF: none", off},
    {"hal_timer_arm", "a deadline in the far future", far_future},
    {"hal_timer_arm", "interrupts user code", ends_user_code},
    {"hal_timer_arm", "each CPU has its own", each_cpu},
};
TEST_GROUP(test_time, "hal_time", cases);
