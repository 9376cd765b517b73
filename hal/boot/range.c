/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/boot/range.h>

/* While ranges move, the place `gap` among the first `n` is out of use. */
/*@ predicate gap_each{L}(struct boot_range_set *s, integer gap, integer n) =
        \forall integer i; 0 <= i < n && i != gap ==> s->range[i].base < s->range[i].end;
    predicate gap_order{L}(struct boot_range_set *s, integer gap, integer n) =
        \forall integer i, j; 0 <= i < j < n && i != gap && j != gap ==> s->range[i].end < s->range[j].base;
    predicate gap_in_set{L}(struct boot_range_set *s, integer gap, integer n, integer a) =
        \exists integer i; 0 <= i < n && i != gap && s->range[i].base <= a < s->range[i].end;
    predicate boot_in_range{L}(struct boot_range_set *s, integer i, integer a) =
        s->range[i].base <= a < s->range[i].end; */

/* Take out the range at `at`: those behind it move up. */
/*@ requires \valid(set) && boot_set(set) && at < set->count;
    assigns set->count, set->range[at .. BOOT_RANGES_MAX - 1];
    ensures form: boot_set(set);
    ensures count: set->count == \old(set->count) - 1;
    ensures behind: at < set->count ==> \old(set->range[at].end) < set->range[at].base;
    ensures kept: \forall integer a; boot_in_set{Pre}(set, a) ==> boot_in_set(set, a) || boot_in_range{Pre}(set, at, a);
    ensures only: \forall integer a; boot_in_set(set, a) ==> boot_in_set{Pre}(set, a); */
static void range_erase(struct boot_range_set *set, uint32_t at)
{
    set->count--;
    /*@ loop invariant place: at <= i <= set->count;
        loop invariant each: gap_each(set, i, set->count + 1);
        loop invariant order: gap_order(set, i, set->count + 1);
        loop invariant behind: \forall integer k; at <= k <= set->count && k != i ==>
            \at(set->range[at].end, Pre) < set->range[k].base;
        loop invariant kept: \forall integer a; gap_in_set{Pre}(set, at, set->count + 1, a) ==>
            gap_in_set(set, i, set->count + 1, a);
        loop invariant only: \forall integer a; gap_in_set(set, i, set->count + 1, a) ==>
            gap_in_set{Pre}(set, at, set->count + 1, a);
        loop assigns i, set->range[at .. BOOT_RANGES_MAX - 1];
        loop variant set->count - i; */
    for (uint32_t i = at; i < set->count; i++) {
        set->range[i].base = set->range[i + 1].base;
        set->range[i].end = set->range[i + 1].end;
    }
    /*@ assert out: \forall integer a; boot_in_set{Pre}(set, a) <==>
            gap_in_set{Pre}(set, at, set->count + 1, a) || boot_in_range{Pre}(set, at, a); */
    /*@ assert last: \forall integer a; boot_in_set(set, a) <==> gap_in_set(set, set->count, set->count + 1, a); */
}

/* Put [base, end) in front of the range at `at`, or behind the last. */
/*@ requires \valid(set) && boot_set(set) && at <= set->count < BOOT_RANGES_MAX && base < end;
    requires before: \forall integer i; 0 <= i < at ==> set->range[i].end < base;
    requires behind: \forall integer i; at <= i < set->count ==> end < set->range[i].base;
    assigns set->count, set->range[at .. BOOT_RANGES_MAX - 1];
    ensures form: boot_set(set);
    ensures count: set->count == \old(set->count) + 1;
    ensures put: set->range[at].base == base && set->range[at].end == end;
    ensures kept: \forall integer a; boot_in_set{Pre}(set, a) ==> boot_in_set(set, a);
    ensures more: \forall integer a; base <= a < end ==> boot_in_set(set, a);
    ensures only: \forall integer a; boot_in_set(set, a) ==> boot_in_set{Pre}(set, a) || base <= a < end; */
static void range_insert(struct boot_range_set *set, uint32_t at, uint64_t base, uint64_t end)
{
    /*@ loop invariant place: at <= i <= set->count;
        loop invariant each: gap_each(set, i, set->count + 1);
        loop invariant order: gap_order(set, i, set->count + 1);
        loop invariant behind: \forall integer k; at <= k <= set->count && k != i ==> end < set->range[k].base;
        loop invariant kept: \forall integer a; boot_in_set{Pre}(set, a) ==> gap_in_set(set, i, set->count + 1, a);
        loop invariant only: \forall integer a; gap_in_set(set, i, set->count + 1, a) ==> boot_in_set{Pre}(set, a);
        loop assigns i, set->range[at .. BOOT_RANGES_MAX - 1];
        loop variant i; */
    for (uint32_t i = set->count; i > at; i--) {
        set->range[i].base = set->range[i - 1].base;
        set->range[i].end = set->range[i - 1].end;
    }
    set->range[at].base = base;
    set->range[at].end = end;
    set->count++;
}

