/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of pages (vm/vm_radix.c), called directly: random changes and copies of several trees that share pages are
 * compared with arrays, and no page is lost or freed twice.
 */
#include "unit.h"

#include <hal/hal.h>
#include <stdlib.h>
#include <string.h>
#include <vm/vm_page_i.h>
#include <vm/vm_radix.h>
#include <vm/vm_stat.h>

#define TREES 4u
#define INDICES 5000u /* three levels */
#define STEPS 4000u

static struct tree {
    struct vm_radix radix;
    const struct vm_page *page[INDICES];
    bool writable[INDICES];
} trees[TREES];

static struct ledger_account *const payer = &ledger_kernel.memory;
static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

/* Mostly short ranges, some around the borders of nodes. */
static void draw_range(uint64_t *first, uint64_t *end)
{
    static const uint32_t lengths[] = {1, 3, 64, 70, 700, 4096, INDICES};
    uint32_t length = 1 + draw(lengths[draw(7)]);

    *first = draw(INDICES);
    if (draw(3) == 0)
        *first &= ~(uint64_t)63;
    *end = *first + length < INDICES ? *first + length : INDICES;
}

static bool held_elsewhere(const struct tree *tree, uint64_t index)
{
    for (const struct tree *other = trees; other < &trees[TREES]; other++) {
        for (uint64_t i = 0; i < INDICES; i++)
            if (other->page[i] == tree->page[index] && (other != tree || i != index))
                return true;
    }
    return false;
}

static void check_page(struct tree *tree, uint64_t index, bool write)
{
    bool own;
    const struct vm_page *page = vm_radix_find(&tree->radix, index, write, &own);

    SIM_CHECK(page == tree->page[index]);
    SIM_CHECK(own == (page != NULL && !held_elsewhere(tree, index)));
    tree->writable[index] |= write && own;
}

static void check_tree(struct tree *tree)
{
    uint64_t index = 0;

    for (uint64_t i = 0; i < INDICES; i++) {
        bool own;
        struct vm_page *run[3] = {NULL};
        SIM_CHECK(vm_radix_find(&tree->radix, i, false, &own) == tree->page[i]);
        for (unsigned k = vm_radix_run(&tree->radix, i, 3, run); k-- > 0;)
            SIM_CHECK(run[k] == tree->page[i + k]);
        SIM_CHECK(tree->radix.height == 0 || (run[0] != NULL) == (tree->page[i] != NULL));
        if (tree->page[i] == NULL)
            continue;
        SIM_CHECK(vm_radix_next(&tree->radix, &index) == tree->page[i] && index == i);
        index++;
    }
    SIM_CHECK(vm_radix_next(&tree->radix, &index) == NULL);
}

/* A page that somebody paid for. */
static struct vm_page *page_adopt(void *memory)
{
    SIM_CHECK(ledger_charge(payer, HAL_PAGE_SIZE));
    return vm_page_adopt(memory, payer);
}

static void do_insert(struct tree *tree, uint64_t index)
{
    bool write = draw(4) == 0;
    void *memory = vm_page_alloc(0);
    struct vm_page *old;

    SIM_CHECK(memory != NULL);
    if (tree->writable[index])
        return vm_page_free(memory, 0); /* a page that may be written is never replaced */
    struct vm_page *page = page_adopt(memory);
    SIM_CHECK(vm_radix_insert(&tree->radix, index, page, write, &old));
    SIM_CHECK(old == tree->page[index]);
    if (old != NULL)
        vm_page_unref(old);
    tree->page[index] = page;
    tree->writable[index] = write;
}

static void do_remove(struct tree *tree, uint64_t first, uint64_t end)
{
    SIM_CHECK(vm_radix_remove(&tree->radix, first, end));
    for (uint64_t i = first; i < end; i++) {
        tree->page[i] = NULL;
        tree->writable[i] = false;
    }
}

static void do_protect(struct tree *tree, uint64_t first, uint64_t end)
{
    uint64_t low = first, high = end;
    bool any = vm_radix_protect(&tree->radix, &low, &high, UINT32_MAX);

    for (uint64_t i = first; i < end; i++) {
        if (!tree->writable[i])
            continue;
        SIM_CHECK(any && i >= low && i < high);
        tree->writable[i] = false;
    }
    SIM_CHECK(!any || (low >= first && high <= end && low < high));
    SIM_CHECK(!vm_radix_protect(&tree->radix, &(uint64_t){first}, &(uint64_t){end}, UINT32_MAX));
}

