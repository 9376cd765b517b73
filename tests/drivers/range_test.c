/* SPDX-License-Identifier: BSD-2-Clause */
/* hal/boot/range.c against a map with one bit for each address. */
#include <hal/boot/range.h>

#include "host_test.h"

#define ADDRESSES 200u
#define ROUNDS 40u
#define OPERATIONS 400u

static struct boot_range_set set;
static bool map[ADDRESSES];

static bool set_has(uint64_t address)
{
    for (uint32_t i = 0; i < set.count; i++)
        if (set.range[i].base <= address && address < set.range[i].end)
            return true;
    return false;
}

/* Sorted, disjoint, not adjacent, and the same addresses as in the map. */
static void compare(void)
{
    CHECK(set.count <= BOOT_RANGES_MAX);
    for (uint32_t i = 0; i < set.count; i++) {
        CHECK(set.range[i].base < set.range[i].end);
        CHECK(i == 0 || set.range[i - 1].end < set.range[i].base);
    }
    for (uint32_t a = 0; a < ADDRESSES; a++)
        CHECK(set_has(a) == map[a]);
}

static uint32_t map_ranges(void)
{
    uint32_t count = 0;

    for (uint32_t a = 0; a < ADDRESSES; a++)
        count += map[a] && (a == 0 || !map[a - 1]);
    return count;
}

/* One operation on both. One that needs more ranges than there are is refused, and changes nothing. */
static void change(bool add, uint32_t base, uint32_t end)
{
    bool before[ADDRESSES];

    memcpy(before, map, sizeof map);
    for (uint32_t a = base; a < end; a++)
        map[a] = add;
    bool fits = map_ranges() <= BOOT_RANGES_MAX;
    bool done = add ? boot_range_add(&set, base, end) : boot_range_remove(&set, base, end);
    CHECK(done == fits);
    if (!fits)
        memcpy(map, before, sizeof map);
    compare();
}

static void start(void)
{
    set = (struct boot_range_set){0};
    memset(map, 0, sizeof map);
}

static void at_random(void)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t longest = 1 + host_random(round % 2 == 0 ? 4 : ADDRESSES / 2); /* short ones fill the set */
        start();
        for (uint32_t i = 0; i < OPERATIONS; i++) {
            uint32_t base = host_random(ADDRESSES);
            uint32_t length = host_random(longest + 1);
            change(host_random(8) < 5, base, base + length < ADDRESSES ? base + length : ADDRESSES);
        }
    }
}

static void when_full(void)
{
    start();
    for (uint32_t i = 0; i < BOOT_RANGES_MAX; i++)
        change(true, 3 * i, 3 * i + 2);
    CHECK(set.count == BOOT_RANGES_MAX);
    /* limit: ranges of RAM while booting */
    CHECK(!boot_range_add(&set, 3 * BOOT_RANGES_MAX + 1, 3 * BOOT_RANGES_MAX + 2)); /* one more */
    compare();
    change(true, 2, 3); /* joins two */
    change(true, 3 * BOOT_RANGES_MAX + 1, 3 * BOOT_RANGES_MAX + 2);
    CHECK(set.count == BOOT_RANGES_MAX);
    change(false, 1, 2); /* would split */
    CHECK(set_has(1));
    change(false, 0, 1); /* shortens */
    change(false, 4, 5);
}

static void nothing(void)
{
    start();
    change(true, 10, 20);
    CHECK(boot_range_add(&set, 15, 15) && boot_range_add(&set, 30, 25));
    CHECK(boot_range_remove(&set, 15, 15) && boot_range_remove(&set, 18, 12));
    CHECK(boot_range_remove(&set, 20, 40) && boot_range_remove(&set, 0, 10));
    compare();
    CHECK(boot_range_add(&set, UINT64_MAX - 1, UINT64_MAX) && set.count == 2);
}

static const struct host_case cases[] = {
    {"ranges as a map has them, at random", at_random},
    {"a set that is full", when_full},
    {"ranges of no address, and those outside", nothing},
};

int main(void)
{
    return host_run(cases, sizeof cases / sizeof cases[0]);
}
