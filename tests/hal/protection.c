/* SPDX-License-Identifier: BSD-2-Clause */
/* What attributes permit to users and to the kernel, and what the kernel's own mappings forbid it. */
#include "test.h"

#define VA TEST_FREE

/* Map a page of code with `attr` at VA. */
static uint8_t *page_with(unsigned attr)
{
    hal_pte_t *entry = test_entry(test_space(), VA, 0);
    hal_pa_t pa = hal_pte_kind(*entry, 0) == HAL_PTE_HOLE ? test_page() : hal_pte_addr(*entry, 0);
    uint8_t *page = hal_pa_to_ptr(pa);

    memcpy(page, machine_answer1, machine_answer_size);
    hal_icache_sync(page, HAL_PAGE_SIZE);
    *entry = hal_pte_leaf(pa, attr, 0);
    hal_tlb_flush_page(test_space()->asid, VA);
    return page;
}

static struct test_event access(const char *label)
{
    return test_resume_through_interrupts(test_thread(0, label, VA));
}

static struct test_event fetch(void)
{
    struct uctx *u = test_thread(0, user_break, 0);

    hal_uctx_init(u, VA, TEST_STACK, 0, 0);
    return test_resume_through_interrupts(u);
}

static void user_may(unsigned attr, bool read, bool write, bool exec)
{
    (void)page_with(attr);
    EXPECT_EQ(access(user_load).kind, read ? TEST_EXCEPTION : TEST_PAGE_FAULT);
    EXPECT_EQ(access(user_store).kind, write ? TEST_EXCEPTION : TEST_PAGE_FAULT);
    (void)page_with(attr);
    EXPECT_EQ(fetch().kind, exec ? TEST_TRAP : TEST_PAGE_FAULT);
}

static void user_pages(void)
{
    user_may(TEST_ATTR_R, true, false, false);
    user_may(TEST_ATTR_RW, true, true, false);
    user_may(TEST_ATTR_RX, true, false, true);
}

static void kernel_pages(void)
{
    user_may(TEST_ATTR_R & ~HAL_ATTR_U, false, false, false);
    user_may(TEST_ATTR_RW & ~HAL_ATTR_U, false, false, false);
    user_may(TEST_ATTR_RX & ~HAL_ATTR_U, false, false, false);
}

/* Run `label` on a page without `missing`: either the CPU adds that to the entry, or a fault asks the kernel to. */
static void accessed_or_dirty(unsigned missing, const char *label, unsigned fault_access)
{
    hal_pte_t *entry = test_entry(test_space(), VA, 0);

    (void)page_with(TEST_ATTR_RW & ~missing);
    EXPECT_EQ(hal_pte_attr(*entry, 0), TEST_ATTR_RW & ~missing);
    struct test_event event = access(label);
    if (event.kind == TEST_PAGE_FAULT) {
        EXPECT_EQ(event.va, VA);
        EXPECT_EQ(event.access, fault_access);
        *entry = hal_pte_leaf(hal_pte_addr(*entry, 0), TEST_ATTR_RW, 0);
        hal_pt_publish(VA);
        event = test_resume_through_interrupts(event.u);
    }
    EXPECT_EQ(event.kind, TEST_EXCEPTION);
    EXPECT_EQ(hal_pte_attr(*entry, 0), TEST_ATTR_RW);
}

static void accessed(void)
{
    hal_pte_t *entry = test_entry(test_space(), VA, 0);

    (void)page_with(TEST_ATTR_R & ~HAL_ATTR_ACCESSED);
    struct test_event event = access(user_load);
    if (event.kind != TEST_PAGE_FAULT)
        EXPECT_EQ(hal_pte_attr(*entry, 0), TEST_ATTR_R);
    else
        EXPECT_EQ(event.access, HAL_ACCESS_READ);
}

static void dirty(void)
{
    accessed_or_dirty(HAL_ATTR_DIRTY, user_store, HAL_ACCESS_WRITE);
}

static void dirty_not_by_read(void)
{
    (void)page_with(TEST_ATTR_RW & ~HAL_ATTR_DIRTY);
    EXPECT_EQ(access(user_load).kind, TEST_EXCEPTION);
    EXPECT_EQ(hal_pte_attr(*test_entry(test_space(), VA, 0), 0), TEST_ATTR_RW & ~HAL_ATTR_DIRTY);
}

/* ---- The kernel ---- */

static void load(uint64_t address)
{
    (void)*(volatile uint8_t *)(uintptr_t)address;
}

static void store(uint64_t address)
{
    *(volatile uint8_t *)(uintptr_t)address = *(uint8_t *)(uintptr_t)address;
}

TEST_WILD_CALL static void call(uint64_t address)
{
    ((void (*)(void))(uintptr_t)address)();
}

static void blind_store(uint64_t address)
{
    *(volatile uint8_t *)(uintptr_t)address = 0;
}

