/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMSAv8-64 entry codec, 4 KiB granule (Arm ARM D8.3).
 *
 * Accessed and dirty are kept by software, which every ARMv8.0 core can do.  ACCESSED is the access flag:
 * while it is clear an access faults.  The hardware may write a page only if that is both W and DIRTY: a
 * first write faults until the kernel adds DIRTY.  W and DIRTY themselves stand in bits that the hardware
 * ignores.
 *
 * Fields are taken apart with / and % rather than masks, a form that the provers handle.
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include <hal/types.h>

#define PTE_VALID 0x1ul
#define PTE_TABLE 0x2ul         /* a table above level 0; at level 0 every leaf has it too */
#define PTE_DEVICE 0x4ul        /* MAIR index 1: Device-nGnRnE; index 0: normal, write-back */
#define PTE_USER 0x40ul         /* AP[1] */
#define PTE_READ_ONLY 0x80ul    /* AP[2] */
#define PTE_INNER_SHARE 0x300ul /* SH */
#define PTE_ACCESSED 0x400ul    /* AF */
#define PTE_NOT_GLOBAL 0x800ul  /* nG */
#define PTE_PXN (1ul << 53)     /* not executable at EL1 */
#define PTE_UXN (1ul << 54)     /* not executable at EL0 */
#define PTE_SOFT_WRITE (1ul << 55)
#define PTE_SOFT_DIRTY (1ul << 56)

#define PTE_ADDR_PAGES (1ul << 36) /* addresses have 36 bits of page number */

#define PTE_HAS(pte, bit) ((pte) / (bit) % 2 != 0)
#define PTE_ATTR_HAS(attr, flag) ((attr) / (flag) % 2 != 0)

static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    bool user = PTE_ATTR_HAS(attr, HAL_ATTR_U);
    bool exec = PTE_ATTR_HAS(attr, HAL_ATTR_X);
    bool write = PTE_ATTR_HAS(attr, HAL_ATTR_W);
    bool dirty = PTE_ATTR_HAS(attr, HAL_ATTR_DIRTY);
    hal_pte_t pte = pa.addr + PTE_VALID + PTE_INNER_SHARE;

    if (level == 0)
        pte += PTE_TABLE;
    if (PTE_ATTR_HAS(attr, HAL_ATTR_DEVICE))
        pte += PTE_DEVICE;
    if (user)
        pte += PTE_USER;
    if (!write || !dirty)
        pte += PTE_READ_ONLY;
    if (PTE_ATTR_HAS(attr, HAL_ATTR_ACCESSED))
        pte += PTE_ACCESSED;
    if (!PTE_ATTR_HAS(attr, HAL_ATTR_GLOBAL))
        pte += PTE_NOT_GLOBAL;
    if (!exec || user)
        pte += PTE_PXN;
    if (!exec || !user)
        pte += PTE_UXN;
    if (write)
        pte += PTE_SOFT_WRITE;
    if (dirty)
        pte += PTE_SOFT_DIRTY;
    return pte;
}

static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level)
{
    (void)level;
    return pa.addr + PTE_VALID + PTE_TABLE;
}

static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level)
{
    if (!PTE_HAS(pte, PTE_VALID))
        return HAL_PTE_HOLE;
    if (level == 0)
        return PTE_HAS(pte, PTE_TABLE) ? HAL_PTE_LEAF : HAL_PTE_HOLE;
    return PTE_HAS(pte, PTE_TABLE) ? HAL_PTE_TABLE : HAL_PTE_LEAF;
}

static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_PA(pte / HAL_PAGE_SIZE % PTE_ADDR_PAGES * HAL_PAGE_SIZE);
}

static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level)
{
    unsigned attr = HAL_ATTR_R;

    (void)level;
    if (PTE_HAS(pte, PTE_SOFT_WRITE))
        attr += HAL_ATTR_W;
    if (!PTE_HAS(pte, PTE_PXN) || !PTE_HAS(pte, PTE_UXN))
        attr += HAL_ATTR_X;
    if (PTE_HAS(pte, PTE_USER))
        attr += HAL_ATTR_U;
    if (!PTE_HAS(pte, PTE_NOT_GLOBAL))
        attr += HAL_ATTR_GLOBAL;
    if (PTE_HAS(pte, PTE_DEVICE))
        attr += HAL_ATTR_DEVICE;
    if (PTE_HAS(pte, PTE_ACCESSED))
        attr += HAL_ATTR_ACCESSED;
    if (PTE_HAS(pte, PTE_SOFT_DIRTY))
        attr += HAL_ATTR_DIRTY;
    return attr;
}

#endif
