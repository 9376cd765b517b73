/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries of the simulated MMU.  Bits 0-1: kind; 2-9: the attributes, negated, so that an entry whose bits get
 * lost maps more than it should and is noticed; 12-47: address; 56-63: level + 1, which the walker checks.
 *
 * Fields are taken apart with / and % rather than masks, a form that the provers handle.
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include <hal/types.h>

#define PTE_KINDS 4u         /* enum hal_pte_kind and one that is not in use */
#define PTE_ATTR_FIRST 0x4ul /* of 256 values */
#define PTE_ATTR_VALUES (HAL_ATTR_ALL + 1u)
#define PTE_ADDR_PAGES (1ul << 36) /* addresses have 36 bits of page number */
#define PTE_LEVEL_FIRST (1ul << 56)

/*@ requires kind < PTE_KINDS && withheld < PTE_ATTR_VALUES && page < PTE_ADDR_PAGES && level < HAL_PT_MAX_LEVELS;
    assigns \nothing;
    ensures \result % PTE_KINDS == kind && \result / PTE_ATTR_FIRST % PTE_ATTR_VALUES == withheld;
    ensures \result / HAL_PAGE_SIZE % PTE_ADDR_PAGES == page && \result / PTE_LEVEL_FIRST == level + 1; */
static inline hal_pte_t pte_join(unsigned kind, unsigned withheld, uint64_t page, unsigned level)
{
    return kind + withheld * PTE_ATTR_FIRST + page * HAL_PAGE_SIZE + (level + 1) * PTE_LEVEL_FIRST;
}

static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    /*@ assert aligned: pa.addr % HAL_PAGE_SIZE == 0; */
    return pte_join(HAL_PTE_LEAF, HAL_ATTR_ALL - attr, pa.addr / HAL_PAGE_SIZE, level);
}

static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level)
{
    return pte_join(HAL_PTE_TABLE, HAL_ATTR_ALL, pa.addr / HAL_PAGE_SIZE, level);
}

static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level)
{
    if (pte % PTE_KINDS == HAL_PTE_LEAF)
        return HAL_PTE_LEAF;
    return pte % PTE_KINDS == HAL_PTE_TABLE && level > 0 ? HAL_PTE_TABLE : HAL_PTE_HOLE;
}

static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_PA(pte / HAL_PAGE_SIZE % PTE_ADDR_PAGES * HAL_PAGE_SIZE);
}

static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_ATTR_ALL - (unsigned)(pte / PTE_ATTR_FIRST % PTE_ATTR_VALUES);
}

#endif
