/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables in a model of RAM: frame f is pt_ram[f].  The tables of one address space form a tree; pt_level(f) is
 * the level of the one in frame f (-1: none), pt_parent(f) and pt_place(f) tell which entry leads to it.  These
 * three are arbitrary: what is proved holds for every tree.
 */
#ifndef PROOF_PAGE_TABLES_H
#define PROOF_PAGE_TABLES_H

#include <hal/hal.h>

#define PT_FRAMES 0x100000

extern hal_pte_t pt_ram[PT_FRAMES][HAL_PT_ENTRIES];

/*@ predicate pt_frame(integer pa) = 0 <= pa && pa % HAL_PAGE_SIZE == 0 && pa / HAL_PAGE_SIZE < PT_FRAMES;

    axiomatic Pt_tree {
      logic integer pt_level(integer f);
      logic integer pt_parent(integer f);
      logic integer pt_place(integer f);
    }

    logic integer pt_top{L} = hal_info.pt_levels - 1;
    logic integer pt_index(integer va, integer level) = (va >> (12 + 9 * level)) & 511;

    predicate pt_child(integer f, integer i, integer pte, integer level) =
      pt_frame(hal_l_addr(pte, level)) &&
      pt_level(hal_l_addr(pte, level) / HAL_PAGE_SIZE) == level - 1 &&
      pt_parent(hal_l_addr(pte, level) / HAL_PAGE_SIZE) == f &&
      pt_place(hal_l_addr(pte, level) / HAL_PAGE_SIZE) == i;

    // Every table entry of a table leads to a table of the level below, and no two to the same.
    predicate pt_tree{L} = \forall integer f, i; 0 <= f < PT_FRAMES && 0 <= i < HAL_PT_ENTRIES &&
      0 < pt_level(f) < HAL_PT_MAX_LEVELS && hal_l_kind(pt_ram[f][i], pt_level(f)) == HAL_PTE_TABLE ==>
        pt_child(f, i, pt_ram[f][i], pt_level(f));

    predicate pt_root{L}(integer f) = 0 <= f < PT_FRAMES && pt_level(f) == pt_top && 2 <= pt_top < HAL_PT_MAX_LEVELS;

    // The frame of the table that serves va at a level, if all entries above lead to tables.
    logic integer pt_table{L}(integer root, integer va, integer l) =
      l >= pt_top ? root :
        hal_l_addr(pt_ram[pt_table(root, va, l + 1)][pt_index(va, l + 1)], l + 1) / HAL_PAGE_SIZE;
    logic integer pt_entry{L}(integer root, integer va, integer l) = pt_ram[pt_table(root, va, l)][pt_index(va, l)];

    // All entries for va above a level lead to tables.
    predicate pt_down{L}(integer root, integer va, integer l) = \forall integer k; l < k <= pt_top ==>
      hal_l_kind(pt_entry(root, va, k), k) == HAL_PTE_TABLE;
    predicate pt_maps{L}(integer root, integer va, integer pte) =
      pt_down(root, va, 0) && hal_l_kind(pte, 0) == HAL_PTE_LEAF && pt_entry(root, va, 0) == pte;

    predicate pt_own(integer f, integer l) = 0 <= f < PT_FRAMES && pt_level(f) == l;

    // Do the same entries serve both addresses?
    predicate pt_same_page{L}(integer a, integer b) =
      \forall integer l; 0 <= l <= pt_top ==> pt_index(a, l) == pt_index(b, l);

    lemma pt_down_step{L}: \forall integer root, va, l; l < pt_top ==> (pt_down(root, va, l) <==>
      pt_down(root, va, l + 1) && hal_l_kind(pt_entry(root, va, l + 1), l + 1) == HAL_PTE_TABLE);
    lemma pt_down_all{L}: \forall integer root, va, l; l >= pt_top ==> pt_down(root, va, l);

    // bits/pt_index_range.smt2
    axiomatic Pt_index {
      axiom pt_index_range: \forall integer va, l; 0 <= va <= UINT64_MAX && 0 <= l < HAL_PT_MAX_LEVELS ==>
        0 <= pt_index(va, l) < HAL_PT_ENTRIES;
    }
  */

#endif
