/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of a map's entries (vm/vm_map_tree.c), called directly: entries that come, go, and change their ends at random are
 * compared with an array of pages, and what each node says of its subtree with what is below.
 */
#include "unit.h"

#include <hal/hal.h>
#include <kern/ledger.h>
#include <mach/vm_param.h>
#include <vm/vm_map_i.h>

#define PAGES 3000u
#define LENGTH_MAX 12u
#define STEPS 40000u

static struct vm_map *map;
static struct vm_map_entry *at[PAGES]; /* what covers the page */
static uint64_t inserted;              /* entries, ever */
static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

static hal_va_t address_of(uint32_t page)
{
    return hal_info.user_base + (hal_va_t)page * PAGE_SIZE;
}

static uint32_t page_of(hal_va_t address)
{
    return (uint32_t)((address - hal_info.user_base) / PAGE_SIZE);
}

static void cover(struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
{
    for (uint32_t i = page_of(start); i < page_of(end); i++)
        at[i] = entry;
}

/* --- what must be true --- */

struct subtree {
    int height; /* as it says */
    int depth;  /* as it is */
    uint64_t max_gap;
};

static struct subtree check_subtree(const struct vm_map_entry *entry, const struct vm_map_entry *parent)
{
    if (entry == NULL)
        return (struct subtree){0, 0, 0};
    SIM_CHECK(entry->parent == parent);
    struct subtree low = check_subtree(entry->child[0], entry);
    struct subtree high = check_subtree(entry->child[1], entry);
    struct subtree all = {entry->height, (low.depth > high.depth ? low.depth : high.depth) + 1, entry->gap};
    all.max_gap = low.max_gap > all.max_gap ? low.max_gap : all.max_gap;
    all.max_gap = high.max_gap > all.max_gap ? high.max_gap : all.max_gap;
    SIM_CHECK(all.height > low.height && all.height > high.height && entry->max_gap == all.max_gap);
    return all;
}

/* The whole tree. No path is longer than 1.4405 log2 of the number of insertions, which is what 36/25 bounds. */
static void check_tree(void) REQUIRES(map->lock)
{
    const struct subtree all = check_subtree(map->root, NULL);
    int log2 = 0;

    while ((inserted + 2) >> log2 > 1)
        log2++;
    SIM_CHECK(all.height <= log2 * 36 / 25 + 1 && all.depth <= all.height);
}

/* The lowest entry that ends above the page, by the array. */
static struct vm_map_entry *find(uint32_t page)
{
    while (page < PAGES && at[page] == NULL)
        page++;
    return page < PAGES ? at[page] : NULL;
}

static void check_search(uint32_t page, uint32_t count) REQUIRES(map->lock)
{
    struct vm_map_entry *next;
    hal_va_t start = 0;
    uint32_t first = page, run = 0;

    SIM_CHECK(vm_map_tree_find(map, address_of(page)) == find(page));
    for (uint32_t i = page; i < PAGES && run < count; i++) {
        run = at[i] == NULL ? run + 1 : 0;
        if (run == 0)
            first = i + 1;
    }
    SIM_CHECK(vm_map_tree_space(map, address_of(page), (uint64_t)count * PAGE_SIZE, &start, &next));
    SIM_CHECK(start == address_of(first)); /* there is room behind all pages */
    SIM_CHECK(next == find(first));
}

/* --- changes --- */

static void insert(uint32_t first, uint32_t count) REQUIRES(map->lock)
{
    for (uint32_t i = first; i < first + count; i++) {
        if (at[i] != NULL)
            return;
    }
    struct vm_map_entry *entry = vm_map_entry_alloc(map->payer);
    SIM_CHECK(entry != NULL);
    entry->start = address_of(first);
    entry->end = address_of(first + count);
    vm_map_tree_insert(map, entry, find(first));
    inserted++;
    cover(entry, entry->start, entry->end);
}

static void remove_entry(struct vm_map_entry *entry) REQUIRES(map->lock)
{
    cover(NULL, entry->start, entry->end);
    vm_map_tree_remove(map, entry);
    vm_map_entry_free(entry);
}

/* Give up a page at either end, or take one there that is free. */
static void resize(struct vm_map_entry *entry) REQUIRES(map->lock)
{
    hal_va_t start = entry->start, end = entry->end;

    if (draw(2) == 0)
        start += PAGE_SIZE;
    else if (start > hal_info.user_base && at[page_of(start) - 1] == NULL)
        start -= PAGE_SIZE;
    if (draw(2) == 0)
        end -= PAGE_SIZE;
    else if (page_of(end) < PAGES && at[page_of(end)] == NULL)
        end += PAGE_SIZE;
    if (start >= end)
        return;
    cover(NULL, entry->start, entry->end);
    vm_map_tree_resize(map, entry, start, end);
    cover(entry, start, end);
}

static void step(bool grows) REQUIRES(map->lock)
{
    uint32_t page = draw(PAGES - LENGTH_MAX);
    struct vm_map_entry *entry = at[page];

    if (entry == NULL)
        insert(page, 1 + draw(grows ? 3 : LENGTH_MAX));
    else if (draw(4) == 0)
        resize(entry);
    else if (!grows || draw(3) == 0)
        remove_entry(entry);
    check_search(draw(PAGES), 1 + draw(LENGTH_MAX));
}

static void test_random(void)
{
    uint32_t covered = 0;

    map = vm_map_create(&ledger_kernel.memory);
    SIM_CHECK(map != NULL);
    state = 1;
    spin_lock(&map->lock);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(i / 4000 % 2 == 0);
        if (i % 16 == 0)
            check_tree();
    }
    for (uint32_t i = 0; i < PAGES; i++)
        covered += at[i] != NULL;
    SIM_CHECK(map->size == (uint64_t)covered * PAGE_SIZE);
    for (uint32_t i = 0; i < PAGES; i++) {
        if (at[i] != NULL)
            remove_entry(at[i]);
        if (i % 16 == 0)
            check_tree();
    }
    SIM_CHECK(map->root == NULL && map->size == 0);
    spin_unlock(&map->lock);
    vm_map_unref(map);
}

