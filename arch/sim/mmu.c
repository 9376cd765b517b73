/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address translation: a walker, and per CPU a TLB and a cache of tables, both at their worst within the contract.  They
 * keep what they have until they are told to forget it or lose it by chance; a hit is never checked against memory; a
 * write through an entry that is not dirty sets the bit where the entry was read, whatever is there now.  So a flush that is
 * missing shows: as access to a page that belongs to somebody else, or as damage to what was a page table.
 */
#include "machine.h"

#include <string.h>

#define COPY_PIECE 64u

static hal_va_t page_of(hal_va_t va)
{
    return va & ~(uint64_t)(HAL_PAGE_SIZE - 1);
}

static hal_asid_t token_asid(uint64_t token)
{
    return (hal_asid_t)(token >> PT_TOKEN_ASID_SHIFT);
}

uint64_t sim_token_root(uint64_t token)
{
    return token & (((uint64_t)1 << PT_TOKEN_ASID_SHIFT) - 1);
}

static bool entry_matches(const struct tlb_entry *e, hal_asid_t asid, hal_va_t va)
{
    return e->valid && e->va == page_of(va) && (e->asid == asid || (e->attr & HAL_ATTR_GLOBAL) != 0);
}

/* Is it the entry of a page in the block around `va`, and comes it from a leaf at `level`? */
static bool entry_is_near(const struct tlb_entry *e, hal_asid_t asid, hal_va_t va, unsigned level)
{
    const unsigned shift = HAL_PAGE_SHIFT + HAL_PT_SHIFT;

    return e->valid && e->attr != 0 && e->level == level && e->va >> shift == va >> shift &&
           (e->asid == asid || (e->attr & HAL_ATTR_GLOBAL) != 0);
}

static struct tlb_entry *tlb_set(struct sim_cpu *cpu, hal_va_t va)
{
    return cpu->tlb[va / HAL_PAGE_SIZE % TLB_SETS];
}

static struct tlb_entry *tlb_find(struct sim_cpu *cpu, hal_asid_t asid, hal_va_t va)
{
    struct tlb_entry *set = tlb_set(cpu, va);

    for (unsigned way = 0; way < TLB_WAYS; way++)
        if (entry_matches(&set[way], asid, va))
            return &set[way];
    return NULL;
}

/* ---- the walker ---- */

static hal_pte_t *table_slot(uint64_t table, hal_va_t va, unsigned level)
{
    hal_pte_t *entries = hal_pa_to_ptr(HAL_PA(table));

    return &entries[va >> (HAL_PAGE_SHIFT + HAL_PT_SHIFT * level) & (HAL_PT_ENTRIES - 1)];
}

/* The cached table of level 0 for `va`, or NULL. */
static struct walk_entry *walk_find(struct sim_cpu *cpu, hal_asid_t asid, hal_va_t va)
{
    const hal_va_t span = (hal_va_t)HAL_PAGE_SIZE * HAL_PT_ENTRIES;

    for (unsigned i = 0; i < WALK_CACHE; i++) {
        struct walk_entry *w = &cpu->walk[i];
        if (w->valid && w->asid == asid && w->va == va / span * span)
            return w;
    }
    return NULL;
}

/* Read an entry. One that was written for another level, or as something else, is where no table should be any more. */
static hal_pte_t read_slot(const hal_pte_t *slot, unsigned level)
{
    hal_pte_t pte = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

    if (pte != 0 && pte / PTE_LEVEL_FIRST != level + 1)
        sim_end(SIM_FAILED,
                "the page-table walker read what is no entry of its level: a table was freed too early");
    return pte;
}

/* The slot for `va` of level 0, or of 1 with the leaf of a block, or NULL: no table leads there. */
static hal_pte_t *walk(struct sim_cpu *cpu, hal_asid_t asid, hal_va_t va, unsigned *found)
{
    const hal_va_t span = (hal_va_t)HAL_PAGE_SIZE * HAL_PT_ENTRIES;
    const struct walk_entry *known = walk_find(cpu, asid, va);
    uint64_t table = known != NULL ? known->table : sim_token_root(cpu->token);

    *found = 0;
    if (known != NULL)
        return table_slot(table, va, 0);
    for (unsigned level = hal_info.pt_levels - 1; level > 0; level--) {
        hal_pte_t *slot = table_slot(table, va, level);
        hal_pte_t pte = read_slot(slot, level);
        *found = level;
        if (level == 1 && hal_pte_kind(pte, level) == HAL_PTE_LEAF)
            return slot;
        if (hal_pte_kind(pte, level) != HAL_PTE_TABLE)
            return NULL;
        table = hal_pte_addr(pte, level).addr;
    }
    *found = 0;
    cpu->walk[sim_below(WALK_CACHE)] = (struct walk_entry){true, asid, va / span * span, table};
    return table_slot(table, va, 0);
}

