/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults, and access of the kernel to user memory.
 *
 * A fault looks the page up under the locks of map and object; if there is none yet, it lets go, makes a
 * zeroed page, and looks again, so that no lock is held while a page is zeroed, and of two CPUs that fault on
 * the same page the second finds what the first one made.  The lock of the map is held until the page is
 * mapped (or its bytes are copied): a page that was found is not taken away meanwhile.
 */
#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/string.h>
#include <vm/pmap.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page.h>
#include <vm/vm_range.h>
#include <vm/vm_stat.h>

/* What is done with a page under the lock of its map. */
typedef kern_return_t (*page_use_t)(const struct vm_map_entry *entry, hal_va_t va, void *page, void *arg);

/* The hardware can't do W or X without R. */
static bool entry_allows(const struct vm_map_entry *entry, vm_prot_t access)
{
    vm_prot_t prot = entry->protection;

    if (prot != VM_PROT_NONE)
        prot |= VM_PROT_READ;
    return (access & ~prot) == 0;
}

/*
 * Find the page at `va`, or make *fresh it.
 * Returns: KERN_SUCCESS *entry; *page, or NULL: there is none and *fresh was NULL; or an error of vm_fault().
 */
static kern_return_t fault_find(struct vm_map *map, hal_va_t va, vm_prot_t access, void **fresh,
                                struct vm_map_entry **entry, void **page) REQUIRES(map->lock)
{
    struct vm_map_entry *found = vm_map_lookup(map, va);

    if (found == NULL)
        return KERN_INVALID_ADDRESS;
    if (!entry_allows(found, access))
        return KERN_PROTECTION_FAILURE;
    if (found->object == NULL) {
        found->offset = 0;
        found->object = vm_object_create();
        if (found->object == NULL)
            return KERN_RESOURCE_SHORTAGE;
    }
    *entry = found;
    return vm_object_page(found->object, (found->offset + (va - found->start)) >> PAGE_SHIFT, fresh, page);
}

/* Let `use` have the page at `va`, which is made if need be. */
static kern_return_t fault_use(struct vm_map *map, hal_va_t va, vm_prot_t access, page_use_t use, void *arg)
{
    struct vm_map_entry *entry;
    void *fresh = NULL;
    void *page = NULL;
    kern_return_t kr;

    for (;;) {
        spin_lock(&map->lock);
        kr = fault_find(map, va, access, &fresh, &entry, &page);
        if (kr == KERN_SUCCESS && page != NULL)
            kr = use(entry, va, page, arg);
        spin_unlock(&map->lock);
        if (kr != KERN_SUCCESS || page != NULL)
            break;
        fresh = vm_page_alloc_zero(0);
        if (fresh == NULL)
            return KERN_RESOURCE_SHORTAGE;
        vm_stat_add(VM_STAT_ZERO_FILL, 1);
    }
    if (fresh != NULL)
        vm_page_free(fresh, 0);
    return kr;
}

/* arg: the pmap. */
static kern_return_t page_use_map(const struct vm_map_entry *entry, hal_va_t va, void *page, void *arg)
{
    /* What was written as data, before it became executable, must be what is fetched. */
    if ((entry->protection & VM_PROT_EXECUTE) != 0)
        hal_icache_sync(page, PAGE_SIZE);
    return pmap_enter(arg, trunc_page(va), hal_ptr_to_pa(page), entry->protection);
}

kern_return_t vm_fault(struct vm_map *map, hal_va_t va, vm_prot_t access)
{
    vm_stat_add(VM_STAT_FAULTS, 1);
    return fault_use(map, va, access, page_use_map, map->pmap);
}

/* --- copies --------------------------------------------------------------------------------------------- */

/* Kernel memory on the other side of a copy within one page. */
struct copy {
    void *to;
    const void *from;
    size_t n;
};

