/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Persistent radix trees.  (Path copying: Driscoll, Sarnak, Sleator, Tarjan, "Making data structures
 * persistent", 1989.)
 *
 * Whoever sees a count of 1 on every node from its root down to a node has that node for itself: a second
 * reference could only come from a tree that holds the node above.  So a count may be read without a lock: if
 * it is 1, it stays 1; if it is not, it may become 1, and a copy is made that was not needed.
 *
 * Nothing here recurses: a tree has at most RADIX_HEIGHT_MAX levels, and is walked with an array of them.
 */
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <vm/vm_page_i.h>
#include <vm/vm_radix.h>

#define RADIX_SHIFT 6u
#define RADIX_SLOTS (1u << RADIX_SHIFT)
_Static_assert(RADIX_SLOTS == VM_RADIX_NODE_PAGES, "a slot each");
#define RADIX_HEIGHT_MAX 9u /* 54 bits of index: more than page numbers have */

/* Bits of used and writable: 1 << slot. Slots that are not used are undefined. */
struct radix_node {
    uint64_t refs;     /* kern/ref.h: slots and roots that hold it */
    uint64_t used;     /* slots with a node or page */
    uint64_t writable; /* slots with pages below that may be mapped writable; 0 if the node is shared */
    struct ledger_account *payer;
    void *slot[RADIX_SLOTS];
};

static struct cache radix_cache;

void vm_radix_init_module(void)
{
    cache_init(&radix_cache, "vm_radix", sizeof(struct radix_node), 8);
}

void vm_radix_init(struct vm_radix *tree, struct ledger_account *payer)
{
    *tree = (struct vm_radix){.root = NULL, .payer = payer};
}

/* Nothing is left in the tree. */
static void radix_forget(struct vm_radix *tree)
{
    vm_radix_init(tree, tree->payer);
}

/* --- nodes ---------------------------------------------------------------------------------------------- */

/* Which slot of a node at `level` (0: its slots hold pages) leads to `index`. */
static unsigned radix_slot(uint64_t index, unsigned level)
{
    return (unsigned)(index >> RADIX_SHIFT * level) & (RADIX_SLOTS - 1);
}

static uint64_t radix_bit(uint64_t index, unsigned level)
{
    return (uint64_t)1 << radix_slot(index, level);
}

/* Indices below one slot of a node at `level`. */
static uint64_t radix_span(unsigned level)
{
    return (uint64_t)1 << RADIX_SHIFT * level;
}

static bool radix_covers(const struct vm_radix *tree, uint64_t index)
{
    return index >> RADIX_SHIFT * tree->height == 0;
}

/* acquire: what others did with the node, or read of it, before they dropped it is done */
static bool count_is_one(const uint64_t *refs)
{
    return __atomic_load_n(refs, __ATOMIC_ACQUIRE) == 1;
}

static struct radix_node *node_alloc(struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct radix_node)))
        return NULL;
    struct radix_node *node = cache_alloc(&radix_cache);
    if (node == NULL) {
        ledger_uncharge(payer, sizeof(*node));
        return NULL;
    }
    node->payer = payer;
    node->refs = 1;
    node->used = 0;
    node->writable = 0;
    return node;
}

static void node_free(struct radix_node *node)
{
    ledger_uncharge(node->payer, sizeof(*node));
    cache_free(&radix_cache, node);
}

/* One more reference to what a slot at `level` holds. */
static void item_ref(void *item, unsigned level)
{
    if (level > 0)
        ref_get(&((struct radix_node *)item)->refs);
    else
        vm_page_ref(item);
}

/* A copy of `node`, at `level`, without the slots in `drop`; it has references of its own. */
static struct radix_node *node_clone(const struct radix_node *node, unsigned level, uint64_t drop,
                                     struct ledger_account *payer)
{
    struct radix_node *clone = node_alloc(payer);