/* A TLB may not have translations of two sizes for one address: machines may abort then, or mix them up. */
static void check_sizes(const struct sim_cpu *cpu, hal_asid_t asid, hal_va_t va, unsigned level)
{
    for (unsigned i = 0; i < TLB_SETS * TLB_WAYS; i++)
        if (entry_is_near(&cpu->tlb[0][0] + i, asid, va, 1 - level))
            sim_end(
                SIM_FAILED,
                "a page and the block around it are in one TLB: a block was split, or made, without a flush");
}

/* Fill a TLB entry for `va`. Returns NULL if there is no page and that is not cached. */
static struct tlb_entry *tlb_fill(struct sim_cpu *cpu, hal_asid_t asid, hal_va_t va)
{
    unsigned level;
    hal_pte_t *slot = walk(cpu, asid, va, &level);
    hal_pte_t pte = slot != NULL ? read_slot(slot, level) : 0;
    struct tlb_entry *e = &tlb_set(cpu, va)[sim_below(TLB_WAYS)];

    if (hal_pte_kind(pte, level) == HAL_PTE_LEAF) {
        const uint64_t block = (uint64_t)HAL_PAGE_SIZE << HAL_PT_SHIFT * level;
        check_sizes(cpu, asid, va, level);
        *e = (struct tlb_entry){.valid = true,
                                .asid = asid,
                                .attr = hal_pte_attr(pte, level),
                                .va = page_of(va),
                                .pa = hal_pte_addr(pte, level).addr + page_of(va) % block,
                                .slot = slot,
                                .level = level};
        return e;
    }
    if (!sim.config.tlb_negative)
        return NULL;
    *e = (struct tlb_entry){.valid = true, .asid = asid, .va = page_of(va)};
    return e;
}

/* Set accessed or dirty, in the entry and where it was read. Returns false if the machine leaves that to a fault. */
static bool mark(struct tlb_entry *e, unsigned bit)
{
    if ((e->attr & bit) != 0)
        return true;
    if (!sim.config.hardware_ad)
        return false;
    __atomic_fetch_and(e->slot, ~((hal_pte_t)bit * PTE_ATTR_FIRST), __ATOMIC_ACQ_REL); /* negated there */
    e->attr |= bit;
    return true;
}

void *sim_translate(struct sim_cpu *cpu, hal_va_t va, unsigned access)
{
    hal_asid_t asid = token_asid(cpu->token);
    unsigned needed = HAL_ATTR_U | access; /* HAL_ACCESS_* are the bits of HAL_ATTR_R, W, X */

    _Static_assert(HAL_ACCESS_READ == HAL_ATTR_R && HAL_ACCESS_WRITE == HAL_ATTR_W &&
                       HAL_ACCESS_EXEC == HAL_ATTR_X,
                   "an access asks for its right");
    if (!HAL_USER_RANGE(va, 1) || cpu->token == 0)
        return NULL;
    struct tlb_entry *e = tlb_find(cpu, asid, va);
    if (e == NULL)
        e = tlb_fill(cpu, asid, va);
    if (e == NULL || (e->attr & needed) != needed || !mark(e, HAL_ATTR_ACCESSED) ||
        (access == HAL_ACCESS_WRITE && !mark(e, HAL_ATTR_DIRTY)))
        return NULL;
    return (char *)hal_pa_to_ptr(HAL_PA(e->pa)) + va % HAL_PAGE_SIZE;
}

void sim_tlb_evict(struct sim_cpu *cpu)
{
    cpu->tlb[sim_below(TLB_SETS)][sim_below(TLB_WAYS)].valid = false;
    cpu->walk[sim_below(WALK_CACHE)].valid = false;
}

void sim_tlb_each(uint32_t cpu, void (*visit)(const struct sim_tlb_view *entry, void *arg), void *arg)
{
    for (unsigned i = 0; i < TLB_SETS * TLB_WAYS; i++) {
        const struct tlb_entry *e = &sim.cpu[cpu].tlb[0][0] + i;
        struct sim_tlb_view view = {.va = e->va, .pa = e->pa, .asid = e->asid, .attr = e->attr};
        if (e->valid)
            visit(&view, arg);
    }
}

/* ---- flushes ---- */

static void flush_asid(struct sim_cpu *cpu, hal_asid_t asid)
{
    for (unsigned i = 0; i < TLB_SETS * TLB_WAYS; i++) {
        struct tlb_entry *e = &cpu->tlb[0][0] + i;
        if ((e->attr & HAL_ATTR_GLOBAL) == 0 && (asid == HAL_ASID_ALL || e->asid == asid))
            e->valid = false;
    }
    for (unsigned i = 0; i < WALK_CACHE; i++)
        if (asid == HAL_ASID_ALL || cpu->walk[i].asid == asid)
            cpu->walk[i].valid = false;
}

/* All of a block goes with any of its pages. */
static void flush_page(struct sim_cpu *cpu, hal_asid_t asid, hal_va_t va)
{
    struct tlb_entry *set = tlb_set(cpu, va);

    for (unsigned i = 0; i < TLB_SETS * TLB_WAYS; i++)
        if (entry_is_near(&cpu->tlb[0][0] + i, asid, va, 1))
            (&cpu->tlb[0][0] + i)->valid = false;
    for (unsigned way = 0; way < TLB_WAYS; way++)
        if (entry_matches(&set[way], asid, va))
            set[way].valid = false;
}

