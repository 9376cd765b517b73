/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table entry codec: pure functions, decode(encode(x)) = x.  vm/pmap.c walks and edits the page
 * tables of every ISA with them.  Level 0 holds 4 KiB leaves; a table at level l has HAL_PT_ENTRIES entries of
 * 2^(12 + 9 l) bytes each.  An all-zero entry is a hole at every level.
 */
#ifndef HAL_PTE_H
#define HAL_PTE_H

#include <hal/types.h>

#define HAL_ATTR_R 1u       /* readable; every leaf has it */
#define HAL_ATTR_W 2u       /* writable; never together with X */
#define HAL_ATTR_X 4u       /* executable (by the user if U, else by the kernel) */
#define HAL_ATTR_U 8u       /* user page; without it a kernel page */
#define HAL_ATTR_GLOBAL 16u /* the same in all address spaces */
#define HAL_ATTR_DEVICE 32u /* uncached, strongly ordered */
#define HAL_ATTR_ACCESSED 64u
#define HAL_ATTR_DIRTY 128u
#define HAL_ATTR_ALL 255u

enum hal_pte_kind { HAL_PTE_HOLE, HAL_PTE_TABLE, HAL_PTE_LEAF };

#define PRE_hal_pte_leaf(pa, attr, level)                                                                    \
    ((pa).addr % 4096 == 0 && (attr) <= HAL_ATTR_ALL && ((attr) & HAL_ATTR_R) != 0 &&                        \
     ((attr) & (HAL_ATTR_W | HAL_ATTR_X)) != (HAL_ATTR_W | HAL_ATTR_X) && (level) < HAL_PT_MAX_LEVELS)

/*@ axiomatic Hal_pte {
      logic integer hal_l_kind(integer pte, integer level);
      logic integer hal_l_addr(integer pte, integer level);
      logic integer hal_l_attr(integer pte, integer level);
    } */

/*
 * Encode a leaf at `level` that maps the aligned block at `pa`.
 * Context: any. Bit `level` of hal_info.leaf_levels is set; pa is aligned to the block and below 2^48; attr has
 * R, not both W and X.  On an ISA without accessed/dirty bits of its own, ACCESSED and DIRTY are encoded so that
 * hal_pte_attr() returns them and a first access or write faults until they are set.
 */
/*@ requires PRE_hal_pte_leaf(pa, attr, level); assigns \nothing;
    ensures hal_l_kind(\result, level) == HAL_PTE_LEAF && hal_l_addr(\result, level) == pa.addr
         && hal_l_attr(\result, level) == attr; */
static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level);

/* Encode a pointer at `level` (>= 1) to the table at `pa`, which serves level - 1. */
/*@ requires pa.addr % 4096 == 0 && 1 <= level < HAL_PT_MAX_LEVELS; assigns \nothing;
    ensures hal_l_kind(\result, level) == HAL_PTE_TABLE && hal_l_addr(\result, level) == pa.addr; */
static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level);

/* What an entry found at `level` is. */
/*@ requires level < HAL_PT_MAX_LEVELS; assigns \nothing;
    ensures \result == hal_l_kind(pte, level); ensures pte == 0 ==> \result == HAL_PTE_HOLE; */
static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level);

/* The physical address in a table or leaf entry. */
/*@ requires hal_l_kind(pte, level) != HAL_PTE_HOLE; assigns \nothing; ensures \result.addr == hal_l_addr(pte, level); */
static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level);

/* The attributes of a leaf. */
/*@ requires hal_l_kind(pte, level) == HAL_PTE_LEAF; assigns \nothing; ensures \result == hal_l_attr(pte, level); */
static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level);

#include <arch/pte.h>

#endif
