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

#define PTE_BIT(pte, bit) ((pte) / (bit) % 2)

/* The low 12 bits of a leaf, each argument 0 or 1. */
/*@ requires block <= 1 && write <= 1 && user <= 1 && global <= 1 && device <= 1 && accessed <= 1 && dirty <= 1;
    assigns \nothing;
    ensures \result < 0x1000 && PTE_BIT(\result, PTE_PRESENT) == 1 && PTE_BIT(\result, PTE_BLOCK) == block;
    ensures PTE_BIT(\result, PTE_WRITE) == write && PTE_BIT(\result, PTE_USER) == user;
    ensures PTE_BIT(\result, PTE_GLOBAL) == global && PTE_BIT(\result, PTE_PCD) == device;
    ensures PTE_BIT(\result, PTE_ACCESSED) == accessed && PTE_BIT(\result, PTE_DIRTY) == dirty; */
static inline uint64_t pte_flags(unsigned block, unsigned write, unsigned user, unsigned global,
                                 unsigned device, unsigned accessed, unsigned dirty)
{
    uint64_t flags = PTE_PRESENT + block * PTE_BLOCK + write * PTE_WRITE + user * PTE_USER +
                     global * PTE_GLOBAL + device * PTE_UNCACHED + accessed * PTE_ACCESSED +
                     dirty * PTE_DIRTY;

    /*@ assert half: flags / 2 == write + 2 * (user + 6 * device + 8 * accessed + 16 * dirty + 32 * block + 64 * global); */
    /*@ assert quarter: flags / 4 == user + 2 * (3 * device + 4 * accessed + 8 * dirty + 16 * block + 32 * global); */
    /*@ assert top: flags / 0x100 == global; */
    return flags;
}

/*@ requires page < PTE_ADDR_PAGES && flags < 0x1000 && no_execute <= 1; assigns \nothing;
    ensures \result % 0x1000 == flags;
    ensures \result / 0x1000 % PTE_ADDR_PAGES == page;
    ensures \result / PTE_NO_EXECUTE == no_execute; */
static inline hal_pte_t pte_join(uint64_t page, uint64_t flags, unsigned no_execute)
{
    return page * HAL_PAGE_SIZE + flags + no_execute * PTE_NO_EXECUTE;
}

static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    uint64_t flags = pte_flags(level > 0, HAL_ATTR_BIT(attr, HAL_ATTR_W), HAL_ATTR_BIT(attr, HAL_ATTR_U),
                               HAL_ATTR_BIT(attr, HAL_ATTR_GLOBAL), HAL_ATTR_BIT(attr, HAL_ATTR_DEVICE),
                               HAL_ATTR_BIT(attr, HAL_ATTR_ACCESSED), HAL_ATTR_BIT(attr, HAL_ATTR_DIRTY));

    /*@ assert sum: hal_l_attr_bits(attr); */
    return pte_join(pa.addr / HAL_PAGE_SIZE, flags, 1 - HAL_ATTR_BIT(attr, HAL_ATTR_X));
}

static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level)
{
    (void)level;
    return pte_join(pa.addr / HAL_PAGE_SIZE, PTE_PRESENT + PTE_WRITE + PTE_USER, 0);
}

static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level)
{
    hal_pte_t flags = pte % HAL_PAGE_SIZE;

    if (PTE_BIT(flags, PTE_PRESENT) == 0)
        return HAL_PTE_HOLE;
    if (level == 0 || PTE_BIT(flags, PTE_BLOCK) == 1)
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
    hal_pte_t flags = pte % HAL_PAGE_SIZE;

    (void)level;
    return (unsigned)(HAL_ATTR_R + PTE_BIT(flags, PTE_WRITE) * HAL_ATTR_W /* */
                      + (1 - pte / PTE_NO_EXECUTE) * HAL_ATTR_X           /* */
                      + PTE_BIT(flags, PTE_USER) * HAL_ATTR_U             /* */
                      + PTE_BIT(flags, PTE_GLOBAL) * HAL_ATTR_GLOBAL      /* */
                      + PTE_BIT(flags, PTE_PCD) * HAL_ATTR_DEVICE         /* */
                      + PTE_BIT(flags, PTE_ACCESSED) * HAL_ATTR_ACCESSED  /* */
                      + PTE_BIT(flags, PTE_DIRTY) * HAL_ATTR_DIRTY);
}

#endif
