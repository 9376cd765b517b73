/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies from and to user memory.  The user side is the page before TEST_EDGE, with nothing mapped behind: a copy that
 * begins `m` bytes before the edge must succeed for m bytes and fault for more.
 */
#include "test.h"

#define EDGE_PAGE TEST_FREE
#define TEST_EDGE (EDGE_PAGE + HAL_PAGE_SIZE)
#define ALIGNMENTS 8u
#define SMALL 80u
#define CANARY 0xeeu

static uint8_t buffer[2 * HAL_PAGE_SIZE] __attribute__((aligned(64)));

/* The kernel's view of the page before the edge. */
static uint8_t *edge_page(unsigned attr)
{
    hal_pte_t *entry = test_entry(test_space(), EDGE_PAGE, 0);
    hal_pa_t pa = hal_pte_kind(*entry, 0) == HAL_PTE_HOLE ? test_page() : hal_pte_addr(*entry, 0);
    uint8_t *page = hal_pa_to_ptr(pa);

    *entry = hal_pte_leaf(pa, attr, 0);
    hal_tlb_flush_page(test_space()->asid, EDGE_PAGE);
    for (unsigned i = 0; i < HAL_PAGE_SIZE; i++)
        page[i] = (uint8_t)(i * 7 + 1);
    return page;
}

/* Is to[0 .. n) a prefix of from[], and CANARY behind?  With `all`: the whole of it. */
static bool is_prefix(const uint8_t *to, const uint8_t *from, size_t n, bool all)
{
    size_t i = 0;

    while (i < n && to[i] == from[i])
        i++;
    if (all)
        return i == n;
    while (i < n && to[i] == CANARY)
        i++;
    return i == n;
}

static void in_once(const uint8_t *page, size_t n, size_t available, unsigned align)
{
    size_t offset = HAL_PAGE_SIZE - available;
    uint8_t *to = buffer + 64 + align;

    memset(buffer, CANARY, 64 + align + n + 64);
    enum hal_status status = hal_copyin(to, EDGE_PAGE + offset, n);
    EXPECT_EQ(status, n <= available ? HAL_OK : HAL_FAULT);
    EXPECT(is_prefix(to, page + offset, n <= available ? n : available, n <= available));
    for (size_t i = 1; i <= 64; i++)
        EXPECT(to[-(ptrdiff_t)i] == CANARY && to[n + i - 1] == CANARY);
    for (size_t i = available; i < n; i++)
        EXPECT_EQ(to[i], CANARY);
}

static void out_once(uint8_t *page, size_t n, size_t available, unsigned align)
{
    size_t offset = HAL_PAGE_SIZE - available;
    uint8_t *from = buffer + align;
    size_t written = n <= available ? n : available;

    memset(page, CANARY, HAL_PAGE_SIZE);
    for (size_t i = 0; i < n; i++)
        from[i] = (uint8_t)(i % 200 + 1);
    enum hal_status status = hal_copyout(EDGE_PAGE + offset, from, n);
    EXPECT_EQ(status, n <= available ? HAL_OK : HAL_FAULT);
    EXPECT(is_prefix(page + offset, from, written, n <= available));
    for (size_t i = 1; i <= 16 && i <= offset; i++)
        EXPECT_EQ(page[offset - i], CANARY);
    for (size_t i = offset + written; i < HAL_PAGE_SIZE && i < offset + written + 64; i++)
        EXPECT_EQ(page[i], CANARY);
}

/* Every size up to SMALL at every distance from the edge and alignment of the kernel's side, and some large sizes. */
static void each_edge(void (*once)(uint8_t *page, size_t n, size_t available, unsigned align))
{
    static const uint16_t large[] = {95,  96,  97,  127, 128, 129, 160, 191, 192, 193,  255,  256, 257,
                                     263, 264, 265, 272, 300, 511, 512, 513, 600, 1024, 4095, 4096};
    uint8_t *page = edge_page(TEST_ATTR_RW);

    for (size_t n = 1; n <= SMALL; n++) {
        for (size_t available = 1; available <= SMALL && !test_failed(); available++)
            once(page, n, available, (unsigned)(n + available) % ALIGNMENTS);
    }
    for (unsigned i = 0; i < sizeof large / sizeof large[0]; i++) {
        for (unsigned align = 0; align < ALIGNMENTS && !test_failed(); align++) {
            for (size_t less = 0; less < 80; less++)
                once(page, large[i], large[i] - less % large[i], align);
        }
    }
}

