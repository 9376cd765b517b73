/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries of Sv39, Sv48 and Sv57.  The common attributes stand in the order of the architecture's bits, so
 * most of the codec moves fields.  DEVICE is a software bit: which addresses are I/O is a physical attribute here, and
 * the bit only lets hal_pte_attr() return it.  A and D work for both kinds of machine: those that set
 * them (Svadu) and those that fault while they are clear (Svade).
 *
 * Fields are taken apart with / and % rather than masks, a form that the provers handle.
 */
#ifndef ARCH_PTE_H
#define ARCH_PTE_H

#include <hal/types.h>

#define PTE_V 0x1ul
#define PTE_RWX_FIRST 0x2ul
#define PTE_RWX_VALUES 0x8ul
#define PTE_PPN_FIRST 0x400ul
#define PTE_PPN_VALUES (1ul << 44)

/* R W X U G: from bit 0 to bit 1. ACCESSED DIRTY: bits 6 and 7 in both. DEVICE: from bit 5 to bit 8. */
#define PTE_ACCESSED 0x40ul
#define PTE_DEVICE 0x100ul

_Static_assert(HAL_ATTR_R == 1 && HAL_ATTR_W == 2 && HAL_ATTR_X == 4 && HAL_ATTR_U == 8 &&
                   HAL_ATTR_GLOBAL == 16 && HAL_ATTR_DEVICE == 32 && HAL_ATTR_ACCESSED == 64 &&
                   HAL_ATTR_DIRTY == 128,
               "the codec relies on the order");

/* What stands below the page number of a leaf: R W X U G as in the attributes, accessed + 2 dirty. */
/*@ requires rwxug < 32 && device <= 1 && accessed_dirty < 4; assigns \nothing;
    ensures \result < PTE_PPN_FIRST && \result % 2 == 1 && \result / 2 % 32 == rwxug && \result / 2 % 8 == rwxug % 8;
    ensures \result / PTE_DEVICE % 2 == device && \result / PTE_ACCESSED % 4 == accessed_dirty; */
static inline uint64_t pte_flags(unsigned rwxug, unsigned device, unsigned accessed_dirty)
{
    return PTE_V + rwxug * PTE_RWX_FIRST + device * PTE_DEVICE + accessed_dirty * PTE_ACCESSED;
}

/*@ requires page < PTE_PPN_VALUES && flags < PTE_PPN_FIRST; assigns \nothing;
    ensures \result % PTE_PPN_FIRST == flags && \result / PTE_PPN_FIRST % PTE_PPN_VALUES == page; */
static inline hal_pte_t pte_join(uint64_t page, uint64_t flags)
{
    return page * PTE_PPN_FIRST + flags;
}

static inline hal_pte_t hal_pte_leaf(hal_pa_t pa, unsigned attr, unsigned level)
{
    (void)level;
    /*@ assert aligned: pa.addr % HAL_PAGE_SIZE == 0; */
    return pte_join(pa.addr / HAL_PAGE_SIZE,
                    pte_flags(attr % 32, HAL_ATTR_BIT(attr, HAL_ATTR_DEVICE), attr / HAL_ATTR_ACCESSED));
}

static inline hal_pte_t hal_pte_table(hal_pa_t pa, unsigned level)
{
    (void)level;
    return pte_join(pa.addr / HAL_PAGE_SIZE, PTE_V);
}

static inline enum hal_pte_kind hal_pte_kind(hal_pte_t pte, unsigned level)
{
    hal_pte_t flags = pte % PTE_PPN_FIRST;

    if (flags % 2 == 0)
        return HAL_PTE_HOLE;
    if (flags / PTE_RWX_FIRST % PTE_RWX_VALUES != 0)
        return HAL_PTE_LEAF;
    /* a pointer at level 0 is reserved: the hardware faults on it */
    return level > 0 ? HAL_PTE_TABLE : HAL_PTE_HOLE;
}

static inline hal_pa_t hal_pte_addr(hal_pte_t pte, unsigned level)
{
    (void)level;
    return HAL_PA(pte / PTE_PPN_FIRST % PTE_PPN_VALUES * HAL_PAGE_SIZE);
}

static inline unsigned hal_pte_attr(hal_pte_t pte, unsigned level)
{
    hal_pte_t flags = pte % PTE_PPN_FIRST;

    (void)level;
    /*@ assert fields: flags / 2 % 32 <= 31 && flags / PTE_DEVICE % 2 <= 1 && flags / PTE_ACCESSED % 4 <= 3; */
    return (unsigned)(flags / 2 % 32 + flags / PTE_DEVICE % 2 * HAL_ATTR_DEVICE +
                      flags / PTE_ACCESSED % 4 * HAL_ATTR_ACCESSED);
}

#endif
