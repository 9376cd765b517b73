/* SPDX-License-Identifier: BSD-2-Clause */
#include <kern/cache.h>
#include <kern/panic.h>
#include <vm/vm_radix.h>

#define RADIX_SHIFT 6u
#define RADIX_SLOTS (1u << RADIX_SHIFT)
#define RADIX_HEIGHT_MAX 9u /* 54 bits of index: more than page numbers have */

struct radix_node {
    uint64_t used;
    void *slot[RADIX_SLOTS];
};

static struct cache radix_cache;

void vm_radix_init_module(void)
{
    cache_init(&radix_cache, "vm_radix", sizeof(struct radix_node), 8);
}

void vm_radix_init(struct vm_radix *tree)
{
    tree->root = NULL;
    tree->height = 0;
}

/* Which slot of a node at `level` (0: its slots hold items) leads to `index`. */
static unsigned radix_slot(uint64_t index, unsigned level)
{
    return (unsigned)(index >> RADIX_SHIFT * level) & (RADIX_SLOTS - 1);
}

static bool radix_covers(const struct vm_radix *tree, uint64_t index)
{
    return tree->height > 0 && index >> RADIX_SHIFT * tree->height == 0;
}

void *vm_radix_lookup(const struct vm_radix *tree, uint64_t index)
{
    if (!radix_covers(tree, index))
        return NULL;
    void *item = tree->root;
    for (unsigned level = tree->height; level > 0 && item != NULL; level--)
        item = ((struct radix_node *)item)->slot[radix_slot(index, level - 1)];
    return item;
}

/* Raise the tree until it covers `index`. Returns false without memory: a valid tree of the same contents. */
static bool radix_raise(struct vm_radix *tree, uint64_t index)
{
    while (!radix_covers(tree, index)) {
        if (tree->root != NULL) {
            struct radix_node *node = cache_alloc_zero(&radix_cache);
            if (node == NULL)
                return false;
            node->slot[0] = tree->root;
            node->used = 1;
            tree->root = node;
        }
        tree->height++;
    }
    return true;
}

/* Where the pointer to the node at `level` on the way to `index` is. */
static void **radix_link(struct vm_radix *tree, struct radix_node **path, uint64_t index, unsigned level)
{
    return level + 1 == tree->height ? &tree->root : &path[level + 1]->slot[radix_slot(index, level + 1)];
}

/* Free the empty nodes on the way to `index`, from `level` upwards. */
static void radix_prune(struct vm_radix *tree, struct radix_node **path, uint64_t index, unsigned level)
{
    for (; level < tree->height && path[level]->used == 0; level++) {
        *radix_link(tree, path, index, level) = NULL;
        if (level + 1 < tree->height)
            path[level + 1]->used--;
        cache_free(&radix_cache, path[level]);
    }
    if (tree->root == NULL)
        tree->height = 0;
}

bool vm_radix_insert(struct vm_radix *tree, uint64_t index, void *item)
{
    struct radix_node *path[RADIX_HEIGHT_MAX];

    KASSERT(index >> RADIX_SHIFT * RADIX_HEIGHT_MAX == 0);
    if (!radix_raise(tree, index))
        return false;
    KASSERT(tree->height > 0);
    for (unsigned level = tree->height; level-- > 0;) {
        void **link = radix_link(tree, path, index, level);
        if (*link == NULL) {
            *link = cache_alloc_zero(&radix_cache);
            if (*link == NULL) {
                radix_prune(tree, path, index, level + 1);
                return false;
            }
            if (level + 1 < tree->height)
                path[level + 1]->used++;
        }
        path[level] = *link;
    }
    path[0]->slot[radix_slot(index, 0)] = item;
    path[0]->used++;
    return true;
}

void *vm_radix_remove(struct vm_radix *tree, uint64_t index)
{
    struct radix_node *path[RADIX_HEIGHT_MAX];

    if (!radix_covers(tree, index))
        return NULL;
    for (unsigned level = tree->height; level-- > 0;) {
        path[level] = *radix_link(tree, path, index, level);
        if (path[level] == NULL)
            return NULL;
    }
    void *item = path[0]->slot[radix_slot(index, 0)];
    if (item != NULL) {
        path[0]->slot[radix_slot(index, 0)] = NULL;
        path[0]->used--;
        radix_prune(tree, path, index, 0);
    }
    return item;
}

/*
 * Go down towards *index.  Returns the item there; or NULL, with *index behind the empty part of the lowest
 * node that there is on the way.
 */
static void *radix_skip(const struct vm_radix *tree, uint64_t *index)
{
    const struct radix_node *node = tree->root;

    for (unsigned level = tree->height; level-- > 0;) {
        unsigned slot = radix_slot(*index, level);
        uint64_t span = (uint64_t)1 << RADIX_SHIFT * level;
        while (node->slot[slot] == NULL) {
            *index = (*index & ~(span - 1)) + span;
            if (++slot == RADIX_SLOTS)
                return NULL;
        }
        if (level == 0)
            return node->slot[slot];
        node = node->slot[slot];
    }
    return NULL;
}

void *vm_radix_next(const struct vm_radix *tree, uint64_t *index)
{
    void *item = NULL;

    while (item == NULL && radix_covers(tree, *index))
        item = radix_skip(tree, index);
    return item;
}
