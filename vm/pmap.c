/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: one walker for every ISA, over the entry codec of hal/pte.h.
 *
 * A table of level 0 holds leaves, a table above holds tables; one of level 1 also holds leaves, each of which maps a block of as
 * many pages as a table has entries.  Each table counts its entries (vm_page.entries); one that becomes empty is unlinked at once,
 * and freed after the TLBs, which also cache tables, have forgotten it.  That the root holds entries of the kernel on some ISAs
 * does not matter: it stays, and nothing here looks at them.
 *
 * Where a part of a block is to change, the block is split: its pages are then mapped one by one.  That can't fail, since a block
 * brings the table for it along: the spare tables of the blocks in a table of level 1 hang on its vm_page.link.
 *
 * Addresses that are used one after the other are near each other: the table of level 0 that was found last is kept
 * (pmap->last), and found again without a walk.
 *
 * Entries are written under pmap->lock.  A change that takes rights away is complete only when no TLB has the
 * old entry: what was changed is gathered (struct pmap_gather) and flushed before the lock is released, on
 * this CPU alone, by the ISA's broadcast, or by a cross call to every CPU that ever used the pmap.  A change
 * that adds rights needs no flush elsewhere: a CPU that still has the old entry faults, vm_fault() finds all
 * in order, and pmap_enter() flushes that CPU's page.
 *
 * Lock order: pmap->lock, then page allocator, or smp_call(): CPUs that spin for pmap->lock serve calls.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/cpu.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <vm/pmap_i.h>
#include <vm/pmap_walk.h>
#include <vm/vm_page_i.h>
#include <vm/vm_stat.h>

#define PMAP_FLUSH_PAGES 32u /* more than that: flush the whole ASID */

/* Changes that TLBs must learn of. */
struct pmap_gather {
    struct pmap *pmap;
    uint32_t count;
    bool all; /* more than page[] holds, or tables changed */
    hal_va_t page[PMAP_FLUSH_PAGES];
    struct list tables; /* struct vm_page: unlinked, to be freed after the flush */
};

static struct cache pmap_cache;

/* --- walking -------------------------------------------------------------------------------------------- */

/* The end of what the entry for `va` at `level` covers. */
static hal_va_t pmap_span_end(hal_va_t va, unsigned level)
{
    uint64_t span = (uint64_t)1 << (HAL_PAGE_SHIFT + HAL_PT_SHIFT * level);

    return (va & ~(span - 1)) + span;
}

/* Which table of level 0 covers `va`. */
static uint64_t pmap_table_number(hal_va_t va)
{
    return va >> (HAL_PAGE_SHIFT + HAL_PT_SHIFT);
}

/* Keep where a walk has ended. */
static void pmap_keep(struct pmap *pmap, hal_va_t va, hal_pte_t *table) REQUIRES(pmap->lock)
{
    pmap->last = (struct pmap_leaves){pmap_table_number(va), table, vm_page_of(table)};
}

static bool pmap_is_kept(const struct pmap *pmap, hal_va_t va) REQUIRES(pmap->lock)
{
    return pmap->last.number == pmap_table_number(va) && pmap->last.table != NULL;
}

/* Does a walk that ended at `level` end at the leaf of a block? */
static bool pmap_is_block(const struct pmap_path *path, hal_va_t va, unsigned level)
{
    return level == 1 && hal_pte_kind(*pmap_slot(path->table[1], va, 1), 1) == HAL_PTE_LEAF;
}

enum pmap_found {
    PMAP_TABLE, /* a table of level 0, which is kept */
    PMAP_BLOCK, /* the leaf of a block, in path->table[1]; it ends at *next */
    PMAP_HOLE,  /* nothing up to *next */
};

/* Find what covers `va`. */
static enum pmap_found pmap_find(struct pmap *pmap, hal_va_t va, struct pmap_path *path, hal_va_t *next)
    REQUIRES(pmap->lock)
{
    if (pmap_is_kept(pmap, va))
        return PMAP_TABLE;
    unsigned level = pmap_walk(pmap->root, va, path);
    if (level > 0) {
        *next = pmap_span_end(va, level);
        return pmap_is_block(path, va, level) ? PMAP_BLOCK : PMAP_HOLE;
    }
    pmap_keep(pmap, va, path->table[0]);
    return PMAP_TABLE;
}

