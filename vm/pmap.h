/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical maps: the page tables of one address space, over the HAL's PTE codec, for every ISA.
 * The fast path needs only `token`: nonzero while the pmap has an ASID (or the ISA has none).
 */
#ifndef VM_PMAP_H
#define VM_PMAP_H

#include <hal/hal.h>
#include <kern/list.h>
#include <kern/smp.h>
#include <kern/spinlock.h>
#include <mach/kern_return.h>
#include <mach/vm_prot.h>

struct ledger_account;
struct vm_page;

/* A table of level 0, and what it covers. */
struct pmap_leaves {
    uint64_t number; /* address / bytes that a table covers */
    hal_pte_t *table;
    struct vm_page *page; /* of the table */
};

struct pmap {
    uint64_t token;  /* hal_pt_activate() value, or 0: needs pmap_activate() */
    spinlock_t lock; /* rank LOCK_RANK_PMAP */
    hal_pa_t root;
    uint32_t asid;
    cpu_mask_t cpus;                          /* CPUs whose TLB may hold entries of this pmap (atomic) */
    uint64_t resident GUARDED_BY(lock);       /* mapped pages */
    uint64_t tables GUARDED_BY(lock);         /* page-table pages, root and spare ones included */
    uint64_t blocks GUARDED_BY(lock);         /* leaves at level 1 */
    struct pmap_leaves last GUARDED_BY(lock); /* where the last walk ended; table NULL: nowhere */
    struct list link;                         /* ASID allocator */
    struct ledger_account *payer;             /* constant */
};

/* What a leaf at level 1 maps: 2^PMAP_BLOCK_ORDER pages. */
#define PMAP_BLOCK_ORDER HAL_PT_SHIFT
#define PMAP_BLOCK_SIZE (HAL_PAGE_SIZE << PMAP_BLOCK_ORDER)

void pmap_init_module(void);

/* An empty user pmap, or NULL. It and its tables are charged to `payer`. */
HAL_NODISCARD struct pmap *pmap_create(struct ledger_account *payer);
/* Context: no thread runs in it any more; CPUs that are idle on it leave it. Unmaps what is still mapped. */
void pmap_destroy(struct pmap *pmap);

/* Make it this CPU's user address space (allocates an ASID if needed). Context: no lock >= LOCK_RANK_PMAP. */
void pmap_activate(struct pmap *pmap);
/* Leave: this CPU uses no user address space of a task any more (a kernel-only root). */
void pmap_deactivate(void);

/* Map one page at va (page aligned, in user range) with protection prot (R at least). Replaces an existing
 * mapping of the same page.
 * Returns KERN_SUCCESS or KERN_RESOURCE_SHORTAGE (no page-table page): unchanged. */
HAL_NODISCARD kern_return_t pmap_enter(struct pmap *pmap, hal_va_t va, hal_pa_t pa, vm_prot_t prot);
/* The same for registers of a device: uncached. */
HAL_NODISCARD kern_return_t pmap_enter_device(struct pmap *pmap, hal_va_t va, hal_pa_t pa, vm_prot_t prot);
/* Map a block of PMAP_BLOCK_SIZE bytes by one leaf, at `va`, all aligned to that. Context: bit 1 of hal_info.leaf_levels is set.
 * Returns false: some of it is mapped, or no page-table page: unchanged. */
HAL_NODISCARD bool pmap_enter_block(struct pmap *pmap, hal_va_t va, hal_pa_t pa, vm_prot_t prot);
/* Map the pages for [va, va + count pages) where nothing is mapped, as far as there are tables and they are the same as for va's
 * first page; prot: no VM_PROT_WRITE. For what may soon be used: never fails. */
void pmap_enter_around(struct pmap *pmap, hal_va_t va, const hal_pa_t *pa, unsigned count, vm_prot_t prot);
/* Unmap [start, end): TLBs of all CPUs are clean on return; empty page tables are freed. */
void pmap_remove(struct pmap *pmap, hal_va_t start, hal_va_t end);
/* Unmap some of what is mapped, `pages` or up to a block more. Returns whether nothing was left.
 * Context: as for pmap_destroy(). */
bool pmap_clear_step(struct pmap *pmap, uint64_t pages);
/* Reduce the protection of what is mapped in [start, end) to prot (VM_PROT_NONE: remove). */
void pmap_protect(struct pmap *pmap, hal_va_t start, hal_va_t end, vm_prot_t prot);
/* Which of the `count` <= 64 pages from va on were used since the last call, or since they were mapped: bit i for page i. */
uint64_t pmap_age(struct pmap *pmap, hal_va_t va, unsigned count);
/* Pages that are mapped now. */
uint64_t pmap_resident(struct pmap *pmap);

#endif
