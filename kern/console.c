/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <kern/console.h>
#include <kern/spinlock.h>

static spinlock_t console_lock;
static bool console_locked; /* console_init() was called and nobody panics */

void console_init(void)
{
    spin_init(&console_lock, LOCK_RANK_CONSOLE);
    console_locked = true;
}

void console_break(void)
{
    __atomic_store_n(&console_locked, false, __ATOMIC_RELAXED);
}

static void console_put(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hal_console_putc(text[i]);
}

void console_write(const char *text, size_t n)
{
    if (!__atomic_load_n(&console_locked, __ATOMIC_RELAXED)) {
        console_put(text, n);
        return;
    }
    spin_lock(&console_lock);
    console_put(text, n);
    spin_unlock(&console_lock);
}

void console_write_last(const char *text, size_t n) NO_THREAD_SAFETY_ANALYSIS
{
    spin_lock(&console_lock);
    console_put(text, n);
}
