/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts that every machine has: inter-processor ones and the timer's, through claim and complete. */
#include "test.h"

#define WAIT_US 10000000u

/* Wait until something is pending; returns whether. */
static bool wait_pending(void)
{
    hal_ticks_t end = hal_time_now() + test_ticks(WAIT_US);

    while (!hal_irq_pending() && hal_time_now() < end)
        hal_cpu_pause();
    return hal_irq_pending();
}

static bool one_cpu(void)
{
    if (test_cpu_count() == 1)
        test_skip("one CPU");
    return test_cpu_count() == 1;
}

static void nothing(void)
{
    (void)test_drain();
    EXPECT(!hal_irq_pending());
    for (unsigned i = 0; i < 10; i++)
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    EXPECT(!hal_irq_pending());
}

static void pending(void)
{
    (void)test_drain();
    hal_ipi_send(0);
    EXPECT(wait_pending());
    EXPECT(hal_irq_pending()); /* asking does not take it */
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_IPI);
    hal_irq_complete(HAL_IRQ_IPI);
    EXPECT(!hal_irq_pending());
}

static void claim_once(void)
{
    for (unsigned i = 0; i < 100 && !test_failed(); i++) {
        hal_ipi_send(0);
        EXPECT(wait_pending());
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_IPI);
        hal_irq_complete(HAL_IRQ_IPI);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    }
}

/* Both at once: each is claimed, once. */
static void claim_both(void)
{
    for (unsigned i = 0; i < 20 && !test_failed(); i++) {
        unsigned ipis = 0, timers = 0;
        hal_irq_t irq;
        hal_ticks_t end = hal_time_now() + test_ticks(WAIT_US);
        hal_timer_arm(hal_time_now());
        hal_ipi_send(0);
        test_delay_us(100);
        while (ipis + timers < 2 && hal_time_now() < end) {
            irq = hal_irq_claim();
            if (irq == HAL_IRQ_NONE)
                continue;
            ipis += irq == HAL_IRQ_IPI;
            timers += irq == HAL_IRQ_TIMER;
            EXPECT(irq == HAL_IRQ_IPI || irq == HAL_IRQ_TIMER);
            hal_irq_complete(irq);
        }
        EXPECT_EQ(ipis, 1);
        EXPECT_EQ(timers, 1);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    }
}

static void timer_once(void)
{
    (void)test_drain();
    hal_timer_arm(hal_time_now());
    EXPECT(wait_pending());
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_TIMER);
    hal_irq_complete(HAL_IRQ_TIMER);
    test_delay_us(1000);
    EXPECT(!hal_irq_pending());
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
}

/* Armed between claim and complete, as a kernel does. */
static void timer_again(void)
{
    (void)test_drain();
    for (unsigned i = 0; i < 50 && !test_failed(); i++) {
        hal_timer_arm(hal_time_now());
        EXPECT(wait_pending());
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_TIMER);
        hal_timer_arm(hal_time_now() + test_ticks(20));
        hal_irq_complete(HAL_IRQ_TIMER);
        EXPECT(wait_pending());
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_TIMER);
        hal_irq_complete(HAL_IRQ_TIMER);
    }
}

/* A claim after an interrupt upcall finds what interrupted. */
static void from_user(void)
{
    struct uctx *u = test_thread(0, user_spin, 0);

    for (unsigned i = 0; i < 100 && !test_failed(); i++) {
        hal_ipi_send(0);
        struct test_event event = test_resume(u);
        EXPECT_EQ(event.kind, TEST_INTERRUPT);
        EXPECT(event.u == u);
        EXPECT(hal_irq_pending());
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_IPI);
        hal_irq_complete(HAL_IRQ_IPI);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    }
}

/* Not completed yet, then another one: it comes after the completion. */
static void complete_lets_more(void)
{
    (void)test_drain();
    hal_ipi_send(0);
    EXPECT(wait_pending());
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_IPI);
    hal_ipi_send(0);
    hal_irq_complete(HAL_IRQ_IPI);
    EXPECT(wait_pending());
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_IPI);
    hal_irq_complete(HAL_IRQ_IPI);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
}