/* The CPUs that a flush by this one reaches: [*first, *end). */
static void flush_range(uint32_t *first, uint32_t *end)
{
    *first = sim.config.tlb_broadcast ? 0 : sim_this->index;
    *end = sim.config.tlb_broadcast ? sim.config.cpus : sim_this->index + 1;
}

static bool asid_valid(hal_asid_t asid)
{
    return asid == HAL_ASID_ALL || asid < 1u << hal_info.asid_bits;
}

void hal_tlb_flush_page(hal_asid_t asid, hal_va_t va)
{
    uint32_t first, end;

    HAL_REQUIRE(asid_valid(asid) && asid != HAL_ASID_ALL);

    sim_trace("flush page", asid, va);
    flush_range(&first, &end);
    for (uint32_t i = first; i < end; i++)
        flush_page(&sim.cpu[i], asid, va);
}

void hal_tlb_flush_asid(hal_asid_t asid)
{
    uint32_t first, end;

    HAL_REQUIRE(asid_valid(asid));

    sim_trace("flush asid", asid, 0);
    flush_range(&first, &end);
    for (uint32_t i = first; i < end; i++)
        flush_asid(&sim.cpu[i], asid);
}

/* Does memory permit more of the same page than the entry does? */
static bool outdone(const struct tlb_entry *e)
{
    const unsigned rights = HAL_ATTR_R | HAL_ATTR_W | HAL_ATTR_X | HAL_ATTR_U;
    const uint64_t block = (uint64_t)HAL_PAGE_SIZE << HAL_PT_SHIFT * e->level;
    hal_pte_t pte = __atomic_load_n(e->slot, __ATOMIC_ACQUIRE);

    return hal_pte_kind(pte, e->level) == HAL_PTE_LEAF &&
           hal_pte_addr(pte, e->level).addr + e->va % block == e->pa &&
           (e->attr & rights & ~hal_pte_attr(pte, e->level)) == 0;
}

/* Nothing more is forgotten: who needs a flush does not get it here. */
void hal_pt_publish(hal_va_t va)
{
    struct tlb_entry *set = tlb_set(sim_this, va);

    for (unsigned way = 0; way < TLB_WAYS; way++)
        if (set[way].valid && set[way].va == page_of(va) && (set[way].attr == 0 || outdone(&set[way])))
            set[way].valid = false;
}

void hal_pt_init_root(hal_pa_t root)
{
    HAL_REQUIRE(root.addr % HAL_PAGE_SIZE == 0);

    (void)root; /* users share no tree with the kernel */
}

void arch_pt_activate(uint64_t token)
{
    HAL_REQUIRE(token != 0);

    sim_trace("activate", token_asid(token), sim_token_root(token));
    sim_this->token = token;
    if (hal_info.asid_bits == 0)
        flush_asid(sim_this, HAL_ASID_ALL);
}

void hal_icache_sync(const void *p, size_t n)
{
    HAL_REQUIRE(n > 0);

    (void)p; /* instructions are fetched from memory */
    (void)n;
}

void sim_tlb_reset(struct sim_cpu *cpu)
{
    memset(cpu->tlb, 0, sizeof cpu->tlb);
    memset(cpu->walk, 0, sizeof cpu->walk);
}

/* ---- user memory ---- */

/*
 * Byte by byte, unseen by ThreadSanitizer: what users do to memory that the kernel copies is their affair.
 */
__attribute__((no_sanitize("thread"))) static void copy_bytes(volatile char *to, const volatile char *from,
                                                              size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

/* Copy between kernel memory and user memory in pieces, between which others make their steps. */
static enum hal_status copy(char *kernel, hal_va_t va, size_t n, unsigned access)
{
    if (sim_copy_fails())
        return HAL_FAULT;
    for (size_t done = 0; done < n;) {
        size_t piece = COPY_PIECE - (va + done) % COPY_PIECE;
        if (piece > n - done)
            piece = n - done;
        char *user = sim_translate(sim_this, va + done, access);
        if (user == NULL)
            return HAL_FAULT;
        if (access == HAL_ACCESS_WRITE)
            copy_bytes(user, kernel + done, piece);
        else
            copy_bytes(kernel + done, user, piece);
        done += piece;
        sim_layer_kernel_step();
    }
    return HAL_OK;
}

enum hal_status hal_copyin(void *dst, hal_va_t src, size_t n)
{
    HAL_REQUIRE(HAL_USER_RANGE(src, n));

    return copy(dst, src, n, HAL_ACCESS_READ);
}

enum hal_status hal_copyout(hal_va_t dst, const void *src, size_t n)
{
    HAL_REQUIRE(HAL_USER_RANGE(dst, n));

    return copy((char *)(uintptr_t)src, dst, n, HAL_ACCESS_WRITE);
}
