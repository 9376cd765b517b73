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

#define HAL_ATTR_BIT(attr, flag) ((attr) / (flag) % 2) /* 0 or 1 */

/* Is an address aligned to what one entry at `level` covers? */
#define HAL_PT_ALIGNED(address, level)                                                                       \
    ((level) == 0   ? (address) % 0x1000 == 0                                                                \
     : (level) == 1 ? (address) % 0x200000 == 0                                                              \
     : (level) == 2 ? (address) % 0x40000000 == 0                                                            \
     : (level) == 3 ? (address) % 0x8000000000 == 0                                                          \
                    : (address) == 0)
/*@ predicate hal_l_attr_bits(integer a) = a == HAL_ATTR_BIT(a, 1) + 2 * HAL_ATTR_BIT(a, 2) +
        4 * HAL_ATTR_BIT(a, 4) + 8 * HAL_ATTR_BIT(a, 8) + 16 * HAL_ATTR_BIT(a, 16) + 32 * HAL_ATTR_BIT(a, 32) +
        64 * HAL_ATTR_BIT(a, 64) + 128 * HAL_ATTR_BIT(a, 128);

    // tests/proof/bits/hal_attr_bits.smt2
    axiomatic Hal_attr_bits {
      axiom hal_attr_bits: \forall integer a; 0 <= a <= HAL_ATTR_ALL ==> hal_l_attr_bits(a);
    } */

#define HAL_PA_LIMIT 0x1000000000000 /* physical addresses have at most 48 bits */

/*
 * What an entry says, as mathematics.  Nothing is known of these functions here, so what is proved of
 * vm/pmap.c holds for every ISA.  Where an ISA's codec is proved, HAL_PTE_MODEL names a file that defines them
 * by its manual.
 */
#ifdef HAL_PTE_MODEL
#include HAL_PTE_MODEL
#else
/*@ axiomatic Hal_pte {
      logic integer hal_l_kind(integer pte, integer level);
      logic integer hal_l_addr(integer pte, integer level);
      logic integer hal_l_attr(integer pte, integer level);
    } */
#endif

#ifdef __FRAMAC__
#define HAL_PTE_KIND(pte, level) hal_l_kind(pte, level)
#define HAL_PTE_ADDR(pte, level) hal_l_addr(pte, level)
#define HAL_PTE_ATTR(pte, level) hal_l_attr(pte, level)
#else
#define HAL_PTE_KIND(pte, level) hal_pte_kind(pte, level)
#define HAL_PTE_ADDR(pte, level) hal_pte_addr(pte, level).addr
#define HAL_PTE_ATTR(pte, level) hal_pte_attr(pte, level)
#endif

#define PRE_hal_pte_leaf(pa, attr, level)                                                                    \
    ((level) < HAL_PT_MAX_LEVELS && HAL_PT_ALIGNED((pa).addr, level) && (pa).addr < HAL_PA_LIMIT &&          \
     (attr) <= HAL_ATTR_ALL && HAL_ATTR_BIT(attr, HAL_ATTR_R) == 1 &&                                        \
     HAL_ATTR_BIT(attr, HAL_ATTR_W) + HAL_ATTR_BIT(attr, HAL_ATTR_X) <= 1)

#define POST_hal_pte_leaf(pte, pa, attr, level)                                                              \
    (HAL_PTE_KIND(pte, level) == HAL_PTE_LEAF && HAL_PTE_ADDR(pte, level) == (pa).addr &&                    \
     HAL_PTE_ATTR(pte, level) == (attr))

/*
 * Encode a leaf at `level` that maps the aligned block at `pa`.
 * Context: any. Bit `level` of hal_info.leaf_levels is set; pa is aligned to the block and below 2^48; attr has
 * R, not both W and X.  On an ISA without accessed/dirty bits of its own, ACCESSED and DIRTY are encoded so that
 * hal_pte_attr() returns them and a first access or write faults until they are set.  The address is in bits of its
 * own: attr changes others, and what it changes does not depend on pa.
 */
/*@ requires PRE_hal_pte_leaf(pa, attr, level); assigns \nothing;
    ensures decodes: POST_hal_pte_leaf(\result, pa, attr, level); */
static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level);

#define PRE_hal_pte_table(pa, level)                                                                         \
    (1 <= (level) && (level) < HAL_PT_MAX_LEVELS && (pa).addr % HAL_PAGE_SIZE == 0 &&                        \
     (pa).addr < HAL_PA_LIMIT)

#define POST_hal_pte_table(pte, pa, level)                                                                   \
    (HAL_PTE_KIND(pte, level) == HAL_PTE_TABLE && HAL_PTE_ADDR(pte, level) == (pa).addr)

/* Encode a pointer at `level` (>= 1) to the table at `pa`, which serves level - 1. Context: any. pa below 2^48. */
/*@ requires PRE_hal_pte_table(pa, level); assigns \nothing;
    ensures decodes: POST_hal_pte_table(\result, pa, level); */
static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level);

#define PRE_hal_pte_kind(pte, level) ((level) < HAL_PT_MAX_LEVELS)

/* What an entry found at `level` is. Context: any. */
/*@ requires PRE_hal_pte_kind(pte, level); assigns \nothing;
    ensures kind: \result == hal_l_kind(pte, level);
    ensures hole: pte == 0 ==> \result == HAL_PTE_HOLE;
    ensures level_0: level == 0 ==> \result != HAL_PTE_TABLE; */
static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level);

/* The physical address in a table or leaf entry. Context: any. */
#define PRE_hal_pte_addr(pte, level) ((level) < HAL_PT_MAX_LEVELS && HAL_PTE_KIND(pte, level) != HAL_PTE_HOLE)
/*@ requires PRE_hal_pte_addr(pte, level); assigns \nothing;
    ensures addr: \result.addr == hal_l_addr(pte, level);
    ensures range: \result.addr % HAL_PAGE_SIZE == 0; */
static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level);

/* The attributes of a leaf. Context: any. */
#define PRE_hal_pte_attr(pte, level) ((level) < HAL_PT_MAX_LEVELS && HAL_PTE_KIND(pte, level) == HAL_PTE_LEAF)
/*@ requires PRE_hal_pte_attr(pte, level); assigns \nothing;
    ensures attr: \result == hal_l_attr(pte, level);
    ensures range: \result <= HAL_ATTR_ALL; */
static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level);

#include <arch/pte.h>

#endif
