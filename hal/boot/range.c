/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/boot/range.h>

/* Ranges [from, to) of L1 stand `by` places further in L2. */
/*@ predicate range_same{L1, L2}(struct boot_range_set *s, integer i, integer j) =
        \at(s->range[i].base, L1) == \at(s->range[j].base, L2) && \at(s->range[i].end, L1) == \at(s->range[j].end, L2);
    predicate range_moved{L1, L2}(struct boot_range_set *s, integer from, integer to, integer by) =
        \forall integer k; from <= k < to ==> range_same{L1, L2}(s, k, k + by); */

/* Make room for `now` ranges in the place of [first, last): move what follows. */
/*@ requires \valid(set) && first <= last <= set->count <= BOOT_RANGES_MAX;
    requires room: now <= 2 && set->count - (last - first) + now <= BOOT_RANGES_MAX;
    assigns set->count, set->range[0 .. BOOT_RANGES_MAX - 1];
    ensures count: set->count == \old(set->count) - (last - first) + now;
    ensures head: range_moved{Pre, Post}(set, 0, first, 0);
    ensures tail: range_moved{Pre, Post}(set, last, \old(set->count), first + now - last); */
static void range_shift(struct boot_range_set *set, uint32_t first, uint32_t last, uint32_t now)
{
    uint32_t tail = set->count - last;
    uint32_t count = first + now + tail;

    if (first + now < last) {
        /*@ loop invariant i <= tail;
            loop invariant moved: range_moved{Pre, Here}(set, last, last + i, first + now - last);
            loop invariant rest: range_moved{Pre, Here}(set, first + now + i, BOOT_RANGES_MAX, 0);
            loop invariant head: range_moved{Pre, Here}(set, 0, first, 0);
            loop assigns i, set->range[0 .. BOOT_RANGES_MAX - 1];
            loop variant tail - i; */
        for (uint32_t i = 0; i < tail; i++)
            set->range[first + now + i] = set->range[last + i];
    } else {
        /*@ loop invariant i <= tail;
            loop invariant moved: range_moved{Pre, Here}(set, last + i, last + tail, first + now - last);
            loop invariant rest: range_moved{Pre, Here}(set, 0, first + now + i, 0);
            loop assigns i, set->range[0 .. BOOT_RANGES_MAX - 1];
            loop variant i; */
        for (uint32_t i = tail; i > 0; i--)
            set->range[first + now + i - 1] = set->range[last + i - 1];
    }
    set->count = count;
}

/* Put [base, end) into the place of the ranges [first, last). */
/*@ requires \valid(set) && first <= last <= set->count <= BOOT_RANGES_MAX;
    requires room: set->count - (last - first) < BOOT_RANGES_MAX;
    assigns set->count, set->range[0 .. BOOT_RANGES_MAX - 1];
    ensures count: set->count == \old(set->count) - (last - first) + 1;
    ensures put: set->range[first].base == base && set->range[first].end == end;
    ensures head: range_moved{Pre, Post}(set, 0, first, 0);
    ensures tail: range_moved{Pre, Post}(set, last, \old(set->count), first + 1 - last);
    ensures tail_from: \forall integer k; first < k < set->count ==>
        range_same{Pre, Post}(set, k + last - first - 1, k); */
static void range_replace(struct boot_range_set *set, uint32_t first, uint32_t last, uint64_t base,
                          uint64_t end)
{
    range_shift(set, first, last, 1);
    set->range[first].base = base;
    set->range[first].end = end;
}

bool boot_range_add(struct boot_range_set *set, uint64_t base, uint64_t end)
{
    uint32_t first = 0;

    if (base >= end)
        return true;
    /*@ loop invariant first <= set->count;
        loop invariant before: \forall integer i; 0 <= i < first ==> set->range[i].end < base;
        loop assigns first;
        loop variant set->count - first; */
    while (first < set->count && set->range[first].end < base)
        first++;
    uint32_t last = first;
    /*@ loop invariant first <= last <= set->count;
        loop invariant base: base == \at(base, Pre) ||
            (first < last && base == set->range[first].base < \at(base, Pre));
        loop invariant end: end == \at(end, Pre) ||
            (first < last && end == set->range[last - 1].end > \at(end, Pre));
        loop invariant low: first < last ==> base <= set->range[first].base;
        loop invariant high: first < last ==> set->range[last - 1].end <= end;
        loop invariant merged: \forall integer i; first <= i < last ==>
            set->range[i].base <= \at(end, Pre) && \at(base, Pre) <= set->range[i].end;
        loop assigns last, base, end;
        loop variant set->count - last; */
    while (last < set->count && set->range[last].base <= end) {
        if (set->range[last].base < base)
            base = set->range[last].base;
        if (set->range[last].end > end)
            end = set->range[last].end;
        last++;
    }
    if (last == first && set->count == BOOT_RANGES_MAX)
        return false;
    /*@ assert before: \forall integer i; 0 <= i < first ==> set->range[i].end < base; */
    /*@ assert behind: \forall integer i; last <= i < set->count ==> end < set->range[i].base; */
    range_replace(set, first, last, base, end);
    /*@ assert head: range_moved{Pre, Here}(set, 0, first, 0); */
    /*@ assert tail: range_moved{Pre, Here}(set, last, \at(set->count, Pre), first + 1 - last); */
    /*@ assert below: \forall integer i; 0 <= i < first ==> set->range[i].end < base; */
    /*@ assert above: \forall integer i; first < i < set->count ==> end < set->range[i].base; */
    /*@ assert middle: \forall integer i, a; first <= i < last && boot_in_range{Pre}(set, i, a) ==> base <= a < end; */
    /*@ assert hull: \forall integer a; base <= a < end ==> \at(base, Pre) <= a < \at(end, Pre) ||
            (first < last && (boot_in_range{Pre}(set, first, a) || boot_in_range{Pre}(set, last - 1, a))); */
    /*@ assert here: \forall integer a; base <= a < end ==> boot_in_set(set, a); */
    return true;
}

bool boot_range_remove(struct boot_range_set *set, uint64_t base, uint64_t end)
{
    struct boot_range rest[2];
    uint32_t rests = 0;
    uint32_t first = 0;

    if (base >= end)
        return true;
    /*@ loop invariant first <= set->count;
        loop invariant before: \forall integer i; 0 <= i < first ==> set->range[i].end <= base;
        loop assigns first;
        loop variant set->count - first; */
    while (first < set->count && set->range[first].end <= base)
        first++;
    uint32_t last = first;
    /*@ loop invariant first <= last <= set->count;
        loop invariant within: \forall integer i; first <= i < last ==> set->range[i].base < end;
        loop assigns last;
        loop variant set->count - last; */
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
    /*@ loop invariant i <= rests;
        loop invariant put: \forall integer k; 0 <= k < i ==>
            set->range[first + k].base == rest[k].base && set->range[first + k].end == rest[k].end;
        loop invariant head: range_moved{LoopEntry, Here}(set, 0, first, 0);
        loop invariant tail: range_moved{LoopEntry, Here}(set, first + rests, set->count, 0);
        loop assigns i, set->range[first .. first + rests - 1];
        loop variant rests - i; */
    for (uint32_t i = 0; i < rests; i++)
        set->range[first + i] = rest[i];
    return true;
}
