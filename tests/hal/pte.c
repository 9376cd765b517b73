/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table entry codec, exhaustive over levels and attributes, over every address bit and random addresses. */
#include "test.h"

#define PA_BITS 48u
#define RANDOM_ADDRESSES 200u

static bool leaf_level(unsigned level)
{
    return (hal_info.leaf_levels >> level & 1) != 0;
}

static bool attr_valid(unsigned attr)
{
    return (attr & HAL_ATTR_R) != 0 && (attr & (HAL_ATTR_W | HAL_ATTR_X)) != (HAL_ATTR_W | HAL_ATTR_X);
}

static uint64_t block_size(unsigned level)
{
    return UINT64_C(1) << (HAL_PAGE_SHIFT + HAL_PT_SHIFT * level);
}

/* Call `check` for addresses aligned to 2^shift: zero, each single bit, all bits, random ones. */
static void each_address(unsigned shift, unsigned attr, unsigned level,
                         void (*check)(hal_pa_t pa, unsigned attr, unsigned level))
{
    uint64_t mask = (UINT64_C(1) << PA_BITS) - (UINT64_C(1) << shift);

    check(HAL_PA(0), attr, level);
    check(HAL_PA(mask), attr, level);
    for (unsigned bit = shift; bit < PA_BITS; bit++)
        check(HAL_PA(UINT64_C(1) << bit), attr, level);
    for (unsigned i = 0; i < RANDOM_ADDRESSES; i++)
        check(HAL_PA(test_random() & mask), attr, level);
}

static void leaf_check(hal_pa_t pa, unsigned attr, unsigned level)
{
    hal_pte_t pte = hal_pte_leaf(pa, attr, level);

    if (hal_pte_kind(pte, level) != HAL_PTE_LEAF || hal_pte_addr(pte, level).addr != pa.addr ||
        hal_pte_attr(pte, level) != attr) {
        test_fail_value(__FILE__, __LINE__, "attributes", hal_pte_attr(pte, level), attr);
        test_fail_value(__FILE__, __LINE__, "address", hal_pte_addr(pte, level).addr, pa.addr);
    }
}

static void leaf(void)
{
    for (unsigned level = 0; level < hal_info.pt_levels; level++) {
        for (unsigned attr = 0; attr <= HAL_ATTR_ALL && leaf_level(level) && !test_failed(); attr++) {
            if (attr_valid(attr))
                each_address(HAL_PAGE_SHIFT + HAL_PT_SHIFT * level, attr, level, leaf_check);
        }
    }
}

/* Both entries of `pa` differ from those of 0 in the same bits, and where the attributes differ, in others. */
static void apart_check(hal_pa_t pa, unsigned attr, unsigned level)
{
    const hal_pte_t zero = hal_pte_leaf(HAL_PA(0), HAL_ATTR_R, level);
    const hal_pte_t address = hal_pte_leaf(pa, HAL_ATTR_R, level) ^ zero;
    const hal_pte_t attributes = hal_pte_leaf(HAL_PA(0), attr, level) ^ zero;

    EXPECT_EQ(address & attributes, 0);
    EXPECT_EQ(hal_pte_leaf(pa, attr, level), zero ^ address ^ attributes);
}

static void apart(void)
{
    for (unsigned attr = 0; attr <= HAL_ATTR_ALL && !test_failed(); attr++) {
        if (attr_valid(attr))
            each_address(HAL_PAGE_SHIFT, attr, 0, apart_check);
    }
}

static void table_check(hal_pa_t pa, unsigned attr, unsigned level)
{
    hal_pte_t pte = hal_pte_table(pa, level);

    (void)attr;
    EXPECT_EQ(hal_pte_kind(pte, level), HAL_PTE_TABLE);
    EXPECT_EQ(hal_pte_addr(pte, level).addr, pa.addr);
}

static void table(void)
{
    for (unsigned level = 1; level < hal_info.pt_levels && !test_failed(); level++)
        each_address(HAL_PAGE_SHIFT, 0, level, table_check);
}

static void hole(void)
{
    for (unsigned level = 0; level < HAL_PT_MAX_LEVELS; level++)
        EXPECT_EQ(hal_pte_kind(0, level), HAL_PTE_HOLE);
}

static void never_zero(void)
{
    EXPECT(hal_pte_leaf(HAL_PA(0), HAL_ATTR_R, 0) != 0);
    EXPECT(hal_pte_table(HAL_PA(0), 1) != 0);
}

/* What the suite walks by is what the CPU walks by: one byte, seen through a leaf of each level. */
static void walk(void)
{
    static const uint8_t pattern[] = "found";
    hal_pa_t page = test_page();

    memcpy(hal_pa_to_ptr(page), pattern, sizeof pattern);
    for (unsigned level = 0; level < hal_info.pt_levels; level++) {
        struct test_space space;
        hal_va_t base = block_size(level) > TEST_FREE ? block_size(level)
                                                      : TEST_FREE / block_size(level) * block_size(level);
        hal_va_t va = base + page.addr % block_size(level);
        if (!leaf_level(level) || base + block_size(level) > hal_info.user_limit ||
            (level == 1 && base <= TEST_CODE))
            continue;
        test_space_init(&space, 0);
        hal_tlb_flush_asid(0);
        test_space_activate(&space);
        test_map(&space, base, HAL_PA(page.addr / block_size(level) * block_size(level)), TEST_ATTR_R, level);
        struct test_event event = test_resume_through_interrupts(test_thread(0, user_load8, va));
        EXPECT_EQ(event.kind, TEST_EXCEPTION);
        EXPECT_EQ(test_get(event.u).word[MACHINE_ARG1], pattern[0]);
    }
    hal_tlb_flush_asid(0);
    test_space_activate(test_space());
}

static const struct test_case cases[] = {
    {"hal_pte_leaf", "kind, address and attributes decode to what was encoded", leaf},
    {"hal_pte_leaf", "the address is in bits of its own", apart},
    {"hal_pte_leaf", "the CPU takes a leaf at each level of leaf_levels", walk},
    {"hal_pte_leaf", "is no hole, whatever it maps; neither is hal_pte_table()", never_zero},
    {"hal_pte_table", "kind and address decode to what was encoded", table},
    {"hal_pte_kind", "an all-zero entry is a hole at every level", hole},
    {"hal_pte_addr", "is the address of a leaf or a table", table},
    {"hal_pte_attr", "are the attributes of a leaf", leaf},
};
TEST_GROUP(test_pte, "hal_pte", cases);
