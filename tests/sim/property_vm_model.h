/* SPDX-License-Identifier: BSD-2-Clause */
/* A window of a task's memory as an array of pages: what calls of mach_vm.defs answer, and do to it. */
#ifndef TESTS_SIM_PROPERTY_VM_MODEL_H
#define TESTS_SIM_PROPERTY_VM_MODEL_H

#include <mach/kern_return.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <stdbool.h>
#include <stdint.h>

#define VM_MODEL_PAGES 12u
#define VM_MODEL_WORDS 8u /* of a page that are followed */

/* What pages of several tasks may share. */
struct store {
    uint32_t depth; /* copies, one of the other, that it is the last of */
    uint64_t word[VM_MODEL_WORDS];
};

struct page {
    bool mapped;
    vm_prot_t protection, maximum;
    vm_inherit_t inheritance;
    vm_behavior_t behavior;
    uint32_t wired;
    struct store *store;
};

/* Forget all. */
void vm_model_begin(void);
/* A page of zeros. */
struct store *vm_model_store(void);

/* These work on the pages [first, end) of `pages`. */
kern_return_t vm_model_allocate(struct page *pages, uint32_t first, uint32_t end, bool overwrite);
kern_return_t vm_model_protect(struct page *pages, uint32_t first, uint32_t end, bool maximum,
                               vm_prot_t protection);
/* access: VM_PROT_NONE to unwire. */
kern_return_t vm_model_wire(struct page *pages, uint32_t first, uint32_t end, vm_prot_t access);

void vm_model_fork(const struct page *parent, struct page *child);
/* `count` pages from `from` on are at `to`, too. */
kern_return_t vm_model_remap(const struct page *from, struct page *to, uint32_t count, bool overwrite,
                             bool copy, vm_inherit_t inheritance);
/* Write what is in `count` readable pages over others. */
kern_return_t vm_model_overcopy(const struct page *from, const struct page *to, uint32_t count);

kern_return_t vm_model_access(const struct page *page, vm_prot_t access);
/* The error of the first of `count` pages that does not allow the access. */
kern_return_t vm_model_access_all(const struct page *pages, uint32_t count, vm_prot_t access);

#endif
