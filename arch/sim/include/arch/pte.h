/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries of the simulated MMU.  Bits 0-1: kind; 2-9: the attributes, negated, so that an entry whose bits get
 * lost maps more than it should and is noticed; 12-47: address; 56-63: level + 1, which the walker checks.
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include <hal/types.h>

#define PTE_KIND 0x3ull /* enum hal_pte_kind */
#define PTE_ATTR_SHIFT 2
#define PTE_ADDRESS 0xfffffffff000ull
#define PTE_LEVEL_SHIFT 56

static inline hal_pte_t arch_pte(enum hal_pte_kind kind, hal_pa_t pa, unsigned attr, unsigned level)
{
    return (uint64_t)(level + 1) << PTE_LEVEL_SHIFT | pa.addr |
           (uint64_t)(~attr & HAL_ATTR_ALL) << PTE_ATTR_SHIFT | (uint64_t)kind;
}

static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    return arch_pte(HAL_PTE_LEAF, pa, attr, level);
}

static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level)
{
    return arch_pte(HAL_PTE_TABLE, pa, 0, level);
}

static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level)
{
    (void)level;
    return (enum hal_pte_kind)(pte & PTE_KIND);
}

static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_PA(pte & PTE_ADDRESS);
}

static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return (unsigned)(~pte >> PTE_ATTR_SHIFT) & HAL_ATTR_ALL;
}

#endif