    if (clone == NULL)
        return NULL;
    clone->used = node->used & ~drop;
    for (uint64_t left = clone->used; left != 0; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(left);
        void *item = node->slot[slot];
        clone->slot[slot] = item;
        item_ref(item, level);
    }
    return clone;
}

/* Drop a reference to what a slot at `level` held: a page, or a node with all that is below it. */
static void item_drop(void *item, unsigned level)
{
    struct vm_radix below = {.root = item, .height = level};

    vm_radix_clear_all(&below);
}

/* The page at `index`, to which path[] leads, may be mapped writable from now on. */
static void radix_mark(struct vm_radix *tree, struct radix_node **path, uint64_t index)
{
    tree->writable = true;
    for (unsigned level = 0; level < tree->height; level++) {
        uint64_t bit = radix_bit(index, level);
        if ((path[level]->writable & bit) != 0)
            return; /* and so it is above */
        path[level]->writable |= bit;
    }
}

/* --- lookup --------------------------------------------------------------------------------------------- */

/* As radix_mark(), for a page that is the tree's own. One that is out is not mapped: it is marked, if it is the tree's own then, when it
 * has come back. */
static __attribute__((noinline)) void radix_mark_own(struct vm_radix *tree, uint64_t index)
{
    struct radix_node *path[RADIX_HEIGHT_MAX];
    void *item = tree->root;

    for (unsigned level = tree->height; level-- > 0; item = path[level]->slot[radix_slot(index, level)])
        path[level] = item;
    if (!vm_page_is_out(item))
        radix_mark(tree, path, index);
}

struct vm_page *vm_radix_find(struct vm_radix *tree, uint64_t index, bool write, bool *own)
{
    bool marked = tree->writable;
    void *item = tree->root;
    bool alone = true;

    *own = false;
    if (item == NULL || !radix_covers(tree, index))
        return NULL;
    for (unsigned level = tree->height; level-- > 0;) {
        const struct radix_node *node = item;
        const uint64_t bit = radix_bit(index, level);
        if ((node->used & bit) == 0)
            return NULL;
        alone &= count_is_one(&node->refs);
        marked = (node->writable & bit) != 0; /* and so it is above */
        item = node->slot[radix_slot(index, level)];
    }
    *own = alone && !vm_page_is_shared(item);
    if (*own && write && !marked)
        radix_mark_own(tree, index);
    return item;
}

unsigned vm_radix_run(const struct vm_radix *tree, uint64_t index, unsigned count, struct vm_page **pages)
{
    const struct radix_node *node = tree->root;

    if (tree->height == 0 || !radix_covers(tree, index))
        return 0;
    for (unsigned level = tree->height - 1; level > 0; level--) {
        if ((node->used & radix_bit(index, level)) == 0)
            return 0;
        node = node->slot[radix_slot(index, level)];
    }
    unsigned slot = radix_slot(index, 0);
    unsigned run = 0;
    while (run < count && slot + run < RADIX_SLOTS && (node->used >> (slot + run) & 1) != 0 &&
           !vm_page_is_out(node->slot[slot + run])) {
        pages[run] = node->slot[slot + run];
        run++;
    }
    return run;
}

/*
 * Go down towards *index, in a tree of nodes.  Returns the page there; or NULL, with *index behind the empty
 * part of the lowest node that there is on the way.
 */
static void *radix_skip(const struct vm_radix *tree, uint64_t *index)
{
    const struct radix_node *node = tree->root;

    for (unsigned level = tree->height; level-- > 0;) {
        uint64_t span = radix_span(level);
        uint64_t above = node->used & -radix_bit(*index, level); /* at or above */
        if (above == 0) {
            *index = (*index & ~(span * RADIX_SLOTS - 1)) + span * RADIX_SLOTS;
            return NULL;
        }
        unsigned slot = (unsigned)__builtin_ctzll(above);
        if (slot != radix_slot(*index, level))
            *index = (*index & ~(span * RADIX_SLOTS - 1)) + slot * span;
        if (level == 0)
            return node->slot[slot];
        node = node->slot[slot];
    }
    return NULL;
}

