/* SPDX-License-Identifier: BSD-2-Clause */
/* RAM and address spaces of the suite: a bump allocator over hal_info.mem[] and a walker over the PTE codec. */
#include "test.h"

static uint32_t range; /* of hal_info.mem[] */
static uint64_t used;  /* bytes of it */
static struct test_space common;

hal_pa_t test_block(uint64_t bytes)
{
    for (; range < hal_info.mem_count; range++, used = 0) {
        const struct hal_mem_range *r = &hal_info.mem[range];
        uint64_t start = (r->base.addr + used + bytes - 1) & ~(bytes - 1);
        if (start - r->base.addr + bytes <= r->size && start - r->base.addr < r->size) {
            used = start - r->base.addr + bytes;
            return HAL_PA(start);
        }
        if (bytes > HAL_PAGE_SIZE)
            break;
    }
    return HAL_PA(0);
}

hal_pa_t test_page(void)
{
    hal_pa_t pa = test_block(HAL_PAGE_SIZE);

    if (pa.addr == 0)
        test_bail_out("no memory is left");
    memset(hal_pa_to_ptr(pa), 0, HAL_PAGE_SIZE);
    return pa;
}

hal_pte_t *test_entry(const struct test_space *space, hal_va_t va, unsigned level)
{
    hal_pa_t table = space->root;

    for (unsigned l = hal_info.pt_levels - 1;; l--) {
        hal_pte_t *entry = (hal_pte_t *)hal_pa_to_ptr(table) +
                           (va >> (HAL_PAGE_SHIFT + HAL_PT_SHIFT * l) & (HAL_PT_ENTRIES - 1));
        if (l == level)
            return entry;
        if (hal_pte_kind(*entry, l) == HAL_PTE_HOLE)
            *entry = hal_pte_table(test_page(), l);
        table = hal_pte_addr(*entry, l);
    }
}

void test_map(const struct test_space *space, hal_va_t va, hal_pa_t pa, unsigned attr, unsigned level)
{
    *test_entry(space, va, level) = hal_pte_leaf(pa, attr, level);
    hal_pt_publish(va);
}

void *test_page_at(const struct test_space *space, hal_va_t va)
{
    return hal_pa_to_ptr(hal_pte_addr(*test_entry(space, va, 0), 0));
}

hal_va_t test_code(const char *label)
{
    return TEST_CODE + (uint64_t)(label - machine_user_begin);
}

void test_space_init(struct test_space *space, hal_asid_t asid)
{
    hal_pa_t code = test_page();

    space->root = test_page();
    space->asid = asid;
    hal_pt_init_root(space->root);
    space->token = hal_pt_token(space->root, asid);
    memcpy(hal_pa_to_ptr(code), machine_user_begin, (size_t)(machine_user_end - machine_user_begin));
    hal_icache_sync(hal_pa_to_ptr(code), HAL_PAGE_SIZE);
    test_map(space, TEST_CODE, code, TEST_ATTR_RX, 0);
    test_map(space, TEST_DATA, test_page(), TEST_ATTR_RW, 0);
}

const struct test_space *test_space(void)
{
    return &common;
}

void test_space_activate(const struct test_space *space)
{
    hal_pt_activate(space->token);
}

void test_memory_init(void)
{
    test_space_init(&common, 0);
    test_space_activate(&common);
}
