/* SPDX-License-Identifier: BSD-2-Clause */
/* hal_info: facts that agree with one another, with the ISA's constants, and with what the CPU does. */
#include "test.h"

extern const char machine_user_begin[];

static void boot_argument(void)
{
    EXPECT(test_boot.info == &hal_info);
}

static void names(void)
{
    EXPECT(hal_info.isa != NULL && hal_info.isa[0] != '\0');
    EXPECT(hal_info.board != NULL && hal_info.board[0] != '\0');
}

static void cpus(void)
{
    EXPECT(hal_info.cpu_count >= 1 && hal_info.cpu_count <= HAL_CPU_MAX);
}

static void memory_ranges(void)
{
    EXPECT(hal_info.mem_count >= 1 && hal_info.mem_count <= HAL_MEM_RANGES_MAX);
    for (uint32_t i = 0; i < hal_info.mem_count; i++) {
        const struct hal_mem_range *r = &hal_info.mem[i];
        EXPECT_EQ(r->base.addr % HAL_PAGE_SIZE, 0);
        EXPECT_EQ(r->size % HAL_PAGE_SIZE, 0);
        EXPECT(r->size > 0);
        EXPECT(r->base.addr + r->size <= hal_info.mem_limit.addr);
        if (i > 0)
            EXPECT(r[-1].base.addr + r[-1].size <= r->base.addr);
    }
}

/* Every page of every range is RAM that keeps what is written to it and is nobody else's (not the suite's own image). */
static void memory_free(void)
{
    uint64_t image = 0;

    for (uint32_t i = 0; i < hal_info.mem_count && !test_failed(); i++) {
        const struct hal_mem_range *r = &hal_info.mem[i];
        for (uint64_t offset = 0; offset < r->size && !test_failed(); offset += HAL_PAGE_SIZE) {
            volatile uint64_t *word = hal_pa_to_ptr(HAL_PA(r->base.addr + offset));
            uint64_t old = *word;
            *word = ~old;
            EXPECT_EQ(*word, ~old);
            *word = old;
            image += memcmp((const void *)(uintptr_t)word, machine_user_begin, 64) == 0;
        }
    }
    EXPECT_EQ(image, 1); /* the copy in test_space() */
}

static void archive(void)
{
    if (hal_info.archive_size == 0) {
        test_skip("no boot archive");
        return;
    }
    hal_pa_t last = HAL_PA(hal_info.archive_base.addr + hal_info.archive_size - 1);
    EXPECT_EQ(memcmp(hal_pa_to_ptr(hal_info.archive_base), "070701", 6), 0);
    EXPECT(last.addr < hal_info.mem_limit.addr);
    for (uint32_t i = 0; i < hal_info.mem_count; i++) {
        const struct hal_mem_range *r = &hal_info.mem[i];
        EXPECT(last.addr < r->base.addr || hal_info.archive_base.addr >= r->base.addr + r->size);
    }
}

/* Is [base, base + size) in ranges of taken[]? */
static bool is_taken(uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < hal_info.taken_count; i++) {
        const struct hal_mem_range *r = &hal_info.taken[i];
        if (base >= r->base.addr && base + size <= r->base.addr + r->size)
            return true;
    }
    return false;
}

static void taken(void)
{
    EXPECT(hal_info.taken_count >= 1 && hal_info.taken_count <= HAL_TAKEN_RANGES_MAX);
    for (uint32_t i = 0; i < hal_info.taken_count; i++) {
        const struct hal_mem_range *r = &hal_info.taken[i];
        EXPECT((r->base.addr | r->size) % HAL_PAGE_SIZE == 0 && r->size > 0);
    }
    for (uint32_t i = 0; i < hal_info.mem_count; i++)
        EXPECT(is_taken(hal_info.mem[i].base.addr, hal_info.mem[i].size));
    if (hal_info.archive_size > 0)
        EXPECT(is_taken(hal_info.archive_base.addr, hal_info.archive_size));
    EXPECT(is_taken(hal_ptr_to_pa(test_page_at(test_space(), TEST_DATA)).addr, HAL_PAGE_SIZE));
}

static void tables(void)
{
    static const uint8_t magic[] = {0xd0, 0x0d, 0xfe, 0xed};

    EXPECT((hal_info.tables_kind == HAL_TABLES_NONE) == (hal_info.tables.addr == 0));
    EXPECT((hal_info.tables_kind == HAL_TABLES_FDT) == (hal_info.tables_size > 0));
    if (hal_info.tables_kind != HAL_TABLES_FDT) {
        test_skip("no device tree");
        return;
    }
    EXPECT_EQ(memcmp(hal_pa_to_ptr(hal_info.tables), magic, sizeof magic), 0);
    EXPECT(is_taken(hal_info.tables.addr, hal_info.tables_size));
    for (uint32_t i = 0; i < hal_info.mem_count; i++) {
        const struct hal_mem_range *r = &hal_info.mem[i];
        EXPECT(hal_info.tables.addr + hal_info.tables_size <= r->base.addr ||
               hal_info.tables.addr >= r->base.addr + r->size);
    }
}