struct vm_page *vm_radix_next(const struct vm_radix *tree, uint64_t *index)
{
    void *item = NULL;

    if (tree->root == NULL)
        return NULL;
    if (tree->height == 0)
        return *index == 0 ? tree->root : NULL;
    while (item == NULL && radix_covers(tree, *index))
        item = radix_skip(tree, index);
    return item;
}

/* --- changes -------------------------------------------------------------------------------------------- */

/* Raise the tree until it covers `index`. Returns false without memory: a valid tree of the same contents. */
static bool radix_raise(struct vm_radix *tree, uint64_t index)
{
    while (!radix_covers(tree, index)) {
        if (tree->root != NULL) {
            struct radix_node *node = node_alloc(tree->payer);
            if (node == NULL)
                return false;
            node->slot[0] = tree->root;
            node->used = 1;
            node->writable = tree->writable;
            tree->root = node;
        }
        tree->height++;
    }
    return true;
}

/* Free the empty nodes on the way to `index`, from `level` upwards. */
static void radix_prune(struct vm_radix *tree, struct radix_node **path, uint64_t index, unsigned level)
{
    for (; level < tree->height && path[level]->used == 0; level++) {
        node_free(path[level]);
        if (level + 1 == tree->height) {
            radix_forget(tree);
            return;
        }
        path[level + 1]->used &= ~radix_bit(index, level + 1);
        path[level + 1]->writable &= ~radix_bit(index, level + 1);
    }
}

/*
 * Make the nodes on the way to `index`, down to `bottom`, the tree's own: path[l] for l >= bottom.  Nodes that
 * are missing are made if `fill`; else there are none.  A node at `bottom` that is copied is copied without the
 * slots in `drop`.
 * Returns false without memory: contents unchanged.
 */
static bool radix_own(struct vm_radix *tree, uint64_t index, unsigned bottom, bool fill, uint64_t drop,
                      struct radix_node **path)
{
    void **link = &tree->root;
    bool there = tree->root != NULL;

    for (unsigned level = tree->height; level-- > bottom;) {
        struct radix_node *node = there ? *link : NULL;
        KASSERT(there || fill);
        if (node == NULL) {
            path[level] = node_alloc(tree->payer);
        } else if (count_is_one(&node->refs)) {
            path[level] = node;
        } else {
            path[level] = node_clone(node, level, level == bottom ? drop : 0, tree->payer);
            if (path[level] != NULL)
                item_drop(node, level + 1);
        }
        if (path[level] == NULL) {
            radix_prune(tree, path, index, level + 1);
            if (tree->root == NULL)
                radix_forget(tree);
            return false;
        }
        *link = path[level];
        if (node == NULL && level + 1 < tree->height)
            path[level + 1]->used |= radix_bit(index, level + 1);
        link = &path[level]->slot[radix_slot(index, level)];
        there = (path[level]->used & radix_bit(index, level)) != 0;
    }
    return true;
}

/* Is there a leaf for `index`, and is it, and the way there, the tree's own? Then path[] is that way. */
static inline bool leaf_is_own(const struct vm_radix *tree, uint64_t index, struct radix_node **path)
{
    struct radix_node *node = tree->root;

    if (node == NULL || tree->height == 0 || !radix_covers(tree, index))
        return false;
    for (unsigned level = tree->height - 1;; level--) {
        if (!count_is_one(&node->refs))
            return false;
        path[level] = node;
        if (level == 0)
            return true;
        if ((node->used & radix_bit(index, level)) == 0)
            return false;
        node = node->slot[radix_slot(index, level)];
    }
}

/* The leaf for `index` becomes the tree's own, if it is not yet, and path[] the way there; or the tree gets height 0.
 * Returns false without memory: contents unchanged. */