static void in_once_const(uint8_t *page, size_t n, size_t available, unsigned align)
{
    in_once(page, n, available, align);
}

static void in_edge(void)
{
    each_edge(in_once_const);
}

static void out_edge(void)
{
    each_edge(out_once);
}

/* Both sides at every alignment, no fault. */
static void in_aligned(void)
{
    uint8_t *page = edge_page(TEST_ATTR_RW);

    for (size_t n = 1; n <= 96; n++) {
        for (unsigned i = 0; i < ALIGNMENTS * ALIGNMENTS && !test_failed(); i++)
            in_once(page, n, 512 + i / ALIGNMENTS, i % ALIGNMENTS);
    }
}

static void out_aligned(void)
{
    uint8_t *page = edge_page(TEST_ATTR_RW);

    for (size_t n = 1; n <= 96; n++) {
        for (unsigned i = 0; i < ALIGNMENTS * ALIGNMENTS && !test_failed(); i++)
            out_once(page, n, 512 + i / ALIGNMENTS, i % ALIGNMENTS);
    }
}

/* Two mapped pages: a copy across the border of pages. */
static void across_pages(void)
{
    const struct test_space *space = test_space();
    uint8_t *low = edge_page(TEST_ATTR_RW);

    test_map(space, TEST_EDGE, test_page(), TEST_ATTR_RW, 0);
    uint8_t *high = test_page_at(space, TEST_EDGE);
    memset(high, 0x44, HAL_PAGE_SIZE);
    EXPECT_EQ(hal_copyin(buffer, TEST_EDGE - 100, 200), HAL_OK);
    EXPECT(memcmp(buffer, low + HAL_PAGE_SIZE - 100, 100) == 0 && memcmp(buffer + 100, high, 100) == 0);
    memset(buffer, 0x33, 200);
    EXPECT_EQ(hal_copyout(TEST_EDGE - 100, buffer, 200), HAL_OK);
    EXPECT(low[HAL_PAGE_SIZE - 1] == 0x33 && high[99] == 0x33 && high[100] == 0x44);
    *test_entry(space, TEST_EDGE, 0) = 0;
    hal_tlb_flush_page(space->asid, TEST_EDGE);
}

static void nothing(void)
{
    static const hal_va_t first_last[] = {TEST_HOLE, TEST_DATA};

    EXPECT_EQ(hal_copyin(buffer, hal_info.user_base, 0), HAL_OK);
    EXPECT_EQ(hal_copyin(buffer, hal_info.user_limit, 0), HAL_OK);
    EXPECT_EQ(hal_copyout(hal_info.user_limit, buffer, 0), HAL_OK);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT_EQ(hal_copyin(buffer, first_last[i], 0), HAL_OK);
        EXPECT_EQ(hal_copyout(first_last[i], buffer, 0), HAL_OK);
    }
}

static void limits(void)
{
    EXPECT_EQ(hal_copyin(buffer, hal_info.user_base, 8), HAL_FAULT);
    EXPECT_EQ(hal_copyin(buffer, hal_info.user_limit - 8, 8), HAL_FAULT);
    EXPECT_EQ(hal_copyout(hal_info.user_base, buffer, 8), HAL_FAULT);
    EXPECT_EQ(hal_copyout(hal_info.user_limit - 8, buffer, 8), HAL_FAULT);
}

static void read_only(void)
{
    uint8_t *page = edge_page(TEST_ATTR_R);

    memset(buffer, 0x55, sizeof buffer);
    EXPECT_EQ(hal_copyout(EDGE_PAGE, buffer, 1), HAL_FAULT);
    EXPECT_EQ(hal_copyout(EDGE_PAGE, buffer, 300), HAL_FAULT);
    EXPECT_EQ(page[0], 1);
    EXPECT_EQ(hal_copyin(buffer, EDGE_PAGE, 300), HAL_OK);
    EXPECT(memcmp(buffer, page, 300) == 0);
}

static void code_page(void)
{
    size_t size = (size_t)(machine_user_end - machine_user_begin);

    EXPECT_EQ(hal_copyin(buffer, TEST_CODE, size), HAL_OK);
    EXPECT(memcmp(buffer, machine_user_begin, size) == 0);
    EXPECT_EQ(hal_copyout(TEST_CODE, buffer, 4), HAL_FAULT);
}