/* Cut the range at `at` down to [base, end). */
/*@ requires \valid(set) && boot_set(set) && at < set->count;
    requires part: set->range[at].base <= base < end <= set->range[at].end;
    assigns set->range[at];
    ensures form: boot_set(set);
    ensures put: set->range[at].base == base && set->range[at].end == end;
    ensures less: \forall integer a; boot_in_set(set, a) <==>
        boot_in_set{Pre}(set, a) && (boot_in_range{Pre}(set, at, a) ==> base <= a < end); */
static void range_cut(struct boot_range_set *set, uint32_t at, uint64_t base, uint64_t end)
{
    set->range[at].base = base;
    set->range[at].end = end;
}

bool boot_range_add(struct boot_range_set *set, uint64_t base, uint64_t end)
{
    uint32_t at = 0;

    if (base >= end)
        return true;
    /*@ loop invariant at <= set->count;
        loop invariant before: \forall integer i; 0 <= i < at ==> set->range[i].end < base;
        loop assigns at;
        loop variant set->count - at; */
    while (at < set->count && set->range[at].end < base)
        at++;
    /* Ranges that touch it become part of it. */
    /*@ loop invariant form: boot_set(set) && at <= set->count;
        loop invariant order: base <= \at(base, Pre) && \at(end, Pre) <= end;
        loop invariant before: \forall integer i; 0 <= i < at ==> set->range[i].end < base;
        loop invariant behind: at < set->count ==> \at(base, Pre) <= set->range[at].end;
        loop invariant all: \forall integer a; boot_in_set{Pre}(set, a) || \at(base, Pre) <= a < \at(end, Pre) <==>
            boot_in_set(set, a) || base <= a < end;
        loop invariant fewer: set->count <= \at(set->count, Pre);
        loop invariant same: set->count == \at(set->count, Pre) ==>
            boot_set_same{Pre, Here}(set) && base == \at(base, Pre) && end == \at(end, Pre);
        loop assigns base, end, set->count, set->range[0 .. BOOT_RANGES_MAX - 1];
        loop variant set->count; */
    while (at < set->count && set->range[at].base <= end) {
        if (set->range[at].base < base)
            base = set->range[at].base;
        if (set->range[at].end > end)
            end = set->range[at].end;
        range_erase(set, at);
    }
    if (set->count == BOOT_RANGES_MAX)
        return false;
    range_insert(set, at, base, end);
    return true;
}

bool boot_range_remove(struct boot_range_set *set, uint64_t base, uint64_t end)
{
    uint32_t at = 0;

    if (base >= end)
        return true;
    /*@ loop invariant at <= set->count;
        loop invariant before: \forall integer i; 0 <= i < at ==> set->range[i].end <= base;
        loop assigns at;
        loop variant set->count - at; */
    while (at < set->count && set->range[at].end <= base)
        at++;
    if (at < set->count && set->range[at].base < base) {
        uint64_t behind = set->range[at].end;
        if (behind > end && set->count == BOOT_RANGES_MAX)
            return false;
        range_cut(set, at, set->range[at].base, base);
        at++;
        if (behind > end) {
            range_insert(set, at, end, behind);
            /*@ assert kept: \forall integer a; boot_in_set{Pre}(set, a) && !(base <= a < end) ==> boot_in_set(set, a); */
            /*@ assert only: \forall integer a; boot_in_set(set, a) ==> boot_in_set{Pre}(set, a) && !(base <= a < end); */
            return true;
        }
    }
    /*@ loop invariant form: boot_set(set) && at <= set->count;
        loop invariant before: \forall integer i; 0 <= i < at ==> set->range[i].end <= base;
        loop invariant behind: at < set->count ==> base <= set->range[at].base;
        loop invariant kept: \forall integer a; boot_in_set{Pre}(set, a) && !(base <= a < end) ==> boot_in_set(set, a);
        loop invariant only: \forall integer a; boot_in_set(set, a) ==> boot_in_set{Pre}(set, a);
        loop assigns set->count, set->range[0 .. BOOT_RANGES_MAX - 1];
        loop variant set->count; */
    while (at < set->count && set->range[at].end <= end)
        range_erase(set, at);
    if (at < set->count && set->range[at].base < end)
        range_cut(set, at, end, set->range[at].end);
    /*@ assert kept: \forall integer a; boot_in_set{Pre}(set, a) && !(base <= a < end) ==> boot_in_set(set, a); */
    /*@ assert only: \forall integer a; boot_in_set(set, a) ==> boot_in_set{Pre}(set, a) && !(base <= a < end); */
    return true;
}
