/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of page tables, address-space identifiers and TLBs: nobody can do more than the maps allow. */
#include <inttypes.h>
#include <mach/vm_param.h>
#include <sim/sim.h>

#include "audit_i.h"

#define RIGHTS (HAL_ATTR_W | HAL_ATTR_X)

/* One address space that is being looked at. */
struct pmap_walk {
    const struct pmap *pmap;
    const struct vm_map *map;
    const struct list *entry; /* the entry that the walk has come to */
    uint64_t tables;
    uint64_t leaves;
    uint64_t blocks;
    bool last; /* the table that the pmap keeps was seen */
};

/* --- page tables --- */

/* The entry that contains va; addresses come in ascending order. */
static const struct vm_map_entry *walk_entry(struct pmap_walk *walk, hal_va_t va)
{
    while (walk->entry != &walk->map->entries) {
        const struct vm_map_entry *entry = CONTAINER_OF(walk->entry, struct vm_map_entry, link);
        if (va < entry->end)
            return va >= entry->start ? entry : NULL;
        walk->entry = walk->entry->next;
    }
    return NULL;
}

/* Is that where the object has its page `index`? *own, *writable: as audit_object_page() says. */
static bool check_page(const struct vm_object *object, uint64_t index, hal_pa_t pa, bool *own, bool *writable)
{
    if (vm_object_is_physical(object))
        return pa.addr == object->base.addr + (index << PAGE_SHIFT);
    const struct vm_page *page = audit_object_page(object, index, own, writable);
    return page != NULL && hal_ptr_to_pa(vm_page_address(page)).addr == pa.addr;
}

/* A page at `va`, which is mapped to `pa`. */
static void check_leaf(struct pmap_walk *walk, hal_va_t va, hal_pa_t pa, unsigned attr)
{
    const struct vm_map_entry *entry = walk_entry(walk, va);

    AUDIT(entry != NULL && entry->object != NULL, "pte-entry", walk->pmap,
          "0x%" PRIx64 " is mapped, not allocated", va);
    AUDIT(entry->mapped, "pte-mapped", entry, "says that nothing is mapped, and 0x%" PRIx64 " is", va);
    bool own = true, writable = true;
    const uint64_t index = (entry->offset + (va - entry->start)) >> PAGE_SHIFT;
    AUDIT(entry->object->kind == VM_OBJECT_DEVICE || (attr & HAL_ATTR_DEVICE) == 0, "pte-device", walk->pmap,
          "0x%" PRIx64 " is mapped with attributes 0x%x, its memory is of kind %u", va, attr,
          entry->object->kind);
    AUDIT(check_page(entry->object, index, pa, &own, &writable), "pte-page", walk->pmap,
          "0x%" PRIx64 " is mapped to 0x%" PRIx64, va, pa.addr);
    AUDIT((attr & HAL_ATTR_W) == 0 || (own && writable), "pte-shared", walk->pmap,
          "0x%" PRIx64 " is mapped writable: own page %u, counts as writable %u", va, own, writable);
    bool write = (entry->protection & VM_PROT_WRITE) != 0,
         execute = (entry->protection & VM_PROT_EXECUTE) != 0;
    AUDIT((write || (attr & HAL_ATTR_W) == 0) && (execute || (attr & HAL_ATTR_X) == 0) &&
              (entry->protection != VM_PROT_NONE) && (attr & HAL_ATTR_U) != 0,
          "pte-rights", walk->pmap, "0x%" PRIx64 " is mapped with attributes 0x%x, protection is %u", va,
          attr, entry->protection);
    walk->leaves++;
}

/* A leaf at `level`: a page, or a block, whose table to be split is among the spare ones (check_spare()). */
static void check_leaves(struct pmap_walk *walk, hal_va_t va, hal_pte_t pte, unsigned level)
{
    const uint64_t size = (uint64_t)HAL_PAGE_SIZE << HAL_PT_SHIFT * level;

    AUDIT(level <= 1, "pte-level", walk->pmap, "0x%" PRIx64 " is mapped by a leaf at level %u", va, level);
    for (uint64_t at = 0; at < size; at += HAL_PAGE_SIZE)
        check_leaf(walk, va + at, HAL_PA(hal_pte_addr(pte, level).addr + at), hal_pte_attr(pte, level));
}

/* A table of level 1 keeps an empty table for each block that it maps. */
static void check_spare(struct pmap_walk *walk, const struct vm_page *page, uint32_t blocks)
{
    AUDIT_LIST(node, &page->link)
    {
        const struct vm_page *spare = CONTAINER_OF(node, struct vm_page, link);
        audit_own_pages(vm_page_address(spare), 0, "spare page table");
        AUDIT(spare->entries == 0, "spare-empty", walk->pmap, "a spare table has %u entries", spare->entries);
        walk->tables++;
        walk->blocks++;
        blocks--;
    }
    AUDIT(blocks == 0, "spare-count", walk->pmap, "%d more blocks than spare tables", (int)blocks);
}

