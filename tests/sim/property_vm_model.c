/* SPDX-License-Identifier: BSD-2-Clause */
#include "property_vm_model.h"

#include "user.h"

#include <string.h>

#define STORES 65536u
#define REPLACED 4u /* as many pages are written all or none */

static struct store store[STORES];
static uint32_t stores;

void vm_model_begin(void)
{
    memset(store, 0, stores * sizeof(store[0]));
    stores = 0;
}

struct store *vm_model_store(void)
{
    SIM_CHECK(stores < STORES);
    return &store[stores++];
}

static struct store *copy_store(const struct store *from)
{
    struct store *copy = vm_model_store();

    *copy = *from;
    copy->depth++;
    return copy;
}

kern_return_t vm_model_allocate(struct page *pages, uint32_t first, uint32_t end, bool overwrite)
{
    for (uint32_t i = first; i < end && !overwrite; i++) {
        if (pages[i].mapped)
            return KERN_NO_SPACE;
    }
    for (uint32_t i = first; i < end; i++)
        pages[i] = (struct page){.mapped = true,
                                 .protection = VM_PROT_DEFAULT,
                                 .maximum = VM_PROT_ALL,
                                 .inheritance = VM_INHERIT_DEFAULT,
                                 .store = vm_model_store()};
    return KERN_SUCCESS;
}

kern_return_t vm_model_protect(struct page *pages, uint32_t first, uint32_t end, bool maximum,
                               vm_prot_t protection)
{
    kern_return_t kr = KERN_SUCCESS;

    if (!maximum && protection == VM_PROT_ALL)
        return KERN_PROTECTION_FAILURE; /* never write and execute */
    for (uint32_t i = first; i < end; i++) {
        if (!pages[i].mapped)
            return KERN_INVALID_ADDRESS;
        if ((protection & ~pages[i].maximum) != 0)
            kr = KERN_PROTECTION_FAILURE;
    }
    for (uint32_t i = first; i < end && kr == KERN_SUCCESS; i++) {
        if (maximum)
            pages[i].maximum = protection;
        pages[i].protection = maximum ? pages[i].protection & protection : protection;
    }
    return kr;
}

void vm_model_fork(const struct page *parent, struct page *child)
{
    for (uint32_t i = 0; i < VM_MODEL_PAGES; i++) {
        child[i] = parent[i];
        child[i].wired = 0;
        if (!parent[i].mapped || parent[i].inheritance == VM_INHERIT_NONE)
            child[i] = (struct page){.mapped = false};
        else if (parent[i].inheritance == VM_INHERIT_COPY)
            child[i].store = copy_store(parent[i].store);
    }
}

kern_return_t vm_model_remap(const struct page *from, struct page *to, uint32_t count, bool overwrite,
                             bool copy, vm_inherit_t inheritance)
{
    struct page taken[VM_MODEL_PAGES];

    for (uint32_t i = 0; i < count; i++) {
        if (!from[i].mapped)
            return KERN_INVALID_ADDRESS;
        taken[i] = from[i];
        taken[i].inheritance = inheritance;
        taken[i].wired = 0;
        if (copy)
            taken[i].store = copy_store(from[i].store);
    }
    for (uint32_t i = 0; i < count && !overwrite; i++) {
        if (to[i].mapped)
            return KERN_NO_SPACE;
    }
    memcpy(to, taken, count * sizeof(*to));
    return KERN_SUCCESS;
}

kern_return_t vm_model_access(const struct page *page, vm_prot_t access)
{
    if (!page->mapped)
        return KERN_INVALID_ADDRESS;
    return (access & ~page->protection) != 0 ? KERN_PROTECTION_FAILURE : KERN_SUCCESS;
}

kern_return_t vm_model_access_all(const struct page *pages, uint32_t count, vm_prot_t access)
{
    kern_return_t kr = KERN_SUCCESS;

    for (uint32_t i = 0; i < count && kr == KERN_SUCCESS; i++)
        kr = vm_model_access(&pages[i], access);
    return kr;
}

kern_return_t vm_model_overcopy(const struct page *from, const struct page *to, uint32_t count)
{
    struct store taken[VM_MODEL_PAGES];
    const kern_return_t kr = vm_model_access_all(to, count, VM_PROT_WRITE);

    if (kr != KERN_SUCCESS && count >= REPLACED)
        return kr;
    for (uint32_t i = 0; i < count; i++)
        taken[i] = *from[i].store;
    for (uint32_t i = 0; i < count && vm_model_access(&to[i], VM_PROT_WRITE) == KERN_SUCCESS; i++) {
        *to[i].store = taken[i];
        to[i].store->depth++;
    }
    return kr;
}

kern_return_t vm_model_wire(struct page *pages, uint32_t first, uint32_t end, vm_prot_t access)
{
    kern_return_t kr = KERN_SUCCESS;

    for (uint32_t i = first; i < end; i++) {
        if (!pages[i].mapped)
            return KERN_INVALID_ADDRESS;
        if (access == VM_PROT_NONE && pages[i].wired == 0)
            kr = KERN_INVALID_ARGUMENT;
        else if ((access & ~pages[i].protection) != 0)
            kr = KERN_PROTECTION_FAILURE;
    }
    for (uint32_t i = first; i < end && kr == KERN_SUCCESS; i++)
        pages[i].wired += access != VM_PROT_NONE ? 1 : UINT32_MAX;
    return kr;
}