static void cmdline(void)
{
    static const char word[] = "hal-test";
    size_t length = strnlen(hal_info.cmdline, HAL_CMDLINE_MAX);

    EXPECT(length < HAL_CMDLINE_MAX);
    EXPECT(length >= sizeof word - 1 && strcmp(hal_info.cmdline + length - (sizeof word - 1), word) == 0);
}

static void page_tables(void)
{
    EXPECT(hal_info.pt_levels >= 3 && hal_info.pt_levels <= HAL_PT_MAX_LEVELS);
    EXPECT((hal_info.leaf_levels & 1) != 0);
    EXPECT_EQ(hal_info.leaf_levels >> hal_info.pt_levels, 0);
}

static void leaf_levels(void)
{
    EXPECT_EQ(hal_info.leaf_levels & MACHINE_LEAF_LEVELS, MACHINE_LEAF_LEVELS);
}

static void user_range(void)
{
    EXPECT_EQ(hal_info.user_base % HAL_PAGE_SIZE, 0);
    EXPECT_EQ(hal_info.user_limit % HAL_PAGE_SIZE, 0);
    EXPECT(hal_info.user_base > 0); /* a null pointer is nobody's address */
    EXPECT(hal_info.user_base < hal_info.user_limit);
    EXPECT(hal_info.user_limit <= MACHINE_KERNEL_VA);
    EXPECT(hal_info.user_limit - 1 <=
           (UINT64_C(1) << (HAL_PAGE_SHIFT + HAL_PT_SHIFT * hal_info.pt_levels)) - 1);
}

static void asids(void)
{
    EXPECT(hal_info.asid_bits <= 16);
}

static void sizes(void)
{
    EXPECT(hal_info.irq_count <= HAL_IRQ_MAX);
    EXPECT(hal_info.fpu_size > 0 && hal_info.fpu_size % 64 == 0 && hal_info.fpu_size <= HAL_PAGE_SIZE);
    EXPECT(hal_info.time_hz >= 1000000 && hal_info.time_hz <= 10000000000);
}

/* ---- The direct map ---- */

static void direct_map_inverse(void)
{
    for (uint32_t i = 0; i < hal_info.mem_count; i++) {
        const struct hal_mem_range *r = &hal_info.mem[i];
        hal_pa_t last = HAL_PA(r->base.addr + r->size - 1);
        EXPECT_EQ(hal_ptr_to_pa(hal_pa_to_ptr(r->base)).addr, r->base.addr);
        EXPECT_EQ(hal_ptr_to_pa(hal_pa_to_ptr(last)).addr, last.addr);
        EXPECT_EQ((uint64_t)(uintptr_t)hal_pa_to_ptr(last), HAL_DIRECT_BASE + last.addr);
    }
}

/* What a page table names by its physical address is what the direct map shows. */
static void direct_map_agrees(void)
{
    const struct test_space *space = test_space();
    struct uctx *u = test_thread(0, user_load, TEST_DATA);
    uint64_t *word = test_page_at(space, TEST_DATA);

    *word = 0x123456789abcdef0;
    struct test_event event = test_resume_through_interrupts(u);
    struct test_regs r = test_get(event.u);
    EXPECT_EQ(r.word[MACHINE_ARG1], *word);
}

static const struct test_case cases[] = {
    {"kern_boot", "its argument is &hal_info", boot_argument},
    {"hal_info", "isa and board have names", names},
    {"hal_info", "cpu_count is 1 .. HAL_CPU_MAX", cpus},
    {"hal_info", "mem[] is page aligned, sorted, disjoint, below mem_limit", memory_ranges},
    {"hal_info", "every page of mem[] is RAM and free", memory_free},
    {"hal_info", "the boot archive is whole and in no range of mem[]", archive},
    {"hal_info", "taken[] has all RAM, and what is in it", taken},
    {"hal_info", "a device tree is where it says, and in no range of mem[]", tables},
    {"hal_info", "cmdline is what the boot loader passed, terminated", cmdline},
    {"hal_info", "leaf_levels has bit 0 and no level that pt_levels lacks", page_tables},
    {"hal_info", "leaf_levels has every level that the ISA promises", leaf_levels},
    {"hal_info", "user_base and user_limit are page aligned, below the kernel's addresses", user_range},
    {"hal_info", "asid_bits fits hal_asid_t", asids},
    {"hal_info", "irq_count, fpu_size and time_hz are possible", sizes},
    {"hal_pa_to_ptr", "RAM is at HAL_DIRECT_BASE + its address; hal_ptr_to_pa() is its inverse",
     direct_map_inverse},
    {"hal_ptr_to_pa", "agrees with the addresses in page tables", direct_map_agrees},
};
TEST_GROUP(test_info, "hal_info", cases);