static void check_table(struct pmap_walk *walk, hal_pa_t pa, unsigned level, hal_va_t first)
{
    const hal_pte_t *table = hal_pa_to_ptr(pa);
    unsigned shift = HAL_PAGE_SHIFT + HAL_PT_SHIFT * level;
    uint32_t entries = 0;
    uint32_t blocks = 0;

    audit_own_pages(table, 0, "page table");
    walk->tables++;
    if (table == walk->pmap->last.table)
        walk->last = level == 0 && walk->pmap->last.page == audit_page(table, walk->pmap) &&
                     walk->pmap->last.number == first >> (HAL_PAGE_SHIFT + HAL_PT_SHIFT);
    for (unsigned i = 0; i < HAL_PT_ENTRIES; i++) {
        hal_va_t va = first + ((hal_va_t)i << shift);
        if (hal_pte_kind(table[i], level) == HAL_PTE_HOLE)
            continue;
        entries++;
        AUDIT(va >> shift <= (hal_info.user_limit - 1) >> shift, "pte-range", walk->pmap,
              "0x%" PRIx64 " is mapped, beyond user space", va);
        const bool leaf = hal_pte_kind(table[i], level) == HAL_PTE_LEAF;
        blocks += leaf && level == 1;
        if (leaf)
            check_leaves(walk, va, table[i], level);
        else
            check_table(walk, hal_pte_addr(table[i], level), level - 1, va);
    }
    const struct vm_page *page = audit_page(table, walk->pmap);
    if (level == 1)
        check_spare(walk, page, blocks);
    AUDIT(page->entries == entries, "table-entries", table, "level %u: %u entries, counted %u", level,
          entries, page->entries);
    AUDIT(entries > 0 || level == hal_info.pt_levels - 1, "table-empty", table, "level %u: no entries",
          level);
}

static uint64_t check_tables(const struct vm_map *map)
{
    struct pmap_walk walk = {.pmap = map->pmap, .map = map, .entry = map->entries.next};

    check_table(&walk, map->pmap->root, hal_info.pt_levels - 1, 0);
    AUDIT(walk.last || walk.pmap->last.table == NULL, "pmap-last", map->pmap,
          "keeps %p for table number %" PRIu64, (const void *)walk.pmap->last.table, walk.pmap->last.number);
    AUDIT(walk.tables == map->pmap->tables, "pmap-tables", map->pmap, "%" PRIu64 " tables, counted %" PRIu64,
          walk.tables, map->pmap->tables);
    AUDIT(walk.blocks == map->pmap->blocks, "pmap-blocks", map->pmap, "%" PRIu64 " blocks, counted %" PRIu64,
          walk.blocks, map->pmap->blocks);
    AUDIT(walk.leaves == map->pmap->resident, "pmap-resident", map->pmap,
          "%" PRIu64 " pages, counted %" PRIu64, walk.leaves, map->pmap->resident);
    return walk.tables;
}

/* --- address-space identifiers --- */

static const struct pmap *pmap_next(const struct list **node)
{
    const struct list *here = *node;

    if (here == &asid_pmaps)
        return NULL;
    *node = here->next;
    return CONTAINER_OF(here, const struct pmap, link);
}

static void check_token(const struct pmap *pmap)
{
    const struct pmap *other;

    if (pmap->token == 0)
        return;
    AUDIT(pmap->token == hal_pt_token(pmap->root, (hal_asid_t)pmap->asid), "asid-token", pmap,
          "token 0x%" PRIx64 " is not for its root and ASID %u", pmap->token, pmap->asid);
    if (hal_info.asid_bits == 0)
        return;
    AUDIT(pmap->asid > 0 && pmap->asid < asid_limit, "asid-range", pmap, "ASID %u", pmap->asid);
    for (const struct list *node = asid_pmaps.next; (other = pmap_next(&node)) != NULL;)
        AUDIT(other == pmap || other->token == 0 || other->asid != pmap->asid, "asid-unique", pmap,
              "ASID %u, and so has pmap %p", pmap->asid, (const void *)other);
}

static void check_asids(void)
{
    uint32_t count = 0;

    AUDIT_LIST(node, &asid_pmaps)
    {
        const struct pmap *pmap = CONTAINER_OF(node, struct pmap, link);
        (void)audit_object(AUDIT_PMAP, pmap, &asid_pmaps);
        check_token(pmap);
        count++;
    }
    AUDIT(count == audit_objects(AUDIT_PMAP)->count, "asid-list", &asid_pmaps, "%u pmaps of %zu", count,
          audit_objects(AUDIT_PMAP)->count);
}

