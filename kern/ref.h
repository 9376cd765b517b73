/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference counts.  They have 64 bits: with 32, a machine of some 100 GiB has room for enough rights to one
 * port, in messages, to count around.  No memory has room for 2^64 references, so a count can't wrap.
 */
#ifndef KERN_REF_H
#define KERN_REF_H

#include <hal/types.h>
#include <kern/panic.h>

/* One more. Context: the caller has a reference, or a lock that keeps the object. */
/*@ requires \valid(count) && 0 < *count < UINT64_MAX;
    assigns *count;
    ensures *count == \old(*count) + 1;
*/
static inline void ref_get(uint64_t *count)
{
    /* relaxed: nothing happens to the object because of it; see Context */
    uint64_t before = __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    KASSERT(before > 0);
}

/* One less. Returns whether it was the last: the object is the caller's, to be freed. */
/*@ requires \valid(count) && *count > 0;
    assigns *count;
    ensures *count == \old(*count) - 1;
    ensures \result <==> *count == 0;
*/
HAL_NODISCARD static inline bool ref_put(uint64_t *count)
{
    /* acq_rel: what every holder did with the object comes before the memory is reused */
    uint64_t before = __atomic_fetch_sub(count, 1, __ATOMIC_ACQ_REL);
    KASSERT(before > 0);
    return before == 1;
}

#endif
