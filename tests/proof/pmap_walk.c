/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walker of page tables, and what pmap_enter(), pmap_remove() and pmap_protect() do to a leaf: walk down, and
 * write the entry.  The page gets the new entry, and no other page of the address space changes.
 */
#include <page_tables.h>
#include <vm/pmap_walk.h>

/*@ requires pt_tree && pt_root(root.addr / HAL_PAGE_SIZE) && pt_frame(root.addr);
    requires \separated(&pt_ram[0 .. PT_FRAMES - 1][0 .. HAL_PT_ENTRIES - 1], &hal_info);
    assigns pt_ram[0 .. PT_FRAMES - 1][0 .. HAL_PT_ENTRIES - 1];
    ensures tree: pt_tree;
    ensures reached: \result <==> pt_reached{Pre}(root.addr / HAL_PAGE_SIZE, va);
    ensures set: \result ==> pt_reached(root.addr / HAL_PAGE_SIZE, va) && pt_entry(root.addr / HAL_PAGE_SIZE, va, 0) == pte;
    ensures frame: \forall integer a, p; 0 <= a && !pt_same_page(a, va) ==>
        (pt_maps(root.addr / HAL_PAGE_SIZE, a, p) <==> pt_maps{Pre}(root.addr / HAL_PAGE_SIZE, a, p));
    ensures hole: !\result ==> \forall integer f, i; 0 <= f < PT_FRAMES && 0 <= i < HAL_PT_ENTRIES ==>
        pt_ram[f][i] == \old(pt_ram[f][i]); */
bool proof_write_leaf(hal_pa_t root, hal_va_t va, hal_pte_t pte)
{
    struct pmap_path path;

    if (pmap_walk(root, va, &path) > 0)
        return false;
    pmap_slot_write(pmap_slot(path.table[0], va, 0), pte);
    /*@ assert above: \forall integer f, i; 0 <= f < PT_FRAMES && 0 <= i < HAL_PT_ENTRIES && pt_level(f) > 0 ==>
            pt_ram[f][i] == \at(pt_ram[f][i], Pre); */
    /*@ assert table_4: \forall integer a; pt_table(root.addr / HAL_PAGE_SIZE, a, 4) ==
            pt_table{Pre}(root.addr / HAL_PAGE_SIZE, a, 4); */
    /*@ assert table_3: \forall integer a; pt_table(root.addr / HAL_PAGE_SIZE, a, 3) ==
            pt_table{Pre}(root.addr / HAL_PAGE_SIZE, a, 3); */
    return true;
}