/* Copies leave no way to user memory open behind them. */
static void touch(uint64_t address)
{
    (void)*(volatile uint8_t *)(uintptr_t)address;
}

static void window_closes(void)
{
    if (!machine_guards_data()) {
        test_skip("this CPU does not keep the kernel from user pages");
        return;
    }
    (void)edge_page(TEST_ATTR_RW);
    EXPECT_EQ(hal_copyin(buffer, EDGE_PAGE, 64), HAL_OK);
    EXPECT_EQ(test_panics(touch, EDGE_PAGE, NULL), TEST_TRAP_PANIC);
    EXPECT_EQ(hal_copyin(buffer, EDGE_PAGE + 3, 61), HAL_OK);
    EXPECT_EQ(test_panics(touch, EDGE_PAGE, NULL), TEST_TRAP_PANIC);
    EXPECT_EQ(hal_copyin(buffer, EDGE_PAGE + 4, 60), HAL_OK);
    EXPECT_EQ(test_panics(touch, EDGE_PAGE, NULL), TEST_TRAP_PANIC);
    EXPECT_EQ(hal_copyout(EDGE_PAGE, buffer, 300), HAL_OK);
    EXPECT_EQ(test_panics(touch, EDGE_PAGE, NULL), TEST_TRAP_PANIC);
    EXPECT_EQ(hal_copyin(buffer, TEST_HOLE, 64), HAL_FAULT);
    EXPECT_EQ(test_panics(touch, EDGE_PAGE, NULL), TEST_TRAP_PANIC);
    EXPECT_EQ(hal_copyout(TEST_HOLE, buffer, 9), HAL_FAULT);
    EXPECT_EQ(test_panics(touch, EDGE_PAGE, NULL), TEST_TRAP_PANIC);
}

/* A bad pointer of the kernel is the kernel's fault, not the user's. */
static void copy_to_nowhere(uint64_t address)
{
    (void)hal_copyin((void *)(uintptr_t)address, TEST_DATA, 8);
}

static void kernel_side(void)
{
    EXPECT_EQ(test_panics(copy_to_nowhere, MACHINE_HOLE_VA, NULL), TEST_TRAP_PANIC);
}

static void range_macro(void)
{
    EXPECT(!HAL_USER_RANGE((hal_va_t)0, 1u));
    EXPECT(!HAL_USER_RANGE(hal_info.user_base - 1, 1u));
    EXPECT(HAL_USER_RANGE(hal_info.user_base, 1u));
    EXPECT(HAL_USER_RANGE(hal_info.user_limit, 0u));
    EXPECT(!HAL_USER_RANGE(hal_info.user_limit, 1u));
    EXPECT(!HAL_USER_RANGE(hal_info.user_limit - 7, 8u));
    EXPECT(HAL_USER_RANGE(hal_info.user_limit - 8, 8u));
    EXPECT(!HAL_USER_RANGE((hal_va_t)TEST_DATA, SIZE_MAX));
    EXPECT(!HAL_USER_RANGE((hal_va_t)MACHINE_KERNEL_VA, 1u));
    EXPECT(!HAL_USER_RANGE((hal_va_t)0x8000000000000000, 1u));
}

static const struct test_case cases[] = {
    {"hal_copyin", "HAL_OK all copied, at every size and alignment, and nothing else written", in_aligned},
    {"hal_copyin", "HAL_FAULT at every distance from an edge: a prefix was copied", in_edge},
    {"hal_copyin", "crosses pages; so does hal_copyout()", across_pages},
    {"hal_copyin", "no byte is inside anywhere in the range", nothing},
    {"hal_copyin", "HAL_FAULT in the first and last page of the range", limits},
    {"hal_copyin", "reads code pages; hal_copyout() does not write them", code_page},
    {"hal_copyin", "leaves no way to user pages open; neither does hal_copyout()", window_closes},
    {"hal_copyin", "a kernel address that faults is a fault of the kernel", kernel_side},
    {"hal_copyout", "HAL_OK all copied, at every size and alignment, and nothing else written", out_aligned},
    {"hal_copyout", "HAL_FAULT at every distance from an edge: a prefix was copied", out_edge},
    {"hal_copyout", "HAL_FAULT where the user may not write: unchanged", read_only},
    {"HAL_USER_RANGE", "no null, wrap-around, kernel or non-canonical address", range_macro},
};
TEST_GROUP(test_umem, "hal_umem", cases);
