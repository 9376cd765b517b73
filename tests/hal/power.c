/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of CPUs and of the machine. */
#include "test.h"

static uint64_t beats;

static void halt_job(void *arg)
{
    (void)arg;
    __atomic_store_n(&beats, 1, __ATOMIC_RELEASE);
    hal_timer_arm(hal_time_now() + test_ticks(1000));
    test_on_cpu_stack(hal_cpu_halt);
}

/* Neither interrupts nor its own timer bring it back: its job stays undone, its upcalls stay as many. */
static void halt(void)
{
    uint32_t last = test_cpu_count() - 1;

    if (last == 0) {
        test_skip("one CPU");
        return;
    }
    test_cpu_begin(last, halt_job, NULL);
    while (__atomic_load_n(&beats, __ATOMIC_ACQUIRE) == 0)
        hal_cpu_pause();
    test_delay_us(5000);
    uint64_t before = test_cpu_upcalls(last);
    for (unsigned i = 0; i < 10; i++) {
        hal_ipi_send(last);
        test_delay_us(1000);
    }
    EXPECT_EQ(test_cpu_upcalls(last), before);
}

/* The runner sees how this ends the machine; with the word `reboot`, by a restart. */
static void reset(void)
{
    const char *word = "reboot";
    size_t length = strlen(word);

    for (const char *p = hal_info.cmdline; *p != '\0'; p++) {
        if (strncmp(p, word, length) == 0)
            hal_system_reset(HAL_RESET_REBOOT);
    }
    hal_system_reset(HAL_RESET_POWEROFF);
}

void test_power_off(void)
{
    test_on_cpu_stack(reset);
    test_bail_out("hal_system_reset() returned");
}

static const struct test_case cases[] = {
    {"hal_cpu_halt", "stops the CPU for good", halt},
};
TEST_GROUP(test_power, "power", cases);