/* --- memory for tables ---------------------------------------------------------------------------------- */

/* An empty table, or NULL. */
static void *table_alloc(struct ledger_account *payer)
{
    if (!ledger_charge(payer, HAL_PAGE_SIZE))
        return NULL;
    void *table = vm_page_alloc_zero(0);
    if (table == NULL) {
        ledger_uncharge(payer, HAL_PAGE_SIZE);
        return NULL;
    }
    struct vm_page *page = vm_page_of(table);
    page->entries = 0;
    list_init(&page->link);
    vm_stat_add(VM_STAT_TABLE_PAGES, 1);
    return table;
}

/* Give back the table in `page`, which is empty. */
static void table_free(struct vm_page *page, struct ledger_account *payer)
{
    vm_page_free_zero(vm_page_address(page));
    vm_stat_add(VM_STAT_TABLE_PAGES, -1);
    ledger_uncharge(payer, HAL_PAGE_SIZE);
}

/* --- TLBs ----------------------------------------------------------------------------------------------- */

static void gather_init(struct pmap_gather *gather, struct pmap *pmap)
{
    gather->pmap = pmap;
    gather->count = 0;
    gather->all = false;
    list_init(&gather->tables);
}

/*@ predicate gather_user{L}(struct pmap_gather *g) = g->count <= PMAP_FLUSH_PAGES &&
      \forall integer i; 0 <= i < g->count ==> hal_info.user_base <= g->page[i] < hal_info.user_limit; */

/*@ requires \valid(gather) && \separated(gather, &hal_info) && gather_user(gather);
    requires hal_info.user_base <= va < hal_info.user_limit;
    assigns gather->count, gather->all, gather->page[0 .. PMAP_FLUSH_PAGES - 1];
    ensures user: gather_user(gather);
    ensures told: gather->all || (gather->count == \old(gather->count) + 1 && gather->page[gather->count - 1] == va);
    ensures before: \forall integer i; 0 <= i < \old(gather->count) ==> gather->page[i] == \old(gather->page[i]);
    ensures all: \old(gather->all) ==> gather->all; */
static void gather_page(struct pmap_gather *gather, hal_va_t va)
{
    if (gather->count < PMAP_FLUSH_PAGES)
        gather->page[gather->count++] = va;
    else
        gather->all = true;
}

/* The ASID that a flush means.  Read on the CPU that flushes: whoever changes it later flushes as well
 * (pmap_asid.c). */
/*@ requires \valid_read(pmap) && pmap->asid < HAL_ASID_ALL; assigns \nothing; ensures \result == pmap->asid; */
static hal_asid_t pmap_asid(const struct pmap *pmap)
{
    return (hal_asid_t)__atomic_load_n(&pmap->asid, __ATOMIC_RELAXED);
}

/* Make this CPU's TLB forget what was gathered. */
/*@ requires \valid_read(gather) && \valid_read(gather->pmap) && gather_user(gather);
    requires gather->pmap->asid < HAL_ASID_ALL && HAL_ASID_VALID(gather->pmap->asid);
    assigns \nothing; */
static void gather_flush(const struct pmap_gather *gather)
{
    hal_asid_t asid = pmap_asid(gather->pmap);

    if (gather->all) {
        hal_tlb_flush_asid(asid);
        return;
    }
    /*@ loop assigns i; loop variant gather->count - i; */
    for (uint32_t i = 0; i < gather->count; i++)
        hal_tlb_flush_page(asid, gather->page[i]);
}

static void gather_flush_here(void *arg)
{
    gather_flush(arg);
}

