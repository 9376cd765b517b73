/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses an entry of a map covers, which bytes of its object it shows there, and how far it is from its neighbours, when
 * entries are inserted, cut, joined and changed.  Pure arithmetic, and proved (tests/proof); callers see to locks and links.
 */
#ifndef VM_VM_MAP_GEOMETRY_H
#define VM_VM_MAP_GEOMETRY_H

#include <vm/vm_map_i.h>

/*@ // The byte of its object that `e` shows at `va`.
    logic integer entry_byte{L}(struct vm_map_entry *e, integer va) = e->offset + (va - e->start);
    // Not empty, and its bytes have numbers.
    predicate entry_good{L}(struct vm_map_entry *e) =
      e->start < e->end && e->offset + (e->end - e->start) <= UINT64_MAX;
*/

/* `entry` covers [start, end) from now on, and shows what it showed there. It does not grow downwards. */
/*@ requires \valid(entry) && entry_good(entry);
    requires entry->start <= start < end && entry->offset + (end - entry->start) <= UINT64_MAX;
    assigns entry->start, entry->end, entry->offset;
    ensures range: entry->start == start && entry->end == end;
    ensures bytes: \forall integer va; start <= va < end ==> entry_byte(entry, va) == \old(entry_byte(entry, va));
    ensures good: entry_good(entry);
*/
static inline void vm_map_entry_set_range(struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
{
    entry->offset += start - entry->start;
    entry->start = start;
    entry->end = end;
}

/* Make `upper`, a copy of `entry`, what entry is from `at` on. The entry itself is to end there. */
/*@ requires \valid_read(entry) && \valid(upper) && \separated(entry, upper);
    requires entry_good(entry) && entry->start < at < entry->end;
    requires upper->start == entry->start && upper->end == entry->end && upper->offset == entry->offset;
    assigns upper->start, upper->offset;
    ensures range: upper->start == at && upper->end == entry->end;
    ensures bytes: \forall integer va; at <= va < entry->end ==> entry_byte(upper, va) == entry_byte(entry, va);
    ensures good: entry_good(upper);
*/
static inline void vm_map_entry_cut_below(const struct vm_map_entry *entry, struct vm_map_entry *upper,
                                          hal_va_t at)
{
    upper->start = at;
    upper->offset = entry->offset + (at - entry->start);
}

/* Does `next`, which begins where `entry` ends, show what entry would show there if it were longer? */
/*@ requires \valid_read(entry) && \valid_read(next) && entry_good(entry) && entry_good(next);
    requires entry->end == next->start;
    assigns \nothing;
    ensures continues: \result <==> entry_byte(entry, next->start) == entry_byte(next, next->start);
    ensures bytes: \result ==> \forall integer va; next->start <= va < next->end ==>
      entry_byte(entry, va) == entry_byte(next, va);
*/
static inline bool vm_map_entry_continues(const struct vm_map_entry *entry, const struct vm_map_entry *next)
{
    return next->offset == entry->offset + (entry->end - entry->start);
}

/* Note the gaps that `entry` leaves of that between `floor` and `next` (NULL: none is above), into which it is inserted. */
/*@ requires \valid(entry) && (next == \null || (\valid(next) && \separated(entry, next)));
    requires floor <= entry->start < entry->end;
    requires next != \null ==> entry->end <= next->start < next->end && next->gap == next->start - floor;
    assigns entry->gap, next->gap;
    ensures below: entry->gap == entry->start - floor;
    ensures above: next != \null ==> next->gap == next->start - entry->end;
    ensures all: next != \null ==> entry->gap + (entry->end - entry->start) + next->gap == \old(next->gap);
*/
static inline void vm_map_entry_fit(struct vm_map_entry *entry, hal_va_t floor, struct vm_map_entry *next)
{
    entry->gap = entry->start - floor;
    if (next != NULL)
        next->gap = next->start - entry->end;
}

/* Note the gap in front of `next` once `entry`, just below it, has gone. */
/*@ requires \valid_read(entry) && \valid(next) && \separated(entry, next);
    requires entry->gap <= entry->start < entry->end <= next->start < next->end;
    requires next->gap == next->start - entry->end;
    assigns next->gap;
    ensures all: next->gap == next->start - (entry->start - entry->gap);
*/
static inline void vm_map_entry_leave(const struct vm_map_entry *entry, struct vm_map_entry *next)
{
    next->gap += entry->gap + (entry->end - entry->start);
}

#endif
