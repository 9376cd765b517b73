/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMSAv8-64 entry codec, 4 KiB granule (Arm ARM D8.3).
 *
 * Accessed and dirty are kept by software, which every ARMv8.0 core can do.  ACCESSED is the access flag:
 * while it is clear an access faults.  The hardware may write a page only if that is both W and DIRTY: a
 * first write faults until the kernel adds DIRTY.  W and DIRTY themselves stand in bits that the hardware
 * ignores.
 *
 * On a CPU with FEAT_LPA2 the shareability stands in TCR_EL1, and its bits in an entry are bits 51:50 of the address, which
 * are 0 (HAL_PA_LIMIT).
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

/* Does the CPU have FEAT_LPA2? Constant once the first C code has asked. */
extern bool arch_lpa2;

#define PTE_BIT(pte, bit) ((pte) / (bit) % 2)

/* The low 12 bits of a leaf, each argument 0 or 1. */
/*@ requires page <= 1 && device <= 1 && user <= 1 && read_only <= 1 && accessed <= 1 && global <= 1;
    assigns \nothing;
    ensures \result < 0x1000 && PTE_BIT(\result, PTE_VALID) == 1 && PTE_BIT(\result, PTE_TABLE) == page;
    ensures PTE_BIT(\result, PTE_DEVICE) == device && PTE_BIT(\result, PTE_USER) == user;
    ensures PTE_BIT(\result, PTE_READ_ONLY) == read_only && PTE_BIT(\result, PTE_ACCESSED) == accessed;
    ensures PTE_BIT(\result, PTE_NOT_GLOBAL) == 1 - global; */
static inline uint64_t pte_low(unsigned page, unsigned device, unsigned user, unsigned read_only,
                               unsigned accessed, unsigned global)
{
    return PTE_VALID + (arch_lpa2 ? 0 : PTE_INNER_SHARE) + page * PTE_TABLE + device * PTE_DEVICE +
           user * PTE_USER + read_only * PTE_READ_ONLY + accessed * PTE_ACCESSED +
           (1 - global) * PTE_NOT_GLOBAL;
}

/* Bits 53 and up: not executable by the kernel, by the user; software's. */
/*@ requires pxn <= 1 && uxn <= 1 && write <= 1 && dirty <= 1; assigns \nothing;
    ensures \result < 16 && PTE_BIT(\result, PTE_PXN / PTE_PXN) == pxn && PTE_BIT(\result, PTE_UXN / PTE_PXN) == uxn;
    ensures PTE_BIT(\result, PTE_SOFT_WRITE / PTE_PXN) == write && PTE_BIT(\result, PTE_SOFT_DIRTY / PTE_PXN) == dirty; */
static inline uint64_t pte_high(unsigned pxn, unsigned uxn, unsigned write, unsigned dirty)
{
    return (pxn * PTE_PXN + uxn * PTE_UXN + write * PTE_SOFT_WRITE + dirty * PTE_SOFT_DIRTY) / PTE_PXN;
}

/*@ requires page < PTE_ADDR_PAGES && low < 0x1000 && high < 16; assigns \nothing;
    ensures \result % 0x1000 == low;
    ensures \result / 0x1000 % PTE_ADDR_PAGES == page;
    ensures \result / PTE_PXN == high; */
static inline hal_pte_t pte_join(uint64_t page, uint64_t low, uint64_t high)
{
    return page * HAL_PAGE_SIZE + low + high * PTE_PXN;
}

static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    /*@ assert aligned: pa.addr % HAL_PAGE_SIZE == 0; */
    unsigned user = HAL_ATTR_BIT(attr, HAL_ATTR_U);
    unsigned exec = HAL_ATTR_BIT(attr, HAL_ATTR_X);
    unsigned write = HAL_ATTR_BIT(attr, HAL_ATTR_W);
    unsigned dirty = HAL_ATTR_BIT(attr, HAL_ATTR_DIRTY);
    uint64_t low = pte_low(level == 0, HAL_ATTR_BIT(attr, HAL_ATTR_DEVICE), user, write + dirty < 2,
                           HAL_ATTR_BIT(attr, HAL_ATTR_ACCESSED), HAL_ATTR_BIT(attr, HAL_ATTR_GLOBAL));
    uint64_t high = pte_high(exec <= user, exec + user < 2, write, dirty);

    /*@ assert sum: hal_l_attr_bits(attr); */
    return pte_join(pa.addr / HAL_PAGE_SIZE, low, high);
}

static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level)
{
    (void)level;
    return pte_join(pa.addr / HAL_PAGE_SIZE, PTE_VALID + PTE_TABLE, 0);
}

static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level)
{
    hal_pte_t low = pte % HAL_PAGE_SIZE;

    if (PTE_BIT(low, PTE_VALID) == 0)
        return HAL_PTE_HOLE;
    if (level == 0)
        return PTE_BIT(low, PTE_TABLE) == 1 ? HAL_PTE_LEAF : HAL_PTE_HOLE;
    return PTE_BIT(low, PTE_TABLE) == 1 ? HAL_PTE_TABLE : HAL_PTE_LEAF;
}

static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_PA(pte / HAL_PAGE_SIZE % PTE_ADDR_PAGES * HAL_PAGE_SIZE);
}

static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level)
{
    hal_pte_t low = pte % HAL_PAGE_SIZE;
    hal_pte_t high = pte / PTE_PXN;

    (void)level;
    return (unsigned)(HAL_ATTR_R + PTE_BIT(high, PTE_SOFT_WRITE / PTE_PXN) * HAL_ATTR_W /* */
                      + (PTE_BIT(high, PTE_PXN / PTE_PXN) + PTE_BIT(high, PTE_UXN / PTE_PXN) < 2 ? HAL_ATTR_X
                                                                                                 : 0) /* */
                      + PTE_BIT(low, PTE_USER) * HAL_ATTR_U                                           /* */
                      + (1 - PTE_BIT(low, PTE_NOT_GLOBAL)) * HAL_ATTR_GLOBAL                          /* */
                      + PTE_BIT(low, PTE_DEVICE) * HAL_ATTR_DEVICE                                    /* */
                      + PTE_BIT(low, PTE_ACCESSED) * HAL_ATTR_ACCESSED                                /* */
                      + PTE_BIT(high, PTE_SOFT_DIRTY / PTE_PXN) * HAL_ATTR_DIRTY);
}

#endif
