/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Radix trees: sparse arrays of pointers, indexed by page number.  Nodes have 64 slots; a tree is as high as
 * its largest index needs, and has no empty nodes.  No locks: the owner of the tree holds one.
 */
#ifndef VM_VM_RADIX_H
#define VM_VM_RADIX_H

#include <hal/types.h>

struct vm_radix {
    void *root;      /* height 0: NULL; else a node */
    unsigned height; /* levels of nodes: indices below 64^height */
};

void vm_radix_init_module(void);

void vm_radix_init(struct vm_radix *tree);
/* The pointer at `index`, or NULL. */
void *vm_radix_lookup(const struct vm_radix *tree, uint64_t index);
/* Put `item` (not NULL) at `index`, which is empty. Returns false without memory: unchanged. */
HAL_NODISCARD bool vm_radix_insert(struct vm_radix *tree, uint64_t index, void *item);
/* Take the pointer at `index` out; NULL if there is none. */
void *vm_radix_remove(struct vm_radix *tree, uint64_t index);
/* The first pointer at or above *index, which becomes its index; NULL if there is none. */
void *vm_radix_next(const struct vm_radix *tree, uint64_t *index);

#endif