/* Make all TLBs forget what was gathered; then free the tables. */
static void gather_finish(struct pmap_gather *gather)
{
    struct list *node;

    if (gather->count == 0 && !gather->all)
        return;
    /* The entries are written before `cpus` is read: a CPU that enters itself later walks the new ones. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    cpu_mask_t cpus = __atomic_load_n(&gather->pmap->cpus, __ATOMIC_RELAXED);
    cpu_mask_t self = (cpu_mask_t)1 << hal_cpu_self()->index;

    if (cpus != 0 && (hal_info.tlb_broadcast || cpus == self))
        gather_flush_here(gather);
    else if (cpus != 0)
        smp_call(cpus, gather_flush_here, gather);
    while ((node = list_pop(&gather->tables)) != NULL)
        table_free(CONTAINER_OF(node, struct vm_page, link), gather->pmap->payer);
}

/* --- tables --------------------------------------------------------------------------------------------- */

/* Unlink the empty tables on the way to `va`, from `level` upwards; the root stays. */
static void pmap_prune(struct pmap *pmap, hal_va_t va, struct pmap_path *path, unsigned level,
                       struct pmap_gather *gather) REQUIRES(pmap->lock)
{
    for (; level < hal_info.pt_levels - 1; level++) {
        struct vm_page *page = vm_page_of(path->table[level]);
        if (page->entries != 0)
            return;
        hal_pte_t *above = path->table[level + 1];
        pmap_slot_write(pmap_slot(above, va, level + 1), 0);
        vm_page_of(above)->entries--;
        if (pmap->last.page == page)
            pmap->last.table = NULL;
        list_insert_tail(&gather->tables, &page->link);
        gather->all = true;
        pmap->tables--;
    }
}

/* Make the tables that are missing between `level`, where the walk for `va` ended, and `bottom`. Returns false without memory:
 * unchanged. */
static bool pmap_extend(struct pmap *pmap, hal_va_t va, struct pmap_path *path, unsigned level,
                        unsigned bottom) REQUIRES(pmap->lock)
{
    while (level > bottom) {
        hal_pte_t *table = table_alloc(pmap->payer);
        if (table == NULL) {
            struct pmap_gather gather;
            gather_init(&gather, pmap);
            pmap_prune(pmap, va, path, level, &gather);
            gather_finish(&gather);
            return false;
        }
        pmap_slot_write(pmap_slot(path->table[level], va, level), hal_pte_table(hal_ptr_to_pa(table), level));
        vm_page_of(path->table[level])->entries++;
        pmap->tables++;
        level--;
        path->table[level] = table;
    }
    return true;
}

/* --- leaves --------------------------------------------------------------------------------------------- */

/*
 * The hardware can't do W or X without R.  ACCESSED and DIRTY are set from the start: pages that are
 * zero-filled on demand are new, and a fault to learn that would cost more than it tells.
 */
/*@ requires write_xor_execute: 0 <= prot < VM_PROT_WRITE + VM_PROT_EXECUTE;
    assigns \nothing;
    ensures leaf: \result <= HAL_ATTR_ALL && HAL_ATTR_BIT(\result, HAL_ATTR_R) == 1 &&
        HAL_ATTR_BIT(\result, HAL_ATTR_W) + HAL_ATTR_BIT(\result, HAL_ATTR_X) <= 1;
    ensures user: HAL_ATTR_BIT(\result, HAL_ATTR_U) == 1 && HAL_ATTR_BIT(\result, HAL_ATTR_GLOBAL) == 0;
    ensures write: HAL_ATTR_BIT(\result, HAL_ATTR_W) == HAL_ATTR_BIT(prot, VM_PROT_WRITE);
    ensures execute: HAL_ATTR_BIT(\result, HAL_ATTR_X) == HAL_ATTR_BIT(prot, VM_PROT_EXECUTE); */
static unsigned pmap_attr(vm_prot_t prot)
{
    unsigned rights = (unsigned)prot;
    unsigned attr = HAL_ATTR_R + HAL_ATTR_U + HAL_ATTR_ACCESSED;

    if (HAL_ATTR_BIT(rights, VM_PROT_WRITE) == 1)
        attr += HAL_ATTR_W + HAL_ATTR_DIRTY;
    if (HAL_ATTR_BIT(rights, VM_PROT_EXECUTE) == 1)
        attr += HAL_ATTR_X;
    return attr;
}

/* The leaf that maps the page at `pa` for the user. */
/*@ requires 0 <= prot < VM_PROT_WRITE + VM_PROT_EXECUTE && HAL_PT_ALIGNED(pa.addr, 0) && pa.addr < HAL_PA_LIMIT;
    assigns \nothing;
    ensures leaf: hal_l_kind(\result, 0) == HAL_PTE_LEAF && hal_l_addr(\result, 0) == pa.addr;
    ensures write: HAL_ATTR_BIT(hal_l_attr(\result, 0), HAL_ATTR_W) == HAL_ATTR_BIT(prot, VM_PROT_WRITE); */
static hal_pte_t pmap_leaf(hal_pa_t pa, vm_prot_t prot)
{
    return hal_pte_leaf(pa, pmap_attr(prot), 0);
}

/* Write a leaf that allows less than the one before, or a hole, and see that no CPU has the old one any more. */
static __attribute__((noinline)) void pmap_take_leaf(struct pmap *pmap, hal_va_t va, hal_pte_t *slot,
                                                     hal_pte_t new_pte) REQUIRES(pmap->lock)
{
    struct pmap_gather gather;

    gather_init(&gather, pmap);
    gather_page(&gather, va);
    pmap_slot_write(slot, new_pte);
    gather_finish(&gather);
}

/* Replace a leaf. Inlined, as pmap_enter_leaf(). */
static inline __attribute__((always_inline)) void pmap_change_leaf(struct pmap *pmap, hal_va_t va,
                                                                   hal_pte_t *slot, hal_pte_t new_pte)
    REQUIRES(pmap->lock)
{
    const unsigned rights = HAL_ATTR_W | HAL_ATTR_X;
    hal_pte_t old_pte = *slot;
    bool moves = hal_pte_addr(old_pte, 0).addr != hal_pte_addr(new_pte, 0).addr;

    if (moves || (hal_pte_attr(old_pte, 0) & rights & ~hal_pte_attr(new_pte, 0)) != 0) {
        /* Two different translations may not be cached at a time (Arm ARM D8.14, "break before make"). */
        pmap_take_leaf(pmap, va, slot, moves ? 0 : new_pte);
        if (!moves)
            return;
    }
    pmap_slot_write(slot, new_pte);
    hal_pt_publish(va);
    /* This CPU may have cached the old entry, or the fact that there was no such right. */
    hal_tlb_flush_page(pmap_asid(pmap), va);
}

/* A leaf where there was a hole, in the table that is kept. */
static void pmap_add_leaf(struct pmap *pmap, hal_va_t va, hal_pte_t *slot, hal_pte_t pte) REQUIRES(pmap->lock)
{
    pmap_slot_write(slot, pte);
    pmap->last.page->entries++;
    pmap->resident++;
    hal_pt_publish(va);
}

/* Map the pages of the block, which `slot` maps and `va` is in, one by one; their table is kept. */
static __attribute__((noinline)) void pmap_split(struct pmap *pmap, hal_va_t va, hal_pte_t *slot)
    REQUIRES(pmap->lock)
{
    struct vm_page *page = CONTAINER_OF(list_pop(&vm_page_of(slot)->link), struct vm_page, link);
    hal_pte_t *table = vm_page_address(page);
    const hal_pa_t base = hal_pte_addr(*slot, 1);
    const unsigned attr = hal_pte_attr(*slot, 1);

    for (unsigned i = 0; i < HAL_PT_ENTRIES; i++)
        table[i] = hal_pte_leaf(HAL_PA(base.addr + i * HAL_PAGE_SIZE), attr, 0);
    page->entries = HAL_PT_ENTRIES;
    pmap_take_leaf(pmap, va, slot, 0); /* break before make, as in pmap_change_leaf() */
    pmap_slot_write(slot, hal_pte_table(hal_ptr_to_pa(table), 1));
    pmap->blocks--;
    pmap_keep(pmap, va, table);
}

/* Does the block that `block` maps have at `va` what the leaf `pte` would map there, with its rights at least? */
static bool pmap_block_has(hal_pte_t block, hal_va_t va, hal_pte_t pte)
{
    const unsigned rights = HAL_ATTR_W | HAL_ATTR_X;

    return hal_pte_addr(block, 1).addr + va % PMAP_BLOCK_SIZE == hal_pte_addr(pte, 0).addr &&
           (hal_pte_attr(pte, 0) & rights & ~hal_pte_attr(block, 1)) == 0;
}

/*
 * Keep the table of level 0 for the leaf `pte` at `va`, made if need be.
 * Returns KERN_SUCCESS; KERN_MEMORY_PRESENT a block maps the page so already; KERN_RESOURCE_SHORTAGE.
 */
static __attribute__((noinline)) kern_return_t pmap_reach(struct pmap *pmap, hal_va_t va, hal_pte_t pte)
    REQUIRES(pmap->lock)
{
    struct pmap_path path;
    unsigned level = pmap_walk(pmap->root, va, &path);

    if (pmap_is_block(&path, va, level)) {
        hal_pte_t *slot = pmap_slot(path.table[1], va, 1);
        if (pmap_block_has(*slot, va, pte))
            return KERN_MEMORY_PRESENT;
        pmap_split(pmap, va, slot);
        return KERN_SUCCESS;
    }
    if (!pmap_extend(pmap, va, &path, level, 0))
        return KERN_RESOURCE_SHORTAGE;
    pmap_keep(pmap, va, path.table[0]);
    return KERN_SUCCESS;
}

/* Put a leaf in place of whatever is at `va`. Returns as pmap_enter(). Inlined: it is the longer part of a soft fault. */
static inline __attribute__((always_inline)) kern_return_t pmap_enter_leaf(struct pmap *pmap, hal_va_t va,
                                                                           hal_pte_t pte)
{
    KASSERT(va % HAL_PAGE_SIZE == 0 && va >= hal_info.user_base && va < hal_info.user_limit);
    kern_return_t kr = KERN_SUCCESS;
    spin_lock(&pmap->lock);
    if (!pmap_is_kept(pmap, va))
        kr = pmap_reach(pmap, va, pte);
    if (__builtin_expect(kr == KERN_SUCCESS, 1)) {
        hal_pte_t *slot = pmap_slot(pmap->last.table, va, 0);
        if (hal_pte_kind(*slot, 0) == HAL_PTE_LEAF)
            pmap_change_leaf(pmap, va, slot, pte);
        else
            pmap_add_leaf(pmap, va, slot, pte);
    } else if (kr == KERN_MEMORY_PRESENT) {
        kr = KERN_SUCCESS;
        hal_pt_publish(va);
        hal_tlb_flush_page(pmap_asid(pmap), va);
    }
    spin_unlock(&pmap->lock);
    return kr;
}

kern_return_t pmap_enter(struct pmap *pmap, hal_va_t va, hal_pa_t pa, vm_prot_t prot)
{
    return pmap_enter_leaf(pmap, va, pmap_leaf(pa, prot));
}

kern_return_t pmap_enter_device(struct pmap *pmap, hal_va_t va, hal_pa_t pa, vm_prot_t prot)
{
    return pmap_enter_leaf(pmap, va, hal_pte_leaf(pa, pmap_attr(prot) + HAL_ATTR_DEVICE, 0));
}

bool pmap_enter_block(struct pmap *pmap, hal_va_t va, hal_pa_t pa, vm_prot_t prot)
{
    struct pmap_path path;
    bool entered = false;
    hal_pte_t *spare = table_alloc(pmap->payer);

    KASSERT(va % PMAP_BLOCK_SIZE == 0 && va >= hal_info.user_base &&
            va + PMAP_BLOCK_SIZE <= hal_info.user_limit);
    if (spare == NULL)
        return false;
    spin_lock(&pmap->lock);
    unsigned level = pmap_walk(pmap->root, va, &path);
    if (level > 0 && !pmap_is_block(&path, va, level) && pmap_extend(pmap, va, &path, level, 1)) {
        pmap_slot_write(pmap_slot(path.table[1], va, 1), hal_pte_leaf(pa, pmap_attr(prot), 1));
        struct vm_page *above = vm_page_of(path.table[1]);
        above->entries++;
        list_insert_head(&above->link, &vm_page_of(spare)->link);
        pmap->tables++;
        pmap->blocks++;
        pmap->resident += HAL_PT_ENTRIES;
        hal_pt_publish(va);
        entered = true;
    }
    spin_unlock(&pmap->lock);
    if (!entered)
        table_free(vm_page_of(spare), pmap->payer);
    return entered;
}

void pmap_enter_around(struct pmap *pmap, hal_va_t va, const hal_pa_t *pa, unsigned count, vm_prot_t prot)
{
    const unsigned attr = pmap_attr(prot);
    const hal_va_t end = pmap_span_end(va, 1);
    struct pmap_path path;
    hal_va_t next;

    spin_lock(&pmap->lock);
    if (pmap_find(pmap, va, &path, &next) == PMAP_TABLE) {
        for (; va < end && count > 0; va += HAL_PAGE_SIZE, pa++, count--) {
            hal_pte_t *slot = pmap_slot(pmap->last.table, va, 0);
            if (hal_pte_kind(*slot, 0) == HAL_PTE_HOLE)
                pmap_add_leaf(pmap, va, slot, hal_pte_leaf(*pa, attr, 0));
        }
    }
    spin_unlock(&pmap->lock);
}

/* Unmap the part of [va, end) that the table that is kept covers. Returns where the rest begins. */
static hal_va_t pmap_remove_leaves(struct pmap *pmap, hal_va_t va, hal_va_t end, struct pmap_gather *gather)
    REQUIRES(pmap->lock)
{
    struct vm_page *page = pmap->last.page;
    hal_va_t stop = pmap_span_end(va, 1);

    if (stop > end)
        stop = end;
    for (; va < stop && page->entries > 0; va += HAL_PAGE_SIZE) {
        hal_pte_t *slot = pmap_slot(pmap->last.table, va, 0);
        if (hal_pte_kind(*slot, 0) != HAL_PTE_LEAF)
            continue;
        pmap_slot_write(slot, 0);
        page->entries--;
        pmap->resident--;
        gather_page(gather, va);
    }
    return stop;
}

/* Split the block that `va` is inside. */
static void pmap_split_at(struct pmap *pmap, hal_va_t va) REQUIRES(pmap->lock)
{
    struct pmap_path path;

    if (va % PMAP_BLOCK_SIZE != 0 && !pmap_is_kept(pmap, va) &&
        pmap_is_block(&path, va, pmap_walk(pmap->root, va, &path)))
        pmap_split(pmap, va, pmap_slot(path.table[1], va, 1));
}

/* Split the blocks that are only in part in [start, end). Before anything is gathered: that takes much of a stack. */
static inline void pmap_split_ends(struct pmap *pmap, hal_va_t start, hal_va_t end) REQUIRES(pmap->lock)
{
    if (__builtin_expect(pmap->blocks == 0, 1))
        return;
    pmap_split_at(pmap, start);
    pmap_split_at(pmap, end);
}

/* Unmap the block at `va`, which the walk ended at. */
static void pmap_remove_block(struct pmap *pmap, hal_va_t va, struct pmap_path *path,
                              struct pmap_gather *gather) REQUIRES(pmap->lock)
{
    hal_pte_t *slot = pmap_slot(path->table[1], va, 1);
    struct vm_page *page = vm_page_of(slot);

    pmap_slot_write(slot, 0);
    page->entries--;
    pmap->blocks--;
    pmap->resident -= HAL_PT_ENTRIES;
    gather_page(gather, va);
    list_insert_tail(&gather->tables, list_pop(&page->link));
    pmap->tables--;
    pmap_prune(pmap, va, path, 1, gather);
}

/* Unmap [start, end), or only as much that at most `left` pages are left, or a block less. */
static void pmap_remove_until(struct pmap *pmap, hal_va_t start, hal_va_t end, uint64_t left)
    REQUIRES(pmap->lock)
{
    struct pmap_gather gather;
    struct pmap_path path;
    hal_va_t va = start;
    hal_va_t next;

    gather_init(&gather, pmap);
    while (va < end && pmap->resident > left) {
        const enum pmap_found found = pmap_find(pmap, va, &path, &next);
        if (found != PMAP_TABLE) {
            if (found == PMAP_BLOCK)
                pmap_remove_block(pmap, va, &path, &gather);
            va = next;
            continue;
        }
        hal_va_t rest = pmap_remove_leaves(pmap, va, end, &gather);
        if (pmap->last.page->entries == 0) {
            (void)pmap_walk(pmap->root, va, &path);
            pmap_prune(pmap, va, &path, 0, &gather);
        }
        va = rest;
    }
    gather_finish(&gather);
}

void pmap_remove(struct pmap *pmap, hal_va_t start, hal_va_t end)
{
    spin_lock(&pmap->lock);
    pmap_split_ends(pmap, start, end);
    pmap_remove_until(pmap, start, end, 0);
    spin_unlock(&pmap->lock);
}

bool pmap_clear_step(struct pmap *pmap, uint64_t pages)
{
    spin_lock(&pmap->lock);
    uint64_t resident = pmap->resident;
    pmap_remove_until(pmap, hal_info.user_base, hal_info.user_limit, resident > pages ? resident - pages : 0);
    spin_unlock(&pmap->lock);
    return resident == 0;
}

/* Take all rights but `attr` from a leaf at `level`. */
static hal_pte_t pmap_reduce(hal_pte_t pte, unsigned attr, unsigned level)
{
    const unsigned rights = HAL_ATTR_W | HAL_ATTR_X;

    return hal_pte_leaf(hal_pte_addr(pte, level), hal_pte_attr(pte, level) & (attr | ~rights), level);
}

/* Change the bits `change` of the leaves from `va` on that differ from `like` in `address` at most, before `stop`. Returns
 * where the rest begins. */
static hal_va_t pmap_change_run(hal_pte_t *slot, hal_va_t va, hal_va_t stop, hal_pte_t like, hal_pte_t change,
                                hal_pte_t address)
{
    for (; va < stop && ((*slot ^ like) & ~address) == 0; va += HAL_PAGE_SIZE, slot++)
        pmap_slot_write(slot, *slot ^ change);
    return va;
}

/*
 * Take all rights but `attr` from the leaves of [va, end) in the table that is kept. Returns where the rest begins.
 * Leaves side by side mostly differ in their addresses only: what becomes of one is worked out once for all like it.
 */
static hal_va_t pmap_protect_leaves(struct pmap *pmap, hal_va_t va, hal_va_t end, unsigned attr,
                                    struct pmap_gather *gather) REQUIRES(pmap->lock)
{
    const hal_pte_t address = hal_pte_leaf(HAL_PA(HAL_PA_LIMIT - HAL_PAGE_SIZE), HAL_ATTR_R, 0) ^
                              hal_pte_leaf(HAL_PA(0), HAL_ATTR_R, 0);
    hal_va_t stop = pmap_span_end(va, 1);

    if (stop > end)
        stop = end;
    while (va < stop) {
        hal_pte_t *slot = pmap_slot(pmap->last.table, va, 0);
        hal_pte_t change = hal_pte_kind(*slot, 0) == HAL_PTE_LEAF ? *slot ^ pmap_reduce(*slot, attr, 0) : 0;
        if (change == 0) {
            va += HAL_PAGE_SIZE;
            continue;
        }
        hal_va_t rest = pmap_change_run(slot, va, stop, *slot, change, address);
        for (; va < rest && !gather->all; va += HAL_PAGE_SIZE)
            gather_page(gather, va);
        va = rest;
    }
    return stop;
}

/* The same for the block at `va`, which `slot` maps. */
static void pmap_protect_block(hal_va_t va, hal_pte_t *slot, unsigned attr, struct pmap_gather *gather)
{
    hal_pte_t reduced = pmap_reduce(*slot, attr, 1);

    if (reduced == *slot)
        return;
    pmap_slot_write(slot, reduced);
    gather_page(gather, va);
}

/* Take away what `attr` has not. */
static __attribute__((noinline)) void pmap_restrict(struct pmap *pmap, hal_va_t va, hal_va_t end,
                                                    unsigned attr) REQUIRES(pmap->lock)
{
    struct pmap_gather gather;
    struct pmap_path path;
    hal_va_t next;

    gather_init(&gather, pmap);
    while (va < end) {
        switch (pmap_find(pmap, va, &path, &next)) {
        case PMAP_TABLE:
            va = pmap_protect_leaves(pmap, va, end, attr, &gather);
            break;
        case PMAP_BLOCK:
            pmap_protect_block(va, pmap_slot(path.table[1], va, 1), attr, &gather);
            va = next;
            break;
        case PMAP_HOLE:
            va = next;
            break;
        }
    }
    gather_finish(&gather);
}

/* Two functions: what they gather takes much of a stack, and here it would take it twice. */
void pmap_protect(struct pmap *pmap, hal_va_t start, hal_va_t end, vm_prot_t prot)
{
    if (prot == VM_PROT_NONE) {
        pmap_remove(pmap, start, end);
        return;
    }
    spin_lock(&pmap->lock);
    pmap_split_ends(pmap, start, end);
    pmap_restrict(pmap, start, end, pmap_attr(prot));
    spin_unlock(&pmap->lock);
}

/* --- use ------------------------------------------------------------------------------------------------ */

/* Bits `first` to below `end`, of 64. */
static uint64_t age_bits(uint64_t first, uint64_t end)
{
    return first < end ? ~(uint64_t)0 >> (64 - (end - first)) << first : 0;
}

/*
 * ACCESSED is cleared where it is set; a block counts as used.  A CPU may set it at the same time, and be overwritten: then the page looks as if it was used a
 * little earlier.  The other bits of a leaf are the kernel's.
 *
 * No right is taken away, so no other CPU is told: one that still has the translation does not note uses before it has lost it, and
 * a page that it uses may be taken for unused.  That costs a fault, which finds the page in the store; telling all CPUs would cost each of
 * them an interrupt for every few pages that are looked at.
 */
uint64_t pmap_age(struct pmap *pmap, hal_va_t va, unsigned count)
{
    const hal_va_t end = va + count * HAL_PAGE_SIZE;
    const hal_va_t start = va;
    struct pmap_gather gather;
    struct pmap_path path;
    uint64_t used = 0;
    hal_va_t next;

    gather_init(&gather, pmap);
    spin_lock(&pmap->lock);
    while (va < end) {
        const enum pmap_found found = pmap_find(pmap, va, &path, &next);
        if (found != PMAP_TABLE) {
            next = next < end ? next : end;
            if (found == PMAP_BLOCK)
                used |= age_bits((va - start) >> HAL_PAGE_SHIFT, (next - start) >> HAL_PAGE_SHIFT);
            va = next;
            continue;
        }
        hal_pte_t *slot = pmap_slot(pmap->last.table, va, 0);
        if (hal_pte_kind(*slot, 0) == HAL_PTE_LEAF && (hal_pte_attr(*slot, 0) & HAL_ATTR_ACCESSED) != 0) {
            pmap_slot_write(
                slot, hal_pte_leaf(hal_pte_addr(*slot, 0), hal_pte_attr(*slot, 0) & ~HAL_ATTR_ACCESSED, 0));
            gather_page(&gather, va);
            used |= age_bits((va - start) >> HAL_PAGE_SHIFT, ((va - start) >> HAL_PAGE_SHIFT) + 1);
        }
        va += HAL_PAGE_SIZE;
    }
    gather_flush(&gather);
    spin_unlock(&pmap->lock);
    return used;
}

/* --- life ----------------------------------------------------------------------------------------------- */

void pmap_init_module(void)
{
    cache_init(&pmap_cache, "pmap", sizeof(struct pmap), 64);
    pmap_asid_init();
}

struct pmap *pmap_create(struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct pmap)))
        return NULL;
    struct pmap *pmap = cache_alloc(&pmap_cache);
    if (pmap == NULL)
        goto no_pmap;
    void *root = table_alloc(payer);
    if (root == NULL)
        goto no_root;
    pmap->payer = payer;
    pmap->root = hal_ptr_to_pa(root);
    hal_pt_init_root(pmap->root);
    spin_init(&pmap->lock, LOCK_RANK_PMAP);
    spin_lock(&pmap->lock);
    pmap->resident = 0;
    pmap->tables = 1;
    pmap->blocks = 0;
    pmap->last.table = NULL;
    spin_unlock(&pmap->lock);
    pmap_asid_insert(pmap);
    return pmap;

no_root:
    cache_free(&pmap_cache, pmap);
no_pmap:
    ledger_uncharge(payer, sizeof(*pmap));
    return NULL;
}

void pmap_destroy(struct pmap *pmap)
{
    pmap_asid_remove(pmap);
    pmap_remove(pmap, hal_info.user_base, hal_info.user_limit);
    KASSERT(vm_page_of(hal_pa_to_ptr(pmap->root))->entries == 0);
    vm_page_free(hal_pa_to_ptr(pmap->root), 0);
    vm_stat_add(VM_STAT_TABLE_PAGES, -1);
    ledger_uncharge(pmap->payer, HAL_PAGE_SIZE + sizeof(*pmap));
    cache_free(&pmap_cache, pmap);
}

uint64_t pmap_resident(struct pmap *pmap)
{
    spin_lock(&pmap->lock);
    uint64_t resident = pmap->resident;
    spin_unlock(&pmap->lock);
    return resident;
}