static __attribute__((noinline)) bool leaf_make(struct vm_radix *tree, uint64_t index,
                                                struct radix_node **path)
{
    KASSERT(index >> RADIX_SHIFT * RADIX_HEIGHT_MAX == 0);
    return radix_raise(tree, index) && (tree->height == 0 || radix_own(tree, index, 0, true, 0, path));
}

bool vm_radix_insert(struct vm_radix *tree, uint64_t index, struct vm_page *page, bool write,
                     struct vm_page **old)
{
    struct radix_node *path[RADIX_HEIGHT_MAX];

    if (!leaf_is_own(tree, index, path) && !leaf_make(tree, index, path))
        return false;
    if (tree->height == 0) {
        *old = tree->root;
        tree->root = page;
        tree->writable |= write;
        return true;
    }
    void **slot = &path[0]->slot[radix_slot(index, 0)];
    *old = (path[0]->used & radix_bit(index, 0)) != 0 ? *slot : NULL;
    *slot = page;
    path[0]->used |= radix_bit(index, 0);
    if (write)
        radix_mark(tree, path, index);
    return true;
}

/* If nothing below path[level] may be mapped writable, the nodes above know it. */
static void radix_unmark(struct vm_radix *tree, struct radix_node **path, uint64_t index, unsigned level)
{
    for (; path[level]->writable == 0; level++) {
        if (level + 1 == tree->height) {
            tree->writable = false;
            return;
        }
        path[level + 1]->writable &= ~radix_bit(index, level + 1);
    }
}

/* --- removal -------------------------------------------------------------------------------------------- */

/* Drop the slots in `drop` of a node that is the tree's own. */
static void node_drop(struct radix_node *node, unsigned level, uint64_t drop)
{
    uint64_t left = node->used & drop;

    node->used &= ~drop;
    node->writable &= ~drop;
    for (; left != 0; left &= left - 1)
        item_drop(node->slot[__builtin_ctzll(left)], level);
}

/* The slots of a node at `level`, on the way to `index`, all of whose indices are in [first, end). */
static uint64_t slots_inside(uint64_t index, unsigned level, uint64_t first, uint64_t end)
{
    uint64_t span = radix_span(level);
    uint64_t base = index & ~(span * RADIX_SLOTS - 1);
    uint64_t low = first > base ? (first - base + span - 1) / span : 0;
    uint64_t high = end > base ? (end - base) / span : 0;

    if (high > RADIX_SLOTS)
        high = RADIX_SLOTS;
    if (low >= high)
        return 0;
    return ~(uint64_t)0 >> (RADIX_SLOTS - (high - low)) << low;
}

/* The lowest level on the way to `border` at which slots would be dropped; the height of the tree: none. */
static unsigned drop_level(const struct vm_radix *tree, uint64_t border, uint64_t first, uint64_t end)
{
    const struct radix_node *node = tree->root;
    unsigned lowest = tree->height;

    for (unsigned level = tree->height; level-- > 0;) {
        if ((node->used & slots_inside(border, level, first, end)) != 0)
            lowest = level;
        if (level == 0 || border % radix_span(level) == 0 || (node->used & radix_bit(border, level)) == 0)
            break;
        node = node->slot[radix_slot(border, level)];
    }
    return lowest;
}

/* Drop what is in [first, end) from the nodes on the way to `border`, one of its ends. */
static bool radix_trim(struct vm_radix *tree, uint64_t border, uint64_t first, uint64_t end)
{
    struct radix_node *path[RADIX_HEIGHT_MAX];

    if (tree->root == NULL || !radix_covers(tree, border))
        return true;
    unsigned lowest = drop_level(tree, border, first, end);
    if (lowest == tree->height)
        return true;
    if (!radix_own(tree, border, lowest, false, slots_inside(border, lowest, first, end), path))
        return false;
    for (unsigned level = tree->height; level-- > lowest;)
        node_drop(path[level], level, slots_inside(border, level, first, end));
    radix_unmark(tree, path, border, lowest);
    radix_prune(tree, path, border, lowest);
    return true;
}

