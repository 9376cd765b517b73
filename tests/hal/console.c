/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console.  That putc works shows in every line of the report: the runner fails a boot whose lines are not whole.  For
 * getc, the runner sends the alphabet over and over (tools/portolan/halsuite.py).
 */
#include "test.h"

#define ARRIVE_US 5000000u /* the emulator takes its time to pass on what the runner sends */
#define SILENCE_US 300000u

/* The next byte, or -1 if none comes within that time. */
static int getc_wait(uint64_t microseconds)
{
    hal_ticks_t end = hal_time_now() + test_ticks(microseconds);
    int c = hal_console_getc();

    while (c == -1 && hal_time_now() < end) {
        /* An emulator looks for input when the guest waits and its main loop turns. */
        hal_timer_arm(hal_time_now() + test_ticks(1000));
        (void)test_idle_wait();
        (void)test_drain();
        c = hal_console_getc();
    }
    return c;
}

static void getc_order(void)
{
    int first = getc_wait(ARRIVE_US);

    EXPECT(first >= 'a' && first <= 'z');
    for (int i = 1; i <= 52 && !test_failed(); i++)
        EXPECT_EQ(getc_wait(ARRIVE_US), 'a' + (first - 'a' + i) % 26);
}

static void getc_none(void)
{
    int c;

    do {
        c = getc_wait(SILENCE_US);
        EXPECT(c >= -1 && c <= 255);
    } while (c != -1);
    EXPECT_EQ(hal_console_getc(), -1);
}

static void loopback(void)
{
    if (!MACHINE_LOOPBACK) {
        test_skip("the UART has no loopback");
        return;
    }
    machine_loopback(true);
    hal_console_putc('\n');
    int first = getc_wait(ARRIVE_US), second = getc_wait(ARRIVE_US);
    hal_console_putc((char)0x80);
    int high = getc_wait(ARRIVE_US);
    machine_loopback(false);
    EXPECT_EQ(first, '\r');
    EXPECT_EQ(second, '\n');
    EXPECT_EQ(high, 0x80);
}

static const struct test_case cases[] = {
    {"hal_console_getc", "the next byte that arrived, in order, none lost", getc_order},
    {"hal_console_getc", "-1 if there is none", getc_none},
    {"hal_console_putc", "'\\\\n' is sent as CR LF, other bytes as they are", loopback},
};
TEST_GROUP(test_console, "hal_console", cases);
