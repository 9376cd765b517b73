/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of a map: a list in the order of addresses, and a tree over it, balanced by heights, in which each
 * node also knows the largest gap in front of an entry of its subtree, so that finding an entry and finding the
 * first fit for a new one are both O(log n).  The space behind the last entry is in no gap: it is looked at last.
 *
 * The heights of two brothers differ by at most 2 (HB[2] of Foster, "A generalization of AVL trees", 1973; AVL trees
 * are HB[1]).  Paths are a little longer, but a range that comes and goes, as memory out of line does, finds the tree
 * again as it left it: with 1 it can need a rotation each time that it comes, and the reverse each time that it goes.
 */
#include <hal/hal.h>
#include <kern/panic.h>
#include <vm/vm_map_i.h>

enum { LOWER, HIGHER };

#define TREE_LEAN_MAX 2

static struct vm_map_entry *entry_of(struct list *node)
{
    return CONTAINER_OF(node, struct vm_map_entry, link);
}

/* --- balance -------------------------------------------------------------------------------------------- */

static int tree_height(const struct vm_map_entry *entry)
{
    return entry != NULL ? entry->height : 0;
}

/* Work out what a node knows of its subtree from its children. Returns by how much the higher side is higher. */
static inline int tree_refresh(struct vm_map_entry *entry)
{
    const struct vm_map_entry *lower = entry->child[LOWER];
    const struct vm_map_entry *higher = entry->child[HIGHER];
    uint64_t max_gap = entry->gap;
    int low = 0;
    int high = 0;

    if (lower != NULL) {
        low = lower->height;
        max_gap = lower->max_gap > max_gap ? lower->max_gap : max_gap;
    }
    if (higher != NULL) {
        high = higher->height;
        max_gap = higher->max_gap > max_gap ? higher->max_gap : max_gap;
    }
    entry->max_gap = max_gap;
    entry->height = (uint8_t)((low > high ? low : high) + 1);
    return high - low;
}

/* Let `heir` (may be NULL) take the place of `entry` below entry's parent. */
static void tree_replace(struct vm_map *map, const struct vm_map_entry *entry, struct vm_map_entry *heir)
    REQUIRES(map->lock)
{
    struct vm_map_entry *parent = entry->parent;

    if (parent == NULL)
        map->root = heir;
    else
        parent->child[parent->child[HIGHER] == entry] = heir;
    if (heir != NULL)
        heir->parent = parent;
}

/* Move `entry` down to `side`; its child on the other side comes up. Returns that child. */
static struct vm_map_entry *tree_rotate(struct vm_map *map, struct vm_map_entry *entry, int side)
    REQUIRES(map->lock)
{
    struct vm_map_entry *up = entry->child[!side];
    struct vm_map_entry *inner = up->child[side];

    tree_replace(map, entry, up);
    entry->child[!side] = inner;
    if (inner != NULL)
        inner->parent = entry;
    up->child[side] = entry;
    entry->parent = up;
    (void)tree_refresh(entry);
    (void)tree_refresh(up);
    return up;
}

/* Restore the balance of the subtree at `entry`, whose children are in order, and one of them, on the side `heavy`, is too high.
 * Returns its new top. */
static __attribute__((noinline)) struct vm_map_entry *tree_balance(struct vm_map *map,
                                                                   struct vm_map_entry *entry, int heavy)
    REQUIRES(map->lock)
{
    struct vm_map_entry *child = entry->child[heavy];

    if (tree_height(child->child[heavy]) < tree_height(child->child[!heavy]))
        tree_rotate(map, child, heavy);
    return tree_rotate(map, entry, !heavy);
}

/* Restore balance, heights and gaps from `entry` upwards: as far as `last`, if that is not NULL, and until a subtree is
 * to those above what it was. */
static void tree_fix(struct vm_map *map, struct vm_map_entry *entry, const struct vm_map_entry *last)
    REQUIRES(map->lock)
{
    while (entry != NULL) {
        const uint8_t height = entry->height;
        const uint64_t max_gap = entry->max_gap;
        if (entry == last)
            last = NULL;
        const int lean = tree_refresh(entry);
        if (lean < -TREE_LEAN_MAX || lean > TREE_LEAN_MAX)
            entry = tree_balance(map, entry, lean > 0 ? HIGHER : LOWER);
        if (last == NULL && entry->height == height && entry->max_gap == max_gap)
            return;
        entry = entry->parent;
    }
}

/* The gap in front of `entry` has grown (or, by a negative number, shrunk). */
static void tree_grow_gap(struct vm_map *map, struct vm_map_entry *entry, uint64_t by) REQUIRES(map->lock)
{
    if (by == 0)
        return;
    entry->gap += by;
    tree_fix(map, entry, NULL);
}

/* --- changes -------------------------------------------------------------------------------------------- */

/* Hang `entry` into the tree just below `next`, or, if that is NULL, above all: one of the two neighbours has room there. */
static void tree_hang(struct vm_map *map, struct vm_map_entry *entry, struct vm_map_entry *below,
                      struct vm_map_entry *next) REQUIRES(map->lock)
{
    struct vm_map_entry *parent = below;

    if (next != NULL && next->child[LOWER] == NULL) {
        parent = next;
        next->child[LOWER] = entry;
    } else if (below != NULL) {
        below->child[HIGHER] = entry;
    } else {
        map->root = entry;
    }
    entry->parent = parent;
    entry->child[LOWER] = NULL;
    entry->child[HIGHER] = NULL;
    entry->height = 1;
}