/* Drop the page at `index` of a leaf that is the tree's own. */
static void leaf_drop(struct vm_radix *tree, struct radix_node **path, uint64_t index)
{
    const uint64_t bit = radix_bit(index, 0);
    struct radix_node *leaf = path[0];

    if ((leaf->used & bit) == 0)
        return;
    leaf->used &= ~bit;
    leaf->writable &= ~bit;
    vm_page_unref(leaf->slot[radix_slot(index, 0)]);
    radix_unmark(tree, path, index, 0);
    if (leaf->used == 0)
        radix_prune(tree, path, index, 0);
}

bool vm_radix_remove(struct vm_radix *tree, uint64_t first, uint64_t end)
{
    struct radix_node *path[RADIX_HEIGHT_MAX];

    if (end - first == 1 && leaf_is_own(tree, first, path)) {
        leaf_drop(tree, path, first);
        return true;
    }
    if (first >= end || tree->root == NULL || !radix_covers(tree, first))
        return true;
    if (first == 0 && (tree->height == 0 || !radix_covers(tree, end))) {
        vm_radix_clear_all(tree);
        return true;
    }
    return radix_trim(tree, first, first, end) && radix_trim(tree, end, first, end);
}

/* Let go of a root with nothing below. */
static void clear_root(struct vm_radix *tree)
{
    if (tree->height == 0)
        vm_page_unref(tree->root);
    else
        node_free(tree->root);
    radix_forget(tree);
}

static void node_forget(struct radix_node *node, unsigned slot)
{
    node->used &= ~((uint64_t)1 << slot);
    node->writable &= node->used;
}

/* Go down from a root that nobody else has along the lowest slots, to the first node or page that is shared, or
 * has nothing below, and drop it. Returns false if that was the root. */
static bool clear_lowest(struct vm_radix *tree)
{
    struct radix_node *node = tree->root;

    for (unsigned level = tree->height - 1;; level--) {
        if (node->used == 0)
            return false;
        unsigned slot = (unsigned)__builtin_ctzll(node->used);
        struct radix_node *child = node->slot[slot];
        if (level == 0) {
            node_forget(node, slot);
            vm_page_unref((struct vm_page *)node->slot[slot]);
            return true;
        }
        if (count_is_one(&child->refs) && child->used != 0) {
            node = child;
            continue;
        }
        if (ref_put(&child->refs)) {
            if (child->used != 0) { /* the others dropped it meanwhile */
                child->refs = 1;
                node = child;
                continue;
            }
            node_free(child);
        }
        node_forget(node, slot);
        return true;
    }
}

bool vm_radix_clear(struct vm_radix *tree, uint64_t *budget)
{
    if (tree->root == NULL)
        return true;
    if (tree->height > 0) {
        struct radix_node *root = tree->root;
        if (!count_is_one(&root->refs)) {
            if (!ref_put(&root->refs)) {
                radix_forget(tree);
                return true;
            }
            root->refs = 1; /* the others dropped it meanwhile */
        }
        while (*budget > 0 && clear_lowest(tree))
            --*budget;
        if (root->used != 0)
            return false;
    }
    clear_root(tree);
    return true;
}

void vm_radix_clear_all(struct vm_radix *tree)
{
    if (tree->root != NULL && tree->height == 0)
        clear_root(tree);
    else
        (void)vm_radix_clear(tree, &(uint64_t){UINT64_MAX});
}

/* --- copies --------------------------------------------------------------------------------------------- */

/* Forget that the pages of the leaf at `index` that are in [index, end) may be mapped writable. Returns behind
 * the last one, or 0: there was none. */
static uint64_t leaf_protect(struct vm_radix *tree, struct radix_node **path, uint64_t index, uint64_t end)
{
    uint64_t base = index & ~(uint64_t)(RADIX_SLOTS - 1);
    uint64_t marked = path[0]->writable & slots_inside(index, 0, index, end);

    if (marked == 0)
        return 0;
    path[0]->writable &= ~marked;
    radix_unmark(tree, path, index, 0);
    return base + RADIX_SLOTS - (uint64_t)__builtin_clzll(marked);
}