static void coalesce(void)
{
    for (unsigned sends = 1; sends <= 16; sends++) {
        (void)test_drain();
        for (unsigned i = 0; i < sends; i++)
            hal_ipi_send(0);
        EXPECT(wait_pending());
        uint32_t count = test_drain();
        EXPECT(count >= 1 && count <= sends);
    }
}

/* ---- Between CPUs ---- */

static uint64_t mail, answer;
static bool ready, stop;

/* Answers each interrupt with the mail that it finds. */
static void echo_job(void *arg)
{
    (void)arg;
    (void)test_drain(); /* the interrupt that brought the job */
    __atomic_store_n(&ready, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        if (!hal_irq_pending()) {
            hal_cpu_pause();
            continue;
        }
        hal_irq_t irq = hal_irq_claim();
        if (irq == HAL_IRQ_NONE)
            continue;
        EXPECT_EQ(irq, HAL_IRQ_IPI);
        hal_irq_complete(irq);
        __atomic_store_n(&answer, *(volatile uint64_t *)&mail, __ATOMIC_RELEASE);
    }
}

static void ordered(void)
{
    if (one_cpu())
        return;
    for (uint32_t cpu = 1; cpu < test_cpu_count(); cpu++) {
        ready = stop = false;
        answer = 0;
        test_cpu_begin(cpu, echo_job, NULL);
        while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
            hal_cpu_pause();
        for (uint64_t n = 1; n <= 200 && !test_failed(); n++) {
            hal_ticks_t end = hal_time_now() + test_ticks(WAIT_US);
            *(volatile uint64_t *)&mail = n;
            hal_ipi_send(cpu);
            while (__atomic_load_n(&answer, __ATOMIC_ACQUIRE) != n && hal_time_now() < end)
                hal_cpu_pause();
            EXPECT_EQ(answer, n);
        }
        __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
        test_cpu_wait(cpu);
    }
}

static void drain_job(void *arg)
{
    *(uint32_t *)arg = test_drain();
}

/* It reaches the CPU that is named and no other. */
static void addressed(void)
{
    if (one_cpu())
        return;
    for (uint32_t cpu = 1; cpu < test_cpu_count(); cpu++) {
        uint32_t ignored;
        test_cpu_run(cpu, drain_job, &ignored);
        (void)test_drain();
        hal_ipi_send(cpu);
        test_delay_us(1000);
        EXPECT(!hal_irq_pending());
    }
}

static void from_others_job(void *arg)
{
    (void)arg;
    hal_ipi_send(0);
}

static void from_others(void)
{
    if (one_cpu())
        return;
    for (unsigned n = 0; n < 100 && !test_failed(); n++) {
        (void)test_drain();
        test_cpu_run(1 + n % (test_cpu_count() - 1), from_others_job, NULL);
        EXPECT(wait_pending());
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_IPI);
        hal_irq_complete(HAL_IRQ_IPI);
    }
}

static const struct test_case cases[] = {
    {"hal_irq_pending", "false if nothing waits; then hal_irq_claim() is HAL_IRQ_NONE", nothing},
    {"hal_irq_pending", "true from the interrupt until it is claimed", pending},
    {"hal_irq_claim", "an interrupt is claimed once", claim_once},
    {"hal_irq_claim", "each of several that are pending is claimed", claim_both},
    {"hal_irq_claim", "a claimed timer is off until armed again", timer_once},
    {"hal_irq_claim", "in kern_interrupt(), what interrupted", from_user},
    {"hal_irq_complete", "the timer may be armed before", timer_again},
    {"hal_irq_complete", "lets the next interrupt come", complete_lets_more},
    {"hal_ipi_send", "the caller itself; several sends become at least one interrupt", coalesce},
    {"hal_ipi_send", "writes before the call are seen by the handler", ordered},
    {"hal_ipi_send", "reaches the CPU that is named, no other", addressed},
    {"hal_ipi_send", "works from every CPU", from_others},
};
TEST_GROUP(test_irq, "hal_irq", cases);
