/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of a map: a list in the order of addresses, and a tree over it, balanced by heights, in which each
 * node also knows the largest gap in front of an entry of its subtree, so that finding an entry and finding the
 * first fit for a new one are both O(log n).  The space behind the last entry is in no gap: it is looked at last.
 *
 * It is an AVL tree where entries are inserted, and is left as it is where they are removed: heights become upper bounds, a node's is
 * above those of its children.  (Sen, Tarjan, Tseng, "Deletion without rebalancing in binary search trees", 2016: after m insertions
 * no path is longer than 1.44 log2 m.)  So a range that comes and goes, as memory out of line does, changes no height.
 */
#include <hal/hal.h>
#include <kern/panic.h>
#include <vm/vm_map_geometry.h>

enum { LOWER, HIGHER };

static struct vm_map_entry *entry_of(struct list *node)
{
    return CONTAINER_OF(node, struct vm_map_entry, link);
}

/* --- balance -------------------------------------------------------------------------------------------- */

static int tree_height(const struct vm_map_entry *entry)
{
    return entry != NULL ? entry->height : 0;
}

/* The largest gap of the subtree at `entry`, from what its children know. */
static inline uint64_t tree_gap(const struct vm_map_entry *entry)
{
    const struct vm_map_entry *lower = entry->child[LOWER];
    const struct vm_map_entry *higher = entry->child[HIGHER];
    uint64_t gap = entry->gap;

    if (lower != NULL && lower->max_gap > gap)
        gap = lower->max_gap;
    return higher != NULL && higher->max_gap > gap ? higher->max_gap : gap;
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
    entry->max_gap = tree_gap(entry);
    up->max_gap = tree_gap(up);
    return up;
}

/* The child of `entry` on the side `heavy` has become as high as it is, and the other is lower by two at least: turn the subtree, which
 * keeps its height. */
static __attribute__((noinline)) void tree_balance(struct vm_map *map, struct vm_map_entry *entry, int heavy)
    REQUIRES(map->lock)
{
    struct vm_map_entry *child = entry->child[heavy];

    if (tree_height(child->child[heavy]) < tree_height(child->child[!heavy])) {
        child->height--;
        child = tree_rotate(map, child, heavy);
        child->height++;
    }
    (void)tree_rotate(map, entry, !heavy);
    entry->height--;
}

/*
 * Restore what is known of gaps from `entry` upwards: as far as `last`, if that is not NULL, and until a subtree is to those above
 * what it was.  most: of the gaps that changed, the largest before or after; where a larger one is known, there is nothing to restore
 * from there on.
 */
static inline void tree_fix_gaps(struct vm_map_entry *entry, const struct vm_map_entry *last, uint64_t most)
{
    for (; entry != NULL && entry->max_gap <= most; entry = entry->parent) {
        const uint64_t gap = tree_gap(entry);
        if (entry == last)
            last = NULL;
        if (last == NULL && entry->max_gap == gap)
            return;
        entry->max_gap = gap;
    }
}

/* Something was hung below `entry`: restore balance and heights from there upwards. What is known of gaps is right. */
static inline void tree_fix_heights(struct vm_map *map, struct vm_map_entry *entry) REQUIRES(map->lock)
{
    for (; entry != NULL; entry = entry->parent) {
        const int low = tree_height(entry->child[LOWER]);
        const int high = tree_height(entry->child[HIGHER]);

        if (entry->height > low && entry->height > high)
            return;
        if (low - high > 1 || high - low > 1) {
            tree_balance(map, entry, high > low ? HIGHER : LOWER);
            return;
        }
        entry->height++;
    }
}

