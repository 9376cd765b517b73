/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walker of page tables, and what pmap_enter(), pmap_remove() and pmap_protect() do to a leaf: walk down, and
 * write the entry.  The page gets the new entry, and no other page of the address space changes.
 */
#include <page_tables.h>
#include <vm/pmap_walk.h>

#define ROOT (root.addr / HAL_PAGE_SIZE)

/*@ requires pt_tree && pt_root(ROOT) && pt_frame(root.addr);
    requires \separated(&pt_ram[0 .. PT_FRAMES - 1][0 .. HAL_PT_ENTRIES - 1], &hal_info);
    assigns pt_ram[0 .. PT_FRAMES - 1][0 .. HAL_PT_ENTRIES - 1];
    ensures tree: pt_tree;
    ensures reached: \result <==> pt_down{Pre}(ROOT, va, 0);
    ensures set: \result ==> pt_down(ROOT, va, 0) && pt_entry(ROOT, va, 0) == pte;
    ensures frame: \forall integer a, p; 0 <= a <= UINT64_MAX && !pt_same_page(a, va) ==>
        (pt_maps(ROOT, a, p) <==> pt_maps{Pre}(ROOT, a, p));
    ensures hole: !\result ==> \forall integer f, i; 0 <= f < PT_FRAMES && 0 <= i < HAL_PT_ENTRIES ==>
        pt_ram[f][i] == \old(pt_ram[f][i]); */