static void do_share(struct tree *tree, struct tree *copy, uint64_t first, uint64_t end)
{
    uint64_t base = vm_radix_base(first, end);

    (void)vm_radix_clear(&copy->radix, &(uint64_t){UINT64_MAX});
    memset(copy->page, 0, sizeof(copy->page));
    memset(copy->writable, 0, sizeof(copy->writable));
    do_protect(tree, first, end);
    SIM_CHECK(base <= first);
    SIM_CHECK(vm_radix_share(&tree->radix, first, end, base, &copy->radix));
    for (uint64_t i = first; i < end; i++)
        copy->page[i - base] = tree->page[i];
}

/* Clear in small steps: the tree may be changed by nobody meanwhile, but others that share with it may. */
static void do_clear(struct tree *tree)
{
    struct tree *other = &trees[draw(TREES)];
    uint64_t budget, given;
    bool over;

    memset(tree->page, 0, sizeof(tree->page));
    memset(tree->writable, 0, sizeof(tree->writable));
    do {
        budget = given = 1 + draw(50);
        if (other != tree)
            do_insert(other, draw(INDICES));
        over = vm_radix_clear(&tree->radix, &budget);
        SIM_CHECK(budget <= given);
    } while (!over);
}

static void step(void)
{
    struct tree *tree = &trees[draw(TREES)], *copy = &trees[draw(TREES)];
    uint64_t first, end;

    draw_range(&first, &end);
    switch (draw(8)) {
    case 0:
    case 1:
    case 2:
        for (uint64_t i = first; i < end; i += 1 + draw(5))
            do_insert(tree, i);
        break;
    case 3:
        do_remove(tree, first, end);
        break;
    case 4:
        do_protect(tree, first, end);
        break;
    case 5:
        if (copy != tree)
            do_share(tree, copy, first, end);
        break;
    case 6:
        if (draw(8) == 0)
            do_clear(tree);
        break;
    default:
        for (uint32_t i = 0; i < 4; i++)
            check_page(tree, draw(INDICES), draw(2) == 0);
        break;
    }
}

static void test_random(void)
{
    uint64_t pages = vm_stat_sum(VM_STAT_OBJECT_PAGES);

    for (uint32_t i = 0; i < TREES; i++)
        vm_radix_init(&trees[i].radix, payer);

    state = UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = 0; i < STEPS; i++) {
        step();
        if (i % 64 == 0)
            check_tree(&trees[draw(TREES)]);
    }
    for (uint32_t i = 0; i < TREES; i++)
        do_remove(&trees[i], 0, INDICES);
    for (uint32_t i = 0; i < TREES; i++)
        SIM_CHECK(trees[i].radix.root == NULL && trees[i].radix.height == 0 && !trees[i].radix.writable);
    SIM_CHECK(vm_stat_sum(VM_STAT_OBJECT_PAGES) == pages);
}

/* A thousand copies, each of the one before, each with a page of its own: none is deeper than the first. */
static void test_generations(void)
{
    static struct vm_radix generation[1000];
    struct vm_page *old;
    bool own;

    for (uint32_t i = 0; i < 1000; i++)
        vm_radix_init(&generation[i], payer);
    for (uint32_t i = 0; i < 100; i++)
        SIM_CHECK(vm_radix_insert(&generation[0], i, page_adopt(vm_page_alloc(0)), false, &old));
    for (uint32_t i = 1; i < 1000; i++) {
        SIM_CHECK(vm_radix_share(&generation[i - 1], 0, 100, 0, &generation[i]));
        SIM_CHECK(vm_radix_find(&generation[i], i % 100, true, &own) != NULL && !own);
        SIM_CHECK(vm_radix_insert(&generation[i], i % 100, page_adopt(vm_page_alloc(0)), false, &old));
        vm_page_unref(old);
        SIM_CHECK(vm_radix_find(&generation[i], i % 100, false, &own) != NULL && own);
        SIM_CHECK(generation[i].height == generation[0].height);
    }
    for (uint32_t i = 0; i < 1000; i++)
        SIM_CHECK(vm_radix_clear(&generation[i * 7 % 1000], &(uint64_t){UINT64_MAX}));
}