/* --- what CPUs use --- */

static void check_active(uint32_t index)
{
    const struct cpu *cpu = cpu_table[index];
    struct sim_cpu_view view = sim_cpu_view(index);

    if (view.mode == SIM_CPU_OFF || view.token == 0)
        return;
    if (cpu->pmap == NULL) {
        AUDIT(view.token == pmap_kernel_token, "cpu-token", cpu,
              "CPU %u uses token 0x%" PRIx64 " and no pmap", index, view.token);
        return;
    }
    (void)audit_object(AUDIT_PMAP, cpu->pmap, cpu);
    AUDIT(view.token == cpu->pmap->token, "cpu-token", cpu,
          "CPU %u uses token 0x%" PRIx64 ", its pmap has 0x%" PRIx64, index, view.token, cpu->pmap->token);
    AUDIT((cpu->pmap->cpus >> index & 1) != 0, "cpu-mask", cpu->pmap, "CPU %u uses it and is not in its mask",
          index);
}

/* What maps `va`, as a leaf of level 0; or 0. */
static hal_pte_t leaf_of(const struct pmap *pmap, hal_va_t va)
{
    hal_pa_t table = pmap->root;

    for (unsigned level = hal_info.pt_levels - 1;; level--) {
        unsigned shift = HAL_PAGE_SHIFT + HAL_PT_SHIFT * level;
        hal_pte_t pte = ((const hal_pte_t *)hal_pa_to_ptr(table))[va >> shift & (HAL_PT_ENTRIES - 1)];
        if (level == 1 && hal_pte_kind(pte, level) == HAL_PTE_LEAF) {
            const uint64_t inside = va % PMAP_BLOCK_SIZE - va % HAL_PAGE_SIZE;
            return hal_pte_leaf(HAL_PA(hal_pte_addr(pte, 1).addr + inside), hal_pte_attr(pte, 1), 0);
        }
        if (level == 0)
            return pte;
        if (hal_pte_kind(pte, level) != HAL_PTE_TABLE)
            return 0;
        table = hal_pte_addr(pte, level);
    }
}

/* The pmap that the ASID means on this CPU now; NULL: none, and what the TLB has of it is used by nobody. */
static const struct pmap *asid_pmap(uint32_t cpu, uint16_t asid)
{
    const struct pmap *pmap;

    if (hal_info.asid_bits == 0)
        return cpu_table[cpu]->pmap;
    for (const struct list *node = asid_pmaps.next; (pmap = pmap_next(&node)) != NULL;) {
        if (pmap->token != 0 && pmap->asid == asid && (pmap->cpus >> cpu & 1) != 0)
            return pmap;
    }
    return NULL;
}

static void check_tlb_entry(const struct sim_tlb_view *entry, void *arg)
{
    uint32_t cpu = *(const uint32_t *)arg;
    const struct pmap *pmap = asid_pmap(cpu, entry->asid);

    if (pmap == NULL || entry->attr == 0)
        return;
    hal_pte_t pte = leaf_of(pmap, entry->va);
    bool leaf = hal_pte_kind(pte, 0) == HAL_PTE_LEAF;
    AUDIT(leaf && hal_pte_addr(pte, 0).addr == entry->pa, "tlb-page", pmap,
          "CPU %u maps 0x%" PRIx64 " to 0x%" PRIx64 ", the page table does not", cpu, entry->va, entry->pa);
    AUDIT((entry->attr & RIGHTS & ~hal_pte_attr(pte, 0)) == 0, "tlb-rights", pmap,
          "CPU %u has attributes 0x%x for 0x%" PRIx64 ", the page table 0x%x", cpu, entry->attr, entry->va,
          hal_pte_attr(pte, 0));
}

void audit_pmaps(void)
{
    uint64_t tables = 0;
    int64_t counted = 0;

    check_asids();
    audit_own_pages(hal_pa_to_ptr(HAL_PA(sim_token_root(pmap_kernel_token))), 0, "root without user memory");
    AUDIT_EACH(map, AUDIT_MAP)
    tables += check_tables((const void *)map->address);
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        counted += vm_stat_cpu[i].value[VM_STAT_TABLE_PAGES];
        check_active(i);
        sim_tlb_each(i, check_tlb_entry, &i);
    }
    AUDIT((int64_t)tables == counted, "stat-tables", vm_stat_cpu, "%" PRIu64 " page tables, counted %" PRId64,
          tables, counted);
}
