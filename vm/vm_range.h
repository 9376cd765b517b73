/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges of user addresses as callers give them: rounded to pages, cut down to user space, and checked before
 * any sum of them could wrap around.
 */
#ifndef VM_VM_RANGE_H
#define VM_VM_RANGE_H

#include <hal/info.h>
#include <hal/umem.h>
#include <mach/kern_return.h>
#include <mach/vm_param.h>

/*@ logic integer page_floor(integer a) = a - a % 4096;
    logic integer page_ceiling(integer a) = page_floor(a + 4095);
    axiomatic page_bits {
      axiom page_mask: \forall integer a; 0 <= a <= UINT64_MAX ==>
        (a & 0xfffffffffffff000) == a - a % 4096;
    }
*/

/* Round a size up to pages. Returns false: it wraps around, *rounded unchanged. */
/*@ requires \valid(rounded);
    assigns *rounded;
    ensures fits: \result <==> page_ceiling(size) <= UINT64_MAX;
    ensures rounded: \result ==> *rounded == page_ceiling(size);
    ensures unchanged: !\result ==> *rounded == \old(*rounded);
*/
HAL_NODISCARD static inline bool vm_size_round(uint64_t size, uint64_t *rounded)
{
    if (size > UINT64_MAX - PAGE_MASK)
        return false;
    *rounded = round_page(size);
    return true;
}

/* Round [address, address + size) outwards to pages. Returns false: it wraps around, nothing was written. */
/*@ requires \valid(start) && \valid(end) && \separated(start, end);
    assigns *start, *end;
    ensures fits: \result <==> page_ceiling(address + size) <= UINT64_MAX;
    ensures rounded: \result ==> *start == page_floor(address) && *end == page_ceiling(address + size);
    ensures unchanged: !\result ==> *start == \old(*start) && *end == \old(*end);
*/
HAL_NODISCARD static inline bool vm_range_round(hal_va_t address, uint64_t size, hal_va_t *start,
                                                hal_va_t *end)
{
    if (size > UINT64_MAX - address || address + size > UINT64_MAX - PAGE_MASK)
        return false;
    *start = trunc_page(address);
    *end = round_page(address + size);
    return true;
}

/* Cut a range down to user space. Returns false: nothing is left. */
/*@ requires \valid(start) && \valid(end) && \separated(start, end);
    requires \separated(start, &hal_info) && \separated(end, &hal_info);
    assigns *start, *end;
    ensures inside: \forall integer a; *start <= a < *end <==>
              \old(*start) <= a < \old(*end) && hal_info.user_base <= a < hal_info.user_limit;
    ensures start: *start == \max(\old(*start), hal_info.user_base);
    ensures end: *end == \min(\old(*end), hal_info.user_limit);
    ensures left: \result <==> *start < *end;
*/
HAL_NODISCARD static inline bool vm_range_clamp(hal_va_t *start, hal_va_t *end)
{
    if (*start < hal_info.user_base)
        *start = hal_info.user_base;
    if (*end > hal_info.user_limit)
        *end = hal_info.user_limit;
    return *start < *end;
}

/* Is [start, start + size) in user space? KERN_INVALID_ARGUMENT: it wraps around; KERN_INVALID_ADDRESS: no. */
/*@ assigns \nothing;
    behavior wraps:
      assumes start + size > UINT64_MAX;
      ensures \result == KERN_INVALID_ARGUMENT;
    behavior outside:
      assumes start + size <= UINT64_MAX && !(hal_info.user_base <= start && start + size <= hal_info.user_limit);
      ensures \result == KERN_INVALID_ADDRESS;
    behavior inside:
      assumes start + size <= UINT64_MAX && hal_info.user_base <= start && start + size <= hal_info.user_limit;
      ensures \result == KERN_SUCCESS;
    complete behaviors;
    disjoint behaviors;
*/
static inline kern_return_t vm_range_check_user(hal_va_t start, uint64_t size)
{
    if (size > UINT64_MAX - start)
        return KERN_INVALID_ARGUMENT;
    return HAL_USER_RANGE(start, size) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

/* How many of `n` bytes from `va` on are in its page. */
/*@ requires n > 0;
    assigns \nothing;
    ensures within: 0 < \result <= n;
    ensures page: (va + \result - 1) / 4096 == va / 4096;
    ensures most: \result == n || (va + \result) % 4096 == 0;
*/
static inline uint64_t vm_range_page_part(hal_va_t va, uint64_t n)
{
    uint64_t room = PAGE_SIZE - va % PAGE_SIZE;

    return n < room ? n : room;
}

#endif
