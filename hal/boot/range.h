/* SPDX-License-Identifier: BSD-2-Clause */
/* Small sets of addresses as sorted, disjoint, non-adjacent ranges. For hal/boot only. */
#ifndef HAL_BOOT_RANGE_H
#define HAL_BOOT_RANGE_H

#include <hal/types.h>

#define BOOT_RANGES_MAX 64u

struct boot_range {
    uint64_t base;
    uint64_t end; /* first byte behind; base < end */
};

struct boot_range_set {
    uint32_t count;
    struct boot_range range[BOOT_RANGES_MAX];
};

/*@ predicate boot_each{L}(struct boot_range_set *s) =
        \forall integer i; 0 <= i < s->count ==> s->range[i].base < s->range[i].end;
    predicate boot_order{L}(struct boot_range_set *s) =
        \forall integer i, j; 0 <= i < j < s->count ==> s->range[i].end < s->range[j].base;
    predicate boot_set{L}(struct boot_range_set *s) = s->count <= BOOT_RANGES_MAX && boot_each(s) && boot_order(s);
    predicate boot_in_set{L}(struct boot_range_set *s, integer a) =
        \exists integer i; 0 <= i < s->count && s->range[i].base <= a < s->range[i].end;
    predicate boot_set_same{L1, L2}(struct boot_range_set *s) = \at(s->count, L1) == \at(s->count, L2) &&
        \forall integer i; 0 <= i < BOOT_RANGES_MAX ==> \at(s->range[i].base, L1) == \at(s->range[i].base, L2) &&
            \at(s->range[i].end, L1) == \at(s->range[i].end, L2); */

/* Add [base, end). Returns: false if the set has no room for another range: unchanged. */
/*@ requires \valid(set) && boot_set(set);
    assigns *set;
    ensures form: boot_set(set);
    ensures kept: \result ==> \forall integer a; boot_in_set{Pre}(set, a) ==> boot_in_set(set, a);
    ensures added: \result ==> \forall integer a; base <= a < end ==> boot_in_set(set, a);
    ensures only: \result ==> \forall integer a;
        boot_in_set(set, a) ==> boot_in_set{Pre}(set, a) || base <= a < end;
    ensures full: !\result ==> boot_set_same{Pre, Post}(set) && set->count == BOOT_RANGES_MAX; */
HAL_NODISCARD bool boot_range_add(struct boot_range_set *set, uint64_t base, uint64_t end);

/* Take [base, end) out. Returns: false if a range would have to be split and there is no room: unchanged. */
/*@ requires \valid(set) && boot_set(set);
    assigns *set;
    ensures form: boot_set(set);
    ensures kept: \result ==> \forall integer a;
        boot_in_set{Pre}(set, a) && !(base <= a < end) ==> boot_in_set(set, a);
    ensures only: \result ==> \forall integer a;
        boot_in_set(set, a) ==> boot_in_set{Pre}(set, a) && !(base <= a < end);
    ensures full: !\result ==> boot_set_same{Pre, Post}(set) && set->count == BOOT_RANGES_MAX; */
HAL_NODISCARD bool boot_range_remove(struct boot_range_set *set, uint64_t base, uint64_t end);

#endif
