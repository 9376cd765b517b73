/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pages of a memory object: sparse arrays of pages, indexed by page number, that can be copied in constant
 * time.  A tree of nodes with 64 slots each, as high as its largest index needs; a tree of height 0 is the page
 * with index 0 itself.
 *
 * Trees share what they have in common.  A node, and a page, counts the slots (and roots) that hold it.  What
 * is reached through a count above 1 anywhere on the way is shared, and constant; a tree that is to change
 * there first makes its own copy of the nodes on the way: a few, however large the tree is.
 *
 * A tree also knows which of its pages may be mapped writable: only pages that it does not share.
 *
 * A page that is out (vm_store.h) has its place in the tree as any other.
 *
 * No locks: the owner of a tree holds one. Parts that are shared need none, they do not change.
 */
#ifndef VM_VM_RADIX_H
#define VM_VM_RADIX_H

#include <hal/types.h>

struct ledger_account;
struct vm_page;

/* Pages of a node whose slots hold pages, which begin at a multiple of this. */
#define VM_RADIX_NODE_PAGES 64u

struct vm_radix {
    void *root;                   /* NULL; or height 0: a struct vm_page, else a node */
    uint32_t height;              /* levels of nodes: indices below 64^height */
    bool writable;                /* some page may be mapped writable */
    struct ledger_account *payer; /* of the nodes that are made for it; constant */
};

void vm_radix_init_module(void);

/* An empty tree. */
void vm_radix_init(struct vm_radix *tree, struct ledger_account *payer);

/* The page at `index`, or NULL.  *own becomes whether the tree shares neither it nor the way to it; then, if
 * `write`, it counts as mapped writable from now on. */
struct vm_page *vm_radix_find(struct vm_radix *tree, uint64_t index, bool write, bool *own);
/* The first page at or above *index, which becomes its index; NULL if there is none. */
struct vm_page *vm_radix_next(const struct vm_radix *tree, uint64_t *index);

/* The pages from `index` on, up to `count`, that follow each other without holes, and without any that is out, in one node. Returns how
 * many. */
unsigned vm_radix_run(const struct vm_radix *tree, uint64_t index, unsigned count, struct vm_page **pages);

/* Put `page` at `index`, with the caller's reference; if `write`, it counts as mapped writable.  *old becomes the page
 * that was there, with its reference, or NULL. Returns false without memory: contents unchanged. */
HAL_NODISCARD bool vm_radix_insert(struct vm_radix *tree, uint64_t index, struct vm_page *page, bool write,
                                   struct vm_page **old);
/* Drop the pages [first, end). Returns false without memory, which only a shared tree needs: some may be left. */
HAL_NODISCARD bool vm_radix_remove(struct vm_radix *tree, uint64_t first, uint64_t end);
/* Drop pages and nodes, at most *budget in all, which is counted down. Returns true when the tree is empty. */
bool vm_radix_clear(struct vm_radix *tree, uint64_t *budget);
/* Drop all of them. */
void vm_radix_clear_all(struct vm_radix *tree);

/* If pages in [first, end) may be mapped writable, narrow the range to them, forget it, and return true: the
 * caller takes the right away.  nodes: after that many with such pages it stops; there may be more behind *end then. */
bool vm_radix_protect(struct vm_radix *tree, uint64_t *first, uint64_t *end, unsigned nodes);

/* The first index of the smallest aligned block of 64^n pages with all of [first, end), which is not empty. */
uint64_t vm_radix_base(uint64_t first, uint64_t end);
/*
 * Let the empty tree `copy` have the pages [first, end) of `tree` as well: page i becomes i - base, base a result
 * of vm_radix_base() for a range that contains this one.
 * Returns false without memory: the copy is empty.
 * Context: vm_radix_protect() for the range has been called, under the same lock of the owner.
 */
HAL_NODISCARD bool vm_radix_share(struct vm_radix *tree, uint64_t first, uint64_t end, uint64_t base,
                                  struct vm_radix *copy);
/* The same of the page at `index` alone, which becomes 0; it needs no memory. */
void vm_radix_share_page(const struct vm_radix *tree, uint64_t index, struct vm_radix *copy);

#endif
