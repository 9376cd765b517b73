/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs: who am I, start, pause, halt. (Idling: idle.c) */
#include "test.h"

static void self_boot(void)
{
    EXPECT(hal_cpu_self() == test_cpu_structure(0));
    EXPECT_EQ(test_cpu_index(), 0);
}

static void self_early(void)
{
    EXPECT(test_boot.early_self != NULL);
    for (uint32_t i = 0; i < TEST_CPU_MAX; i++)
        EXPECT(test_boot.early_self != test_cpu_structure(i));
}

static void self_store(void *arg)
{
    *(struct cpu **)arg = hal_cpu_self();
}

static void self_others(void)
{
    for (uint32_t i = 1; i < test_cpu_count(); i++) {
        struct cpu *self = NULL;
        test_cpu_run(i, self_store, &self);
        EXPECT(self == test_cpu_structure(i));
    }
}

static bool one_cpu(void)
{
    if (test_cpu_count() == 1)
        test_skip("one CPU");
    return test_cpu_count() == 1;
}

static void start_once(void)
{
    if (one_cpu())
        return;
    test_delay_us(20000); /* a CPU that would come twice had the time */
    for (uint32_t i = 1; i < test_cpu_count(); i++) {
        const struct test_start *start = test_cpu_started(i);
        EXPECT_EQ(start->status, HAL_OK);
        EXPECT_EQ(start->mains, 1);
        EXPECT(start->self_passed && start->self_answered);
    }
    EXPECT_EQ(test_cpu_started(0)->mains, 0);
}

static void upcalls_bad(void *arg)
{
    *(uint64_t *)arg = test_upcalls_bad();
}

static void start_entry(void)
{
    if (one_cpu())
        return;
    for (uint32_t i = 1; i < test_cpu_count(); i++) {
        uint64_t bad = 1;
        test_cpu_run(i, upcalls_bad, &bad);
        EXPECT_EQ(bad, 0);
    }
}

static void boot_entry(void)
{
    EXPECT_EQ(test_upcalls_bad(), 0);
}

static void pause_masked(void)
{
    uint64_t before = test_upcalls();

    (void)test_drain();
    hal_ipi_send(test_cpu_index());
    for (unsigned i = 0; i < 10000; i++)
        hal_cpu_pause();
    EXPECT_EQ(test_upcalls(), before);
    EXPECT(hal_irq_pending());
    EXPECT_EQ(test_drain(), 1);
}

/* A back end may use the timer to pause. */
static void pause_keeps_timer(void)
{
    (void)test_drain();
    hal_ticks_t deadline = hal_time_now() + test_ticks(5000);
    hal_timer_arm(deadline);
    for (unsigned i = 0; i < 100; i++)
        hal_cpu_pause();
    while (!hal_irq_pending() && hal_time_now() < deadline + test_ticks(1000000))
        hal_cpu_pause();
    EXPECT(hal_time_now() >= deadline);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_TIMER);
    EXPECT(hal_time_now() >= deadline);
    hal_irq_complete(HAL_IRQ_TIMER);
    for (unsigned i = 0; i < 100; i++)
        hal_cpu_pause();
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
}

static const struct test_case cases[] = {
    {"hal_cpu_self", "on the boot CPU, what hal_cpu_boot_set() was given", self_boot},
    {"hal_cpu_self", "on other CPUs, what hal_cpu_start() was given", self_others},
    {"hal_cpu_boot_set", "until then hal_cpu_self() answers a structure of the HAL", self_early},
    {"kern_boot", "enters masked", boot_entry},
    {"hal_cpu_start", "HAL_OK; the CPU calls kern_cpu_main(self), once", start_once},
    {"kern_cpu_main", "enters masked, on the empty stack", start_entry},
    {"hal_cpu_pause", "takes no interrupt and loses none", pause_masked},
    {"hal_cpu_pause", "leaves the timer as it was armed", pause_keeps_timer},
};
TEST_GROUP(test_cpu, "hal_cpu", cases);
