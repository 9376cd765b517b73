/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/boot/range.h>

/* Replace the ranges [first, last) of the set by one of them less or more: move what follows. */
static void range_shift(struct boot_range_set *set, uint32_t first, uint32_t last, uint32_t now)
{
    uint32_t tail = set->count - last;

    if (first + now < last) {
        for (uint32_t i = 0; i < tail; i++)
            set->range[first + now + i] = set->range[last + i];
    } else {
        for (uint32_t i = tail; i-- > 0;)
            set->range[first + now + i] = set->range[last + i];
    }
    set->count = first + now + tail;
}

bool boot_range_add(struct boot_range_set *set, uint64_t base, uint64_t end)
{
    uint32_t first = 0;

    if (base >= end)
        return true;
    while (first < set->count && set->range[first].end < base)
        first++;
    uint32_t last = first;
    while (last < set->count && set->range[last].base <= end) {
        if (set->range[last].base < base)
            base = set->range[last].base;
        if (set->range[last].end > end)
            end = set->range[last].end;
        last++;
    }
    if (last == first && set->count == BOOT_RANGES_MAX)
        return false;
    range_shift(set, first, last, 1);
    set->range[first] = (struct boot_range){base, end};
    return true;
}

bool boot_range_remove(struct boot_range_set *set, uint64_t base, uint64_t end)
{
    struct boot_range rest[2];
    uint32_t rests = 0;
    uint32_t first = 0;

    if (base >= end)
        return true;
    while (first < set->count && set->range[first].end <= base)
        first++;
    uint32_t last = first;
    while (last < set->count && set->range[last].base < end)
        last++;
    if (last == first)
        return true;
    if (set->range[first].base < base)
        rest[rests++] = (struct boot_range){set->range[first].base, base};
    if (set->range[last - 1].end > end)
        rest[rests++] = (struct boot_range){end, set->range[last - 1].end};
    if (set->count - (last - first) + rests > BOOT_RANGES_MAX)
        return false;
    range_shift(set, first, last, rests);
    for (uint32_t i = 0; i < rests; i++)
        set->range[first + i] = rest[i];
    return true;
}
