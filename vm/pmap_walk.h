/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk down page tables: which entry of which table serves an address.  Apart from pmap.c because it is proved
 * (tests/proof): over a model of RAM as an array of tables, pt_ram, and for every ISA's entries.
 */
#ifndef VM_PMAP_WALK_H
#define VM_PMAP_WALK_H

#include <hal/hal.h>

/* The tables that lead to an address: table[l] is valid for l >= the level that pmap_walk() returned. */
struct pmap_path {
    hal_pte_t *table[HAL_PT_MAX_LEVELS];
};

/* The table at `pa`. */
/*@ requires pt_frame(pa.addr); assigns \nothing; ensures \result == &pt_ram[pa.addr / HAL_PAGE_SIZE][0]; */
static inline hal_pte_t *pmap_table(hal_pa_t pa)
{
    return hal_pa_to_ptr(pa);
}

/* The entry for `va` in a table of `level`. */
/*@ requires level < HAL_PT_MAX_LEVELS; assigns \nothing; ensures \result == table + pt_index(va, level); */
static inline hal_pte_t *pmap_slot(hal_pte_t *table, hal_va_t va, unsigned level)
{
    return &table[va >> (HAL_PAGE_SHIFT + HAL_PT_SHIFT * level) & (HAL_PT_ENTRIES - 1)];
}

/* release: the walker of another CPU that finds a table finds it zeroed */
/*@ requires \valid(slot); assigns *slot; ensures *slot == pte; */
static inline void pmap_slot_write(hal_pte_t *slot, hal_pte_t pte)
{
    __atomic_store_n(slot, pte, __ATOMIC_RELEASE);
}

/* Go down from `root` to the lowest table that covers `va`. Returns its level: 0 unless there is a hole above. */
/*@ requires pt_tree && pt_root(root.addr / HAL_PAGE_SIZE) && pt_frame(root.addr) && \valid(path);
    requires \separated(path, &hal_info, &pt_ram[0 .. PT_FRAMES - 1][0 .. HAL_PT_ENTRIES - 1]);
    assigns path->table[0 .. HAL_PT_MAX_LEVELS - 1];
    ensures level: \result <= pt_top;
    ensures tables: \forall integer l; \result <= l <= pt_top ==>
        path->table[l] == &pt_ram[pt_table(root.addr / HAL_PAGE_SIZE, va, l)][0];
    ensures down: \forall integer l; \result < l <= pt_top ==>
        hal_l_kind(pt_entry(root.addr / HAL_PAGE_SIZE, va, l), l) == HAL_PTE_TABLE;
    ensures lowest: \result > 0 ==>
        hal_l_kind(pt_entry(root.addr / HAL_PAGE_SIZE, va, \result), \result) != HAL_PTE_TABLE;
    ensures own: 0 <= pt_table(root.addr / HAL_PAGE_SIZE, va, \result) < PT_FRAMES &&
        pt_level(pt_table(root.addr / HAL_PAGE_SIZE, va, \result)) == \result; */
static inline unsigned pmap_walk(hal_pa_t root, hal_va_t va, struct pmap_path *path)
{
    unsigned level = hal_info.pt_levels - 1;
    hal_pte_t *table = pmap_table(root);

    /*@ loop invariant level: 0 <= level <= pt_top;
        loop invariant table: table == &pt_ram[pt_table(root.addr / HAL_PAGE_SIZE, va, level)][0];
        loop invariant frame: 0 <= pt_table(root.addr / HAL_PAGE_SIZE, va, level) < PT_FRAMES &&
            pt_level(pt_table(root.addr / HAL_PAGE_SIZE, va, level)) == level;
        loop invariant above: \forall integer l; level < l <= pt_top ==>
            path->table[l] == &pt_ram[pt_table(root.addr / HAL_PAGE_SIZE, va, l)][0] &&
            hal_l_kind(pt_entry(root.addr / HAL_PAGE_SIZE, va, l), l) == HAL_PTE_TABLE;
        loop assigns level, table, path->table[0 .. HAL_PT_MAX_LEVELS - 1];
        loop variant level; */
    for (;;) {
        path->table[level] = table;
        if (level == 0)
            return 0;
        hal_pte_t pte = *pmap_slot(table, va, level);
        if (hal_pte_kind(pte, level) != HAL_PTE_TABLE)
            return level;
        table = pmap_table(hal_pte_addr(pte, level));
        level--;
    }
}

#endif