static void kernel_user_data(void)
{
    if (!machine_guards_data()) {
        test_skip("this CPU does not keep the kernel from user pages");
        return;
    }
    (void)page_with(TEST_ATTR_RW);
    EXPECT_EQ(test_panics(load, VA, NULL), TEST_TRAP_PANIC);
    EXPECT_EQ(test_panics(blind_store, VA, NULL), TEST_TRAP_PANIC);
}

static void kernel_user_code(void)
{
    struct hal_trap_frame frame = {0};

    if (!machine_guards_code()) {
        test_skip("this CPU does not keep the kernel from user code");
        return;
    }
    (void)page_with(TEST_ATTR_RX);
    EXPECT_EQ(test_panics(call, VA, &frame), TEST_TRAP_PANIC);
    EXPECT_EQ(frame.pc, VA);
}

static void kernel_text(void)
{
    EXPECT_EQ(test_panics(store, (uint64_t)(uintptr_t)hal_time_now, NULL), TEST_TRAP_PANIC);
}

static void kernel_constants(void)
{
    EXPECT_EQ(test_panics(store, (uint64_t)(uintptr_t)machine_user_begin, NULL), TEST_TRAP_PANIC);
}

static uint8_t data[64];

static void kernel_data(void)
{
    uint64_t stack = (uint64_t)(uintptr_t)&stack;

    EXPECT_EQ(test_panics(store, (uint64_t)(uintptr_t)data, NULL), TEST_NO_PANIC);
    EXPECT_EQ(test_panics(call, (uint64_t)(uintptr_t)data, NULL), TEST_TRAP_PANIC);
    EXPECT_EQ(test_panics(call, stack, NULL), TEST_TRAP_PANIC);
}

static void direct_map(void)
{
    struct hal_trap_frame frame = {0};
    hal_pa_t page = test_page();

    EXPECT_EQ(test_panics(call, (uint64_t)(uintptr_t)hal_pa_to_ptr(page), &frame), TEST_TRAP_PANIC);
    EXPECT_EQ(frame.pc, (uint64_t)(uintptr_t)hal_pa_to_ptr(page));
}

/* The image's text at its physical address: found by its contents. */
static void direct_map_text(void)
{
    const uint64_t step = HAL_PAGE_SIZE, size = 64;
    uint64_t offset = (uint64_t)(uintptr_t)hal_time_now % step;
    uint64_t found = 0;

    for (uint64_t base = hal_info.mem[0].base.addr & ~UINT64_C(0xffffff); base < hal_info.mem_limit.addr;
         base += step) {
        const uint8_t *at = hal_pa_to_ptr(HAL_PA(base + offset));
        bool free = false;
        for (uint32_t i = 0; i < hal_info.mem_count; i++)
            free = free || base - hal_info.mem[i].base.addr < hal_info.mem[i].size;
        if (free || test_panics(load, (uint64_t)(uintptr_t)at, NULL) != TEST_NO_PANIC)
            continue;
        if (memcmp(at, (const void *)(uintptr_t)hal_time_now, size) != 0)
            continue;
        found++;
        EXPECT_EQ(test_panics(store, (uint64_t)(uintptr_t)at, NULL), TEST_TRAP_PANIC);
    }
    EXPECT_EQ(found, 1);
}

/* The page below the CPU's stack. */
static uint64_t cpu_stack;

static void note_stack(void)
{
    cpu_stack = (uint64_t)(uintptr_t)__builtin_frame_address(0);
}

static void guard(void)
{
    uint64_t page;

    test_on_cpu_stack(note_stack);
    for (page = cpu_stack / HAL_PAGE_SIZE * HAL_PAGE_SIZE; cpu_stack - page < 0x10000;
         page -= HAL_PAGE_SIZE) {
        if (test_panics(store, page, NULL) == TEST_TRAP_PANIC)
            break;
    }
    EXPECT(cpu_stack - page >= 0x2000 && cpu_stack - page < 0x10000);
}

static const struct test_case cases[] = {
    {"hal_pte_leaf", "U: R, W and X permit the user just that", user_pages},
    {"hal_pte_leaf", "not U: the user gets nothing", kernel_pages},
    {"hal_pte_leaf", "ACCESSED clear: a first access sets it or faults", accessed},
    {"hal_pte_leaf", "DIRTY clear: a first write sets it or faults", dirty},
    {"hal_pte_leaf", "DIRTY clear: a read succeeds and leaves it clear", dirty_not_by_read},
    {"kern_trap_panic", "the kernel reads or writes a user page", kernel_user_data},
    {"kern_trap_panic", "the kernel executes a user page", kernel_user_code},
    {"kern_trap_panic", "the kernel writes its text", kernel_text},
    {"kern_trap_panic", "the kernel writes its constants", kernel_constants},
    {"kern_trap_panic", "the kernel executes its data or a stack", kernel_data},
    {"kern_trap_panic", "the kernel executes the direct map", direct_map},
    {"kern_trap_panic", "the kernel writes its text through the direct map", direct_map_text},
    {"kern_trap_panic", "the kernel writes below its stack", guard},
};
TEST_GROUP(test_protection, "protection", cases);
