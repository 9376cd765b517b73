/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel objects in use, by allocator cache.  The counts settle late, because the kernel frees tasks in the
 * background: so they are noted when they stand still, and compared until they agree or time is up.
 */
#include "usage.h"

#include <libmach/program.h>
#include <mach/mach.h>
#include <stdio.h>

#define STEP_MS 10u
#define STEPS_MAX 500u
#define STEPS_STILL 2u

struct usage {
    kernel_memory_cache_info_t cache[KERNEL_MEMORY_CACHES_MAX];
    mach_msg_type_number_t count;
};

static mach_port_t host_port;
static struct usage noted;
static struct usage now;

static void read_usage(struct usage *usage)
{
    kernel_memory_pages_info_t pages;

    usage->count = KERNEL_MEMORY_CACHES_MAX;
    if (host_kernel_memory_info(host_port, usage->cache, &usage->count, &pages) != KERN_SUCCESS)
        usage->count = 0;
}

/* The first cache from `i` on that differs; its index, or the number of caches. */
static mach_msg_type_number_t next_difference(mach_msg_type_number_t i)
{
    while (i < now.count && i < noted.count && now.cache[i].objects == noted.cache[i].objects)
        i++;
    return i;
}

static bool same(void)
{
    return next_difference(0) == now.count && now.count == noted.count;
}

static void pause(void)
{
    (void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_WAIT, STEP_MS);
}

void usage_init(mach_port_t host)
{
    host_port = host;
    /* What starting programs makes us keep, we have before the first note. */
    mach_touch_memory();
    usage_note();
}

void usage_note(void)
{
    unsigned still = 0;

    read_usage(&noted);
    for (unsigned step = 0; step < STEPS_MAX && still < STEPS_STILL; step++) {
        pause();
        read_usage(&now);
        still = same() ? still + 1 : 0;
        noted = now;
    }
}

bool usage_is_as_noted(void)
{
    for (unsigned step = 0; step < STEPS_MAX; step++) {
        read_usage(&now);
        if (same())
            return true;
        pause();
    }
    for (mach_msg_type_number_t i = next_difference(0); i < now.count && i < noted.count;
         i = next_difference(i + 1))
        printf("bootstrap: %s: %u objects, %u before\n", now.cache[i].name, now.cache[i].objects,
               noted.cache[i].objects);
    return false;
}