/* The gap in front of `entry` has grown (or, by a negative number, shrunk). */
static void tree_grow_gap(struct vm_map_entry *entry, uint64_t by)
{
    const uint64_t before = entry->gap;
    const uint64_t gap = before + by;

    entry->gap = gap;
    if (gap < before) {
        tree_fix_gaps(entry, NULL, before);
        return;
    }
    for (; entry != NULL && entry->max_gap < gap; entry = entry->parent)
        entry->max_gap = gap;
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

/* `bytes` of the entry came, or went. */
static inline void tree_count(struct vm_map *map, const struct vm_map_entry *entry, uint64_t bytes)
    REQUIRES(map->lock)
{
    map->size += bytes;
    if (__builtin_expect(entry->wired > 0, 0))
        map->wired += bytes;
}

void vm_map_tree_insert(struct vm_map *map, struct vm_map_entry *entry, struct vm_map_entry *next)
{
    struct list *place = next != NULL ? &next->link : &map->entries;
    struct vm_map_entry *below = place->prev != &map->entries ? entry_of(place->prev) : NULL;

    tree_hang(map, entry, below, next);
    list_insert_tail(place, &entry->link);
    entry->map = map;
    map->other = entry;
    tree_count(map, entry, entry->end - entry->start);
    const hal_va_t floor = below != NULL ? below->end : hal_info.user_base;
    const uint64_t most = next != NULL ? next->gap : entry->start - floor;
    vm_map_entry_fit(entry, floor, next);
    entry->max_gap = entry->gap;
    tree_fix_gaps(entry->parent, next, most); /* next is among those above, for the entry has no child */
    tree_fix_heights(map, entry->parent);
}

/* Let `heir` take the place of `entry`, of which those above know the gap that they knew. */
static void tree_inherit(struct vm_map *map, const struct vm_map_entry *entry, struct vm_map_entry *heir)
    REQUIRES(map->lock)
{
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
    heir->height = entry->height;
    tree_inherit(map, entry, heir);
    return changed;
}

void vm_map_tree_remove(struct vm_map *map, struct vm_map_entry *entry)
{
    struct vm_map_entry *next = vm_map_tree_next(map, entry);
    struct vm_map_entry *child = entry->child[entry->child[LOWER] == NULL];
    struct vm_map_entry *first = child;     /* the lowest that another gap is to be told of ... */
    const struct vm_map_entry *last = next; /* ... and one of those above that is too */

    uint64_t most = entry->gap;

    list_remove(&entry->link);
    if (next != NULL) {
        vm_map_entry_leave(entry, next);
        most = next->gap;
    }
    if (entry->child[LOWER] != NULL && entry->child[HIGHER] != NULL) {
        first = tree_remove_inner(map, entry, next);
    } else if (child == NULL) {
        first = entry->parent;
        tree_replace(map, entry, NULL);
    } else {
        tree_inherit(map, entry, child);
        if (entry->child[HIGHER] != NULL) {
            first = next; /* the lowest below the child */
            last = child;
        }
    }
    tree_fix_gaps(first, last, most);
    tree_count(map, entry, entry->start - entry->end);
    if (map->hint == entry)
        map->hint = NULL;
    if (map->other == entry)
        map->other = NULL;
}

void vm_map_tree_resize(struct vm_map *map, struct vm_map_entry *entry, hal_va_t start, hal_va_t end)
{
    struct vm_map_entry *next = vm_map_tree_next(map, entry);
    const uint64_t from_below = start - entry->start;
    const uint64_t to_next = entry->end - end;

    tree_count(map, entry, -(to_next + from_below));
    if (entry->object == NULL) {
        vm_map_entry_set_range(entry, start, end);
    } else {
        spin_lock(&entry->object->lock);
        vm_map_entry_set_range(entry, start, end);
        spin_unlock(&entry->object->lock);
    }
    tree_grow_gap(entry, from_below);
    if (next != NULL)
        tree_grow_gap(next, to_next);
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
    struct vm_map_entry *entry = map->root;

    if (from == hal_info.user_base && entry != NULL && entry->max_gap >= size) {
        *next = tree_first_gap(entry, size);
        *start = (*next)->start - (*next)->gap;
        return true;
    }
    entry = vm_map_tree_find(map, from);
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
