/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries of Sv39/Sv48.  The common attributes stand in the order of the architecture's bits, so
 * most of the codec is shifts.  DEVICE is a software bit: which addresses are I/O is a physical attribute here, and
 * the bit only lets hal_pte_attr() return it.  A and D work for both kinds of machine: those that set
 * them (Svadu) and those that fault while they are clear (Svade).
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include <hal/types.h>

#define PTE_V 0x1ull
#define PTE_RWX 0xeull
#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK 0xfffffffffffull /* 44 bits */

/* R W X U G: from bit 0 to bit 1. ACCESSED DIRTY: bits 6 and 7 in both. DEVICE: from bit 5 to bit 8. */
#define PTE_ATTR_RWXUG 0x1fu
#define PTE_ATTR_AD 0xc0u
#define PTE_ATTR_DEVICE 0x20u

_Static_assert(HAL_ATTR_R == 1 && HAL_ATTR_W == 2 && HAL_ATTR_X == 4 && HAL_ATTR_U == 8 &&
                   HAL_ATTR_GLOBAL == 16 && HAL_ATTR_DEVICE == 32 && HAL_ATTR_ACCESSED == 64 &&
                   HAL_ATTR_DIRTY == 128,
               "the codec relies on the order");

static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    (void)level;
    return pa.addr >> HAL_PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V | (uint64_t)(attr & PTE_ATTR_RWXUG) << 1 |
           (attr & PTE_ATTR_AD) | (uint64_t)(attr & PTE_ATTR_DEVICE) << 3;
}

static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level)
{
    (void)level;
    return pa.addr >> HAL_PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V;
}

static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level)
{
    (void)level;
    if ((pte & PTE_V) == 0)
        return HAL_PTE_HOLE;
    return (pte & PTE_RWX) == 0 ? HAL_PTE_TABLE : HAL_PTE_LEAF;
}

static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_PA((pte >> PTE_PPN_SHIFT & PTE_PPN_MASK) << HAL_PAGE_SHIFT);
}

static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return (unsigned)((pte >> 1 & PTE_ATTR_RWXUG) | (pte & PTE_ATTR_AD) | (pte >> 3 & PTE_ATTR_DEVICE));
}

#endif