/* What does not exist, next to what does; and the largest page numbers. */
static void test_borders(void)
{
    const uint64_t far = (UINT64_C(1) << 36) - 1;
    struct vm_radix tree, copy;
    struct vm_page *old;
    uint64_t index = 0;
    bool own;

    vm_radix_init(&tree, payer);
    vm_radix_init(&copy, payer);
    SIM_CHECK(vm_radix_find(&tree, 0, true, &own) == NULL && !own && vm_radix_next(&tree, &index) == NULL);
    SIM_CHECK(vm_radix_remove(&tree, 0, UINT64_MAX) && vm_radix_clear(&tree, &index));
    struct vm_page *page = page_adopt(vm_page_alloc(0));
    SIM_CHECK(vm_radix_insert(&tree, far, page, false, &old) && old == NULL);
    SIM_CHECK(vm_radix_find(&tree, far - 1, false, &own) == NULL &&
              vm_radix_find(&tree, far + 1, false, &own) == NULL);
    SIM_CHECK(vm_radix_remove(&tree, 0, far) && vm_radix_remove(&tree, far + 1, UINT64_MAX));
    SIM_CHECK(vm_radix_find(&tree, far, true, &own) == page && own);
    SIM_CHECK(vm_radix_base(far - 3, far + 1) == far - 63 && vm_radix_base(far, far + 1) == far &&
              vm_radix_base(far, far + 2) == 0 && vm_radix_base(63, 65) == 0);
    uint64_t first = 0, end = UINT64_MAX;
    SIM_CHECK(vm_radix_protect(&tree, &first, &end, UINT32_MAX) && first == far && end == far + 1);
    SIM_CHECK(vm_radix_share(&tree, far, far + 1, far, &copy) && copy.height == 0 && copy.root == page);
    vm_radix_clear_all(&copy);
    vm_radix_share_page(&tree, far + 1, &copy);
    vm_radix_share_page(&tree, UINT64_MAX, &copy);
    SIM_CHECK(copy.root == NULL && page->refs == 1);
    vm_radix_share_page(&tree, far, &copy);
    SIM_CHECK(copy.height == 0 && vm_radix_find(&copy, 0, true, &own) == page && !own && page->refs == 2);
    SIM_CHECK(vm_radix_remove(&tree, far, far + 1) && tree.root == NULL && tree.height == 0);
    SIM_CHECK(vm_radix_find(&copy, 0, true, &own) == page && own && copy.writable);
    SIM_CHECK(vm_radix_remove(&copy, 0, 1) && copy.root == NULL && !copy.writable);
}

/* The right to write is taken away in bounded steps, which skip what has none. */
static void test_steps(void)
{
    const uint64_t leaves = 10, gap = 5000 * 64;
    struct vm_radix tree;
    struct vm_page *old;
    uint64_t first = 0, end = UINT64_MAX;
    unsigned steps = 0;

    vm_radix_init(&tree, payer);
    for (uint64_t i = 0; i < leaves * 64; i++)
        SIM_CHECK(vm_radix_insert(&tree, i < 320 ? i : gap + i, page_adopt(vm_page_alloc(0)), true, &old));
    while (vm_radix_protect(&tree, &first, &end, 2)) {
        SIM_CHECK(first == (steps < 2 ? steps * 128u : steps == 2 ? 256u : gap + steps * 128u));
        SIM_CHECK(end - first == (steps == 2 ? gap + 384 - 256 : 128));
        first = end;
        end = UINT64_MAX;
        steps++;
    }
    SIM_CHECK(steps == 5 && !tree.writable);
    SIM_CHECK(vm_radix_clear(&tree, &(uint64_t){UINT64_MAX}));
}

/* --- runs --- */

int main(void)
{
    static const struct {
        void (*function)(void);
        const char *name;
    } tests[] = {
        {test_random, "trees: random changes and copies"},
        {test_generations, "trees: a thousand generations of copies"},
        {test_borders, "trees: borders"},
        {test_steps, "trees: the right to write goes in steps"},
    };

    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        struct sim_config config = sim_config_default();

        config.memory = UINT64_C(256) << 20;
        unit_in_kernel(config, tests[i].function, SIM_FAILED, UNIT_DONE, tests[i].name);
    }
    return unit_end();
}