bool proof_write_leaf(hal_pa_t root, hal_va_t va, hal_pte_t pte)
{
    struct pmap_path path;

    if (pmap_walk(root, va, &path) > 0)
        return false;
    /*@ assert own_3: \forall integer a; 0 <= a <= UINT64_MAX && pt_top >= 3 && pt_down(ROOT, a, 3) ==>
            pt_own(pt_table(ROOT, a, 3), 3) && (pt_top > 3 ==> pt_parent(pt_table(ROOT, a, 3)) == pt_table(ROOT, a, 4) && pt_place(pt_table(ROOT, a, 3)) == pt_index(a, 4)); */
    /*@ assert own_2: \forall integer a; 0 <= a <= UINT64_MAX && pt_down(ROOT, a, 2) ==>
            pt_own(pt_table(ROOT, a, 2), 2) && (pt_top > 2 ==> pt_parent(pt_table(ROOT, a, 2)) == pt_table(ROOT, a, 3) && pt_place(pt_table(ROOT, a, 2)) == pt_index(a, 3)); */
    /*@ assert own_1: \forall integer a; 0 <= a <= UINT64_MAX && pt_down(ROOT, a, 1) ==>
            pt_own(pt_table(ROOT, a, 1), 1) && (pt_parent(pt_table(ROOT, a, 1)) == pt_table(ROOT, a, 2) && pt_place(pt_table(ROOT, a, 1)) == pt_index(a, 2)); */
    /*@ assert own_0: \forall integer a; 0 <= a <= UINT64_MAX && pt_down(ROOT, a, 0) ==>
            pt_own(pt_table(ROOT, a, 0), 0) && (pt_parent(pt_table(ROOT, a, 0)) == pt_table(ROOT, a, 1) && pt_place(pt_table(ROOT, a, 0)) == pt_index(a, 1)); */
    /* Two ways down that meet in a table came the same way. */
    /*@ assert way_0: \forall integer a; 0 <= a <= UINT64_MAX && pt_down(ROOT, a, 0) &&
            pt_table(ROOT, a, 0) == pt_table(ROOT, va, 0) ==>
            pt_table(ROOT, a, 1) == pt_table(ROOT, va, 1) && pt_index(a, 1) == pt_index(va, 1); */
    /*@ assert way_1: \forall integer a; 0 <= a <= UINT64_MAX && pt_down(ROOT, a, 1) &&
            pt_table(ROOT, a, 1) == pt_table(ROOT, va, 1) ==>
            pt_table(ROOT, a, 2) == pt_table(ROOT, va, 2) && pt_index(a, 2) == pt_index(va, 2); */
    /*@ assert way_2: \forall integer a; 0 <= a <= UINT64_MAX && pt_top > 2 && pt_down(ROOT, a, 2) &&
            pt_table(ROOT, a, 2) == pt_table(ROOT, va, 2) ==>
            pt_table(ROOT, a, 3) == pt_table(ROOT, va, 3) && pt_index(a, 3) == pt_index(va, 3); */
    /*@ assert way_3: \forall integer a; 0 <= a <= UINT64_MAX && pt_top > 3 && pt_down(ROOT, a, 3) &&
            pt_table(ROOT, a, 3) == pt_table(ROOT, va, 3) ==>
            pt_table(ROOT, a, 4) == pt_table(ROOT, va, 4) && pt_index(a, 4) == pt_index(va, 4); */
    /*@ assert same: \forall integer a; 0 <= a <= UINT64_MAX && pt_down(ROOT, a, 0) &&
            pt_table(ROOT, a, 0) == pt_table(ROOT, va, 0) && pt_index(a, 0) == pt_index(va, 0) ==> pt_same_page(a, va); */
    pmap_slot_write(pmap_slot(path.table[0], va, 0), pte);
    /* Only the one entry changed, and no way down to a table. */
    /*@ assert above: \forall integer f, i; 0 <= f < PT_FRAMES && 0 <= i < HAL_PT_ENTRIES && pt_level(f) > 0 ==>
            pt_ram[f][i] == \at(pt_ram[f][i], Pre); */
    /*@ assert beside: \forall integer f, i; 0 <= f < PT_FRAMES && 0 <= i < HAL_PT_ENTRIES &&
            !(f == pt_table{Pre}(ROOT, va, 0) && i == pt_index(va, 0)) ==> pt_ram[f][i] == \at(pt_ram[f][i], Pre); */
    /*@ assert entry_4: \forall integer a; 0 <= a <= UINT64_MAX && pt_top >= 4 ==> pt_entry(ROOT, a, 4) == pt_entry{Pre}(ROOT, a, 4); */
    /*@ assert down_3: \forall integer a; 0 <= a <= UINT64_MAX ==> (pt_down(ROOT, a, 3) <==> pt_down{Pre}(ROOT, a, 3)); */
    /*@ assert table_3: \forall integer a; 0 <= a <= UINT64_MAX ==> pt_table(ROOT, a, 3) == pt_table{Pre}(ROOT, a, 3); */
    /*@ assert entry_3: \forall integer a; 0 <= a <= UINT64_MAX && pt_top >= 3 && pt_down{Pre}(ROOT, a, 3) ==>
            pt_entry(ROOT, a, 3) == pt_entry{Pre}(ROOT, a, 3); */
    /*@ assert down_2: \forall integer a; 0 <= a <= UINT64_MAX ==> (pt_down(ROOT, a, 2) <==> pt_down{Pre}(ROOT, a, 2)); */
    /*@ assert table_2: \forall integer a; 0 <= a <= UINT64_MAX && pt_down{Pre}(ROOT, a, 3) ==>
            pt_table(ROOT, a, 2) == pt_table{Pre}(ROOT, a, 2); */
    /*@ assert entry_2: \forall integer a; 0 <= a <= UINT64_MAX && pt_down{Pre}(ROOT, a, 2) ==>
            pt_entry(ROOT, a, 2) == pt_entry{Pre}(ROOT, a, 2); */
    /*@ assert down_1: \forall integer a; 0 <= a <= UINT64_MAX ==> (pt_down(ROOT, a, 1) <==> pt_down{Pre}(ROOT, a, 1)); */
    /*@ assert table_1: \forall integer a; 0 <= a <= UINT64_MAX && pt_down{Pre}(ROOT, a, 2) ==>
            pt_table(ROOT, a, 1) == pt_table{Pre}(ROOT, a, 1); */
    /*@ assert entry_1: \forall integer a; 0 <= a <= UINT64_MAX && pt_down{Pre}(ROOT, a, 1) ==>
            pt_entry(ROOT, a, 1) == pt_entry{Pre}(ROOT, a, 1); */
    /*@ assert down_0: \forall integer a; 0 <= a <= UINT64_MAX ==> (pt_down(ROOT, a, 0) <==> pt_down{Pre}(ROOT, a, 0)); */
    /*@ assert table_0: \forall integer a; 0 <= a <= UINT64_MAX && pt_down{Pre}(ROOT, a, 1) ==>
            pt_table(ROOT, a, 0) == pt_table{Pre}(ROOT, a, 0); */
    return true;
}
