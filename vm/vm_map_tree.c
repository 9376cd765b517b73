/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of a map: a list in the order of addresses, and an AVL tree over it (Adelson-Velsky and Landis
 * 1962) in which each node also knows the largest gap in front of an entry of its subtree, so that finding an
 * entry and finding the first fit for a new one are both O(log n).  The space behind the last entry is in no
 * gap: it is looked at last.
 */
#include <hal/hal.h>
#include <kern/panic.h>
#include <vm/vm_map_i.h>

enum { LOWER, HIGHER };

static struct vm_map_entry *entry_of(struct list *node)
{
    return CONTAINER_OF(node, struct vm_map_entry, link);
}

struct vm_map_entry *vm_map_tree_next(struct vm_map *map, struct vm_map_entry *entry)
{
    return entry->link.next != &map->entries ? entry_of(entry->link.next) : NULL;
}

struct vm_map_entry *vm_map_tree_prev(struct vm_map *map, struct vm_map_entry *entry)
{
    return entry->link.prev != &map->entries ? entry_of(entry->link.prev) : NULL;
}

/* --- balance -------------------------------------------------------------------------------------------- */

static int tree_height(const struct vm_map_entry *entry)
{
    return entry != NULL ? entry->height : 0;
}

/* Work out what a node knows of its subtree from its children. */
static void tree_refresh(struct vm_map_entry *entry)
{
    int height = 0;

    entry->max_gap = entry->gap;
    for (int side = LOWER; side <= HIGHER; side++) {
        const struct vm_map_entry *child = entry->child[side];
        if (child == NULL)
            continue;
        if (height < child->height)
            height = child->height;
        if (entry->max_gap < child->max_gap)
            entry->max_gap = child->max_gap;
    }
    entry->height = (uint8_t)(height + 1);
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
    tree_refresh(entry);
    tree_refresh(up);
    return up;
}

/* Restore the balance of the subtree at `entry`, whose children are in order. Returns its new top. */
static struct vm_map_entry *tree_balance(struct vm_map *map, struct vm_map_entry *entry) REQUIRES(map->lock)
{
    int lean = tree_height(entry->child[HIGHER]) - tree_height(entry->child[LOWER]);

    if (lean >= -1 && lean <= 1)
        return entry;
    int heavy = lean > 0 ? HIGHER : LOWER;
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
        tree_refresh(entry);
        entry = tree_balance(map, entry);
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

void vm_map_tree_insert(struct vm_map *map, struct vm_map_entry *entry)
{
    struct vm_map_entry *parent = NULL;
    struct vm_map_entry *node = map->root;
    hal_va_t below = hal_info.user_base; /* where the entry below ends */
    int side = LOWER;

    while (node != NULL) {
        parent = node;
        side = entry->start > node->start ? HIGHER : LOWER;
        if (side == HIGHER)
            below = node->end;
        node = node->child[side];
    }
    entry->map = map;
    entry->parent = parent;
    entry->child[LOWER] = NULL;
    entry->child[HIGHER] = NULL;
    entry->height = 0; /* those above do not know of it yet */
    entry->max_gap = 0;
    if (parent == NULL) {
        map->root = entry;
        list_insert_head(&map->entries, &entry->link);
    } else {
        parent->child[side] = entry;
        /* a new lower child comes just below its parent, a higher one just above */
        if (side == LOWER)
            list_insert_tail(&parent->link, &entry->link);
        else
            list_insert_head(&parent->link, &entry->link);
    }
    map->size += entry->end - entry->start;
    entry->gap = entry->start - below;
    struct vm_map_entry *next = vm_map_tree_next(map, entry); /* among those above, for it has no child */
    if (next != NULL)
        next->gap = next->start - entry->end;
    tree_fix(map, entry, next);
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
    struct vm_map_entry *changed = entry->child[entry->child[LOWER] == NULL];

    list_remove(&entry->link);
    if (next != NULL)
        next->gap += entry->gap + (entry->end - entry->start);
    if (entry->child[LOWER] != NULL && entry->child[HIGHER] != NULL) {
        changed = tree_remove_inner(map, entry, next);
    } else if (changed != NULL) {
        tree_inherit(map, entry, changed);
    } else {
        changed = entry->parent;
        tree_replace(map, entry, NULL);
    }
    tree_fix(map, changed, next); /* next is at `changed`, or above it */
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

bool vm_map_tree_space(struct vm_map *map, hal_va_t from, uint64_t size, hal_va_t *start)
{
    struct vm_map_entry *entry = vm_map_tree_find(map, from);

    if (entry != NULL) {
        /* the rest of the gap in front of it, from `from` on */
        if (from < entry->start && entry->start - from >= size) {
            *start = from;
            return true;
        }
        entry = tree_next_gap(entry, size);
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