static kern_return_t page_use_read(const struct vm_map_entry *entry, hal_va_t va, void *page, void *arg)
{
    const struct copy *copy = arg;

    (void)entry;
    memcpy(copy->to, (const char *)page + va % PAGE_SIZE, copy->n);
    return KERN_SUCCESS;
}

static kern_return_t page_use_write(const struct vm_map_entry *entry, hal_va_t va, void *page, void *arg)
{
    const struct copy *copy = arg;

    (void)entry;
    memcpy((char *)page + va % PAGE_SIZE, copy->from, copy->n);
    return KERN_SUCCESS;
}

kern_return_t vm_map_read(struct vm_map *map, void *dst, hal_va_t src, size_t n)
{
    kern_return_t kr = KERN_SUCCESS;

    if (!HAL_USER_RANGE(src, n))
        return KERN_INVALID_ADDRESS;
    for (size_t done = 0; done < n && kr == KERN_SUCCESS;) {
        struct copy copy = {.to = (char *)dst + done, .n = vm_range_page_part(src + done, n - done)};
        kr = fault_use(map, src + done, VM_PROT_READ, page_use_read, &copy);
        done += copy.n;
    }
    return kr;
}

kern_return_t vm_map_write(struct vm_map *map, hal_va_t dst, const void *src, size_t n)
{
    kern_return_t kr = KERN_SUCCESS;

    if (!HAL_USER_RANGE(dst, n))
        return KERN_INVALID_ADDRESS;
    for (size_t done = 0; done < n && kr == KERN_SUCCESS;) {
        struct copy copy = {.from = (const char *)src + done, .n = vm_range_page_part(dst + done, n - done)};
        kr = fault_use(map, dst + done, VM_PROT_WRITE, page_use_write, &copy);
        done += copy.n;
    }
    return kr;
}

/* Some byte of [src, src + n) is not mapped: page by page.  A page that another thread unmaps again and again
 * is read through the direct map in the end. */
static __attribute__((noinline)) kern_return_t copyin_slow(struct vm_map *map, void *dst, hal_va_t src,
                                                           size_t n)
{
    kern_return_t kr = KERN_SUCCESS;

    for (size_t done = 0; done < n && kr == KERN_SUCCESS;) {
        size_t part = vm_range_page_part(src + done, n - done);
        kr = vm_fault(map, src + done, VM_PROT_READ);
        if (kr == KERN_SUCCESS && hal_copyin((char *)dst + done, src + done, part) != HAL_OK)
            kr = vm_map_read(map, (char *)dst + done, src + done, part);
        done += part;
    }
    return kr;
}

static __attribute__((noinline)) kern_return_t copyout_slow(struct vm_map *map, hal_va_t dst, const void *src,
                                                            size_t n)
{
    kern_return_t kr = KERN_SUCCESS;

    for (size_t done = 0; done < n && kr == KERN_SUCCESS;) {
        size_t part = vm_range_page_part(dst + done, n - done);
        kr = vm_fault(map, dst + done, VM_PROT_WRITE);
        if (kr == KERN_SUCCESS && hal_copyout(dst + done, (const char *)src + done, part) != HAL_OK)
            kr = vm_map_write(map, dst + done, (const char *)src + done, part);
        done += part;
    }
    return kr;
}

kern_return_t vm_copyin(struct vm_map *map, void *dst, hal_va_t src, size_t n)
{
    if (!HAL_USER_RANGE(src, n))
        return KERN_INVALID_ADDRESS;
    if (__builtin_expect(hal_copyin(dst, src, n) == HAL_OK, 1))
        return KERN_SUCCESS;
    return copyin_slow(map, dst, src, n);
}

kern_return_t vm_copyout(struct vm_map *map, hal_va_t dst, const void *src, size_t n)
{
    if (!HAL_USER_RANGE(dst, n))
        return KERN_INVALID_ADDRESS;
    if (__builtin_expect(hal_copyout(dst, src, n) == HAL_OK, 1))
        return KERN_SUCCESS;
    return copyout_slow(map, dst, src, n);
}
