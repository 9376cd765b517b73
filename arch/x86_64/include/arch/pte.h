/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table entry codec of 4-level paging (Intel SDM volume 3, 4.5; AMD APM volume 2, 5.3).
 *
 * The CPU keeps accessed and dirty itself.  A table entry permits everything: its leaves decide.  Fields are
 * taken apart with / and % rather than masks, a form that the provers handle.
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include <hal/types.h>

#define PTE_PRESENT 0x1ul
#define PTE_WRITE 0x2ul
#define PTE_USER 0x4ul
#define PTE_UNCACHED 0x18ul /* PCD and PWT: entry 3 of the PAT, UC after reset */
#define PTE_PCD 0x10ul
#define PTE_ACCESSED 0x20ul
#define PTE_DIRTY 0x40ul
#define PTE_BLOCK 0x80ul /* PS: a leaf above level 0 */
#define PTE_GLOBAL 0x100ul
#define PTE_NO_EXECUTE (1ul << 63)

#define PTE_ADDR_PAGES (1ul << 40) /* addresses have 40 bits of page number */

#define PTE_HAS(pte, bit) ((pte) / (bit) % 2 != 0)
#define PTE_IF(condition, bits) ((condition) ? (bits) : 0ul)
#define PTE_ATTR_HAS(attr, flag) ((attr) / (flag) % 2 != 0)

static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    return pa.addr + PTE_PRESENT + PTE_IF(level > 0, PTE_BLOCK)          /* */
           + PTE_IF(PTE_ATTR_HAS(attr, HAL_ATTR_W), PTE_WRITE)           /* */
           + PTE_IF(!PTE_ATTR_HAS(attr, HAL_ATTR_X), PTE_NO_EXECUTE)     /* */
           + PTE_IF(PTE_ATTR_HAS(attr, HAL_ATTR_U), PTE_USER)            /* */
           + PTE_IF(PTE_ATTR_HAS(attr, HAL_ATTR_GLOBAL), PTE_GLOBAL)     /* */
           + PTE_IF(PTE_ATTR_HAS(attr, HAL_ATTR_DEVICE), PTE_UNCACHED)   /* */
           + PTE_IF(PTE_ATTR_HAS(attr, HAL_ATTR_ACCESSED), PTE_ACCESSED) /* */
           + PTE_IF(PTE_ATTR_HAS(attr, HAL_ATTR_DIRTY), PTE_DIRTY);
}

static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level)
{
    (void)level;
    return pa.addr + PTE_PRESENT + PTE_WRITE + PTE_USER;
}

static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level)
{
    if (!PTE_HAS(pte, PTE_PRESENT))
        return HAL_PTE_HOLE;
    if (level == 0 || PTE_HAS(pte, PTE_BLOCK))
        return HAL_PTE_LEAF;
    return HAL_PTE_TABLE;
}

static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_PA(pte / HAL_PAGE_SIZE % PTE_ADDR_PAGES * HAL_PAGE_SIZE);
}

static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_ATTR_R + (PTE_HAS(pte, PTE_WRITE) ? HAL_ATTR_W : 0u) /* */
           + (PTE_HAS(pte, PTE_NO_EXECUTE) ? 0u : HAL_ATTR_X)       /* */
           + (PTE_HAS(pte, PTE_USER) ? HAL_ATTR_U : 0u)             /* */
           + (PTE_HAS(pte, PTE_GLOBAL) ? HAL_ATTR_GLOBAL : 0u)      /* */
           + (PTE_HAS(pte, PTE_PCD) ? HAL_ATTR_DEVICE : 0u)         /* */
           + (PTE_HAS(pte, PTE_ACCESSED) ? HAL_ATTR_ACCESSED : 0u)  /* */
           + (PTE_HAS(pte, PTE_DIRTY) ? HAL_ATTR_DIRTY : 0u);
}

#endif
