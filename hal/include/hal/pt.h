/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables, TLBs and instruction caches. */
#ifndef HAL_PT_H
#define HAL_PT_H

#include <hal/info.h>
#include <hal/types.h>

/* Base of the direct map: physical address p that is RAM is at HAL_DIRECT_BASE + p (constant of the ISA). */
#include <arch/layout.h>

/* Is `root` what a root table may be at? Tables lie in RAM below 2^48. */
#define HAL_PT_FRAME(root) ((root).addr % HAL_PAGE_SIZE == 0 && (root).addr < hal_info.mem_limit.addr)
#define HAL_ASID_VALID(asid) ((asid) >> hal_info.asid_bits == 0)

/* Kernel address of RAM at `pa`. */
/*@ assigns \nothing; */
static inline void *hal_pa_to_ptr(hal_pa_t pa)
{
    return (void *)(uintptr_t)(pa.addr + HAL_DIRECT_BASE);
}

/* Physical address of an object in the direct map. */
/*@ assigns \nothing; */
static inline hal_pa_t hal_ptr_to_pa(const void *p)
{
    return HAL_PA((uint64_t)(uintptr_t)p - HAL_DIRECT_BASE);
}

/*
 * Make the zeroed page at `root` a root table: the kernel's part (if user and kernel share a tree) is filled in.
 * Entries for [user_base, user_limit) stay holes.
 * Context: any.
 */
#define PRE_hal_pt_init_root(root) HAL_PT_FRAME(root)
/*@ requires PRE_hal_pt_init_root(root); assigns \nothing; */
void hal_pt_init_root(hal_pa_t root);

/*
 * The value that hal_pt_activate() takes: root and ASID in the format of the ISA's register. Never 0.
 * Pure. asid < 2^hal_info.asid_bits.
 */
#define PRE_hal_pt_token(root, asid) (HAL_PT_FRAME(root) && HAL_ASID_VALID(asid))
#define POST_hal_pt_token(result) ((result) != 0)
/*@ requires PRE_hal_pt_token(root, asid); assigns \nothing; ensures POST_hal_pt_token(\result); */
static inline uint64_t hal_pt_token(hal_pa_t root, hal_asid_t asid);

/*
 * Make this CPU use the address space of `token` for user addresses.  Keeps the TLB if there are ASIDs, else flushes
 * what is not global.
 * Context: interrupts masked.
 */
#define PRE_hal_pt_activate(token) ((token) != 0)
/*@ requires PRE_hal_pt_activate(token); assigns \nothing; */
static inline void hal_pt_activate(uint64_t token);

/*
 * Make entries that this CPU wrote, from invalid to valid or to more permissive, visible to its own later accesses
 * at `va`.  Other CPUs may still fault once on them (spurious fault: retry).
 * Context: any.
 */
#define PRE_hal_pt_publish(va) ((va) >= hal_info.user_base && (va) < hal_info.user_limit)
/*@ requires PRE_hal_pt_publish(va); assigns \nothing; */
void hal_pt_publish(hal_va_t va);

/*
 * Forget cached translations: of one user page in `asid`; of all of `asid` (HAL_ASID_ALL: all that are not global).  On this CPU,
 * and on every other if hal_info.tlb_broadcast.  Complete on return. Earlier writes to page tables are visible to
 * the walker first.
 * Context: any. asid < 2^hal_info.asid_bits, or HAL_ASID_ALL where it says so.
 */
#define PRE_hal_tlb_flush_page(asid, va)                                                                     \
    (HAL_ASID_VALID(asid) && (va) >= hal_info.user_base && (va) < hal_info.user_limit)
/*@ requires PRE_hal_tlb_flush_page(asid, va); assigns \nothing; */
void hal_tlb_flush_page(hal_asid_t asid, hal_va_t va);
#define PRE_hal_tlb_flush_asid(asid) ((asid) == HAL_ASID_ALL || HAL_ASID_VALID(asid))
/*@ requires PRE_hal_tlb_flush_asid(asid); assigns \nothing; */
void hal_tlb_flush_asid(hal_asid_t asid);

/*
 * Let instruction fetch on every CPU see what was written to [p, p + n) (kernel address of RAM), at the latest when
 * that CPU next enters user mode after the call.
 * Context: any.
 */
#define PRE_hal_icache_sync(p, n) ((uintptr_t)(p) >= HAL_DIRECT_BASE && (n) > 0)
/*@ requires PRE_hal_icache_sync(p, n); assigns \nothing; */
void hal_icache_sync(const void *p, size_t n);

#include <arch/pt.h>

#endif