/* Go down to the first leaf at or above *index with pages that may be mapped writable; *index moves there.
 * Returns false, with *index behind, if the lowest node on the way has none. */
static bool writable_leaf(const struct vm_radix *tree, struct radix_node **path, uint64_t *index)
{
    struct radix_node *node = tree->root;

    for (unsigned level = tree->height; level-- > 0;) {
        uint64_t span = radix_span(level);
        uint64_t above = node->writable & -radix_bit(*index, level);
        if (above == 0) {
            *index = (*index & ~(span * RADIX_SLOTS - 1)) + span * RADIX_SLOTS;
            return false;
        }
        unsigned slot = (unsigned)__builtin_ctzll(above);
        if (slot != radix_slot(*index, level))
            *index = (*index & ~(span * RADIX_SLOTS - 1)) + slot * span;
        path[level] = node;
        node = node->slot[slot];
    }
    return true;
}

bool vm_radix_protect(struct vm_radix *tree, uint64_t *first, uint64_t *end, unsigned nodes)
{
    struct radix_node *path[RADIX_HEIGHT_MAX];
    uint64_t index = *first;
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;

    if (!tree->writable)
        return false;
    if (tree->height == 0) {
        tree->writable = index > 0;
        *end = 1;
        return index == 0;
    }
    while (nodes > 0 && index < *end && radix_covers(tree, index)) {
        if (!writable_leaf(tree, path, &index) || index >= *end)
            continue;
        uint64_t behind = leaf_protect(tree, path, index, *end);
        if (behind > 0) {
            low = low < index ? low : index;
            high = behind;
            nodes--;
        }
        index = (index & ~(uint64_t)(RADIX_SLOTS - 1)) + RADIX_SLOTS;
    }
    *first = low;
    *end = high;
    return high > 0;
}

uint64_t vm_radix_base(uint64_t first, uint64_t end)
{
    unsigned level = 0;

    while (first >> RADIX_SHIFT * level != (end - 1) >> RADIX_SHIFT * level)
        level++;
    return first & ~(radix_span(level) - 1);
}

/* The block of the tree that begins at `base` and is as large as any that begins there. *height: of the block. */
static void *block_find(const struct vm_radix *tree, uint64_t base, uint64_t end, unsigned *height)
{
    void *item = tree->root;
    unsigned level = tree->height;

    while (item != NULL && level > 0 && (end - 1 - base) >> RADIX_SHIFT * (level - 1) == 0) {
        const struct radix_node *node = item;
        level--;
        item = (node->used & radix_bit(base, level)) != 0 ? node->slot[radix_slot(base, level)] : NULL;
    }
    *height = level;
    return item;
}

void vm_radix_share_page(const struct vm_radix *tree, uint64_t index, struct vm_radix *copy)
{
    void *item = tree->root;

    if (item == NULL || !radix_covers(tree, index))
        return;
    for (unsigned level = tree->height; level-- > 0;) {
        const struct radix_node *node = item;
        if ((node->used & radix_bit(index, level)) == 0)
            return;
        item = node->slot[radix_slot(index, level)];
    }
    vm_page_ref(item);
    copy->root = item;
    copy->height = 0;
}

bool vm_radix_share(struct vm_radix *tree, uint64_t first, uint64_t end, uint64_t base, struct vm_radix *copy)
{
    unsigned height;

    if (first >= end || tree->root == NULL || !radix_covers(tree, first))
        return true;
    void *block = block_find(tree, base, end, &height);
    if (block == NULL)
        return true;
    item_ref(block, height);
    copy->root = block;
    copy->height = height;
    if (height == 0)
        return true; /* the only page that there can be */
    if (vm_radix_remove(copy, 0, first - base) && vm_radix_remove(copy, end - base, UINT64_MAX))
        return true;
    vm_radix_clear_all(copy);
    return false;
}