/* Entries that come in order, and are taken away from below: the shape that rotations alone keep flat. */
static void test_in_order(void)
{
    map = vm_map_create(&ledger_kernel.memory);
    SIM_CHECK(map != NULL);
    inserted = 0;
    spin_lock(&map->lock);
    for (uint32_t i = 0; i < PAGES; i++) {
        insert(i, 1);
        check_tree();
        if (i >= 100)
            remove_entry(at[i - 100]);
    }
    SIM_CHECK(check_subtree(map->root, NULL).depth <= 2 * 7); /* of 100 entries */
    for (uint32_t i = PAGES - 100; i < PAGES; i++)
        remove_entry(at[i]);
    spin_unlock(&map->lock);
    vm_map_unref(map);
}

#define PIECES 32768u

/* The i-th of PIECES pages at equal distances, from the first of the range to the last. */
static hal_va_t piece(uint64_t i)
{
    const uint64_t pages = (hal_info.user_limit - hal_info.user_base) / PAGE_SIZE;

    return hal_info.user_base + (pages - 1) * i / (PIECES - 1) * PAGE_SIZE;
}

/* Nodes from the root down to the entry. */
static int steps_to(const struct vm_map_entry *entry)
{
    int steps = 0;

    for (; entry != NULL; entry = entry->parent)
        steps++;
    return steps;
}

/* The whole range of users in pieces, which come in an order of their own: each is found in a number of steps that grows as the logarithm. */
static void test_whole_range(void)
{
    map = vm_map_create(&ledger_kernel.memory);
    SIM_CHECK(map != NULL);
    inserted = PIECES;
    for (uint64_t i = 0; i < PIECES; i++) {
        hal_va_t address = piece(i * 10007 % PIECES);
        SIM_CHECK(vm_map_allocate(map, &address, PAGE_SIZE, false) == KERN_SUCCESS);
    }
    SIM_CHECK(piece(PIECES - 1) == hal_info.user_limit - PAGE_SIZE);
    spin_lock(&map->lock);
    SIM_CHECK(map->size == (uint64_t)PIECES * PAGE_SIZE);
    check_tree();
    for (uint64_t i = 0; i < PIECES; i++) {
        struct vm_map_entry *next;
        hal_va_t start = 0;
        const struct vm_map_entry *entry = vm_map_lookup(map, piece(i));
        SIM_CHECK(entry != NULL && entry->start == piece(i) && steps_to(entry) <= 15 * 36 / 25 + 1);
        SIM_CHECK(vm_map_lookup(map, piece(i) + PAGE_SIZE) == NULL);
        SIM_CHECK(vm_map_tree_space(map, piece(i), PAGE_SIZE, &start, &next) == (i + 1 < PIECES));
        SIM_CHECK(i + 1 == PIECES || (start == piece(i) + PAGE_SIZE && next->start == piece(i + 1)));
    }
    spin_unlock(&map->lock);
    SIM_CHECK(vm_map_deallocate(map, hal_info.user_base, hal_info.user_limit - hal_info.user_base) ==
              KERN_SUCCESS);
    SIM_CHECK(vm_map_size(map) == 0);
    vm_map_unref(map);
}

int main(void)
{
    struct sim_config config = sim_config_default();

    unit_in_kernel(config, test_in_order, SIM_FAILED, UNIT_DONE, "entries that come in order");
    unit_in_kernel(config, test_whole_range, SIM_FAILED, UNIT_DONE, "entries over the whole range of users");
    unit_in_kernel(config, test_random, SIM_FAILED, UNIT_DONE, "entries of a map come, go and change");
    return unit_end();
}