void vm_map_tree_insert(struct vm_map *map, struct vm_map_entry *entry, struct vm_map_entry *next)
{
    struct list *place = next != NULL ? &next->link : &map->entries;
    struct vm_map_entry *below = place->prev != &map->entries ? entry_of(place->prev) : NULL;

    tree_hang(map, entry, below, next);
    list_insert_tail(place, &entry->link);
    entry->map = map;
    map->size += entry->end - entry->start;
    entry->gap = entry->start - (below != NULL ? below->end : hal_info.user_base);
    entry->max_gap = entry->gap;
    if (next != NULL)
        next->gap = next->start - entry->end;
    tree_fix(map, entry->parent, next); /* next is among those above, for the entry has no child */
}

/* Let `heir` take the place of `entry`, of which those above know what they knew. */
static void tree_inherit(struct vm_map *map, const struct vm_map_entry *entry, struct vm_map_entry *heir)
    REQUIRES(map->lock)
{
    heir->height = entry->height;
    heir->max_gap = entry->max_gap;
    tree_replace(map, entry, heir);
}

/* Take `entry`, which has two children, out of the tree by putting the next higher one in its place: `heir`, the leftmost below
 * child[HIGHER]. Returns the lowest node whose subtree changed. */
static struct vm_map_entry *tree_remove_inner(struct vm_map *map, struct vm_map_entry *entry,
                                              struct vm_map_entry *heir) REQUIRES(map->lock)
{
    struct vm_map_entry *changed = heir;

    if (heir->parent != entry) {
        changed = heir->parent;
        tree_replace(map, heir, heir->child[HIGHER]);
        heir->child[HIGHER] = entry->child[HIGHER];
        heir->child[HIGHER]->parent = heir;
    }
    heir->child[LOWER] = entry->child[LOWER];
    heir->child[LOWER]->parent = heir;
    tree_inherit(map, entry, heir);
    return changed;
}

void vm_map_tree_remove(struct vm_map *map, struct vm_map_entry *entry)
{
    struct vm_map_entry *next = vm_map_tree_next(map, entry);
    struct vm_map_entry *child = entry->child[entry->child[LOWER] == NULL];
    struct vm_map_entry *changed = child;
    const struct vm_map_entry *last = next; /* what lies above `changed`, or is it, and has changed, too */

    list_remove(&entry->link);
    if (next != NULL)
        next->gap += entry->gap + (entry->end - entry->start);
    if (entry->child[LOWER] != NULL && entry->child[HIGHER] != NULL) {
        changed = tree_remove_inner(map, entry, next);
    } else if (child == NULL) {
        changed = entry->parent;
        tree_replace(map, entry, NULL);
    } else {
        tree_inherit(map, entry, child);
        if (entry->child[HIGHER] != NULL) {
            changed = next; /* the lowest below the child */
            last = child;
        }
    }
    tree_fix(map, changed, last);
    map->size -= entry->end - entry->start;
    if (map->hint == entry)
        map->hint = NULL;
}

static void entry_set_range(struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
{
    entry->offset += start - entry->start;
    entry->start = start;
    entry->end = end;
}

void vm_map_tree_resize(struct vm_map *map, struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
{
    struct vm_map_entry *next = vm_map_tree_next(map, entry);
    const uint64_t from_below = start - entry->start;
    const uint64_t to_next = entry->end - end;

    map->size -= to_next + from_below;
    if (entry->object == NULL) {
        entry_set_range(entry, start, end);
    } else {
        spin_lock(&entry->object->lock);
        entry_set_range(entry, start, end);
        spin_unlock(&entry->object->lock);
    }
    tree_grow_gap(map, entry, from_below);
    if (next != NULL)
        tree_grow_gap(map, next, to_next);
}

/* --- searches ------------------------------------------------------------------------------------------- */

struct vm_map_entry *vm_map_tree_find(struct vm_map *map, hal_va_t va)
{
    struct vm_map_entry *found = NULL;
    struct vm_map_entry *node = map->root;

    while (node != NULL) {
        if (node->end > va) {
            found = node;
            node = node->child[LOWER];
        } else {
            node = node->child[HIGHER];
        }
    }
    return found;
}

/* The lowest entry of the subtree at `node` with gap >= size: there is one. */
static struct vm_map_entry *tree_first_gap(struct vm_map_entry *node, uint64_t size)
{
    for (;;) {
        if (node->child[LOWER] != NULL && node->child[LOWER]->max_gap >= size)
            node = node->child[LOWER];
        else if (node->gap >= size)
            return node;
        else
            node = node->child[HIGHER];
    }
}

/* The lowest entry above `entry` with gap >= size, or NULL. */
static struct vm_map_entry *tree_next_gap(struct vm_map_entry *entry, uint64_t size)
{
    struct vm_map_entry *right = entry->child[HIGHER];

    if (right != NULL && right->max_gap >= size)
        return tree_first_gap(right, size);
    for (struct vm_map_entry *up = entry->parent; up != NULL; entry = up, up = up->parent) {
        if (up->child[LOWER] != entry)
            continue;
        if (up->gap >= size)
            return up;
        if (up->child[HIGHER] != NULL && up->child[HIGHER]->max_gap >= size)
            return tree_first_gap(up->child[HIGHER], size);
    }
    return NULL;
}

bool vm_map_tree_space(struct vm_map *map, hal_va_t from, uint64_t size, hal_va_t *start,
                       struct vm_map_entry **next)
{
    struct vm_map_entry *entry = vm_map_tree_find(map, from);

    *next = entry;
    if (entry != NULL) {
        /* the rest of the gap in front of it, from `from` on */
        if (from < entry->start && entry->start - from >= size) {
            *start = from;
            return true;
        }
        entry = tree_next_gap(entry, size);
        *next = entry;
        if (entry != NULL) {
            *start = entry->start - entry->gap;
            return true;
        }
        from = entry_of(map->entries.prev)->end;
    }
    if (from > hal_info.user_limit || hal_info.user_limit - from < size)
        return false;
    *start = from;
    return true;
}
