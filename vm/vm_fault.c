/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults, and access of the kernel to user memory.
 *
 * A fault finds its entry under the lock of the map, goes on as a reader of the map (vm_map_i.h), and looks the page up under the lock
 * of the object.  If there is none yet, or one that is shared with a copy and is to be written, it lets go, makes a page, zeroed
 * or a copy, and looks again: no lock is held while a page is filled, and of two CPUs that fault on the same page the second finds
 * what the first one made.  It stays a reader, with the object locked, until the page is mapped (or its bytes are copied): a page that
 * was found is not taken away, or shared with a copy, meanwhile.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/cpu.h>
#include <kern/string.h>
#include <vm/memory_object.h>
#include <vm/pmap.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page_i.h>
#include <vm/vm_pageout.h>
#include <vm/vm_range.h>
#include <vm/vm_stat.h>
#include <vm/vm_store.h>

#define FAULT_AROUND 15u /* pages behind the one that is read, mapped with it */

/* What is done with a page under the locks of its map and object. */
struct page_use {
    kern_return_t (*with)(const struct vm_map_entry *entry, hal_va_t va, void *page, bool own, void *arg);
    void *arg;
    bool maps; /* it enters the page into the pmap */
};

/* The hardware can't do W or X without R. */
static bool entry_allows(const struct vm_map_entry *entry, vm_prot_t access)
{
    vm_prot_t prot = entry->protection;

    if (prot != VM_PROT_NONE)
        prot |= VM_PROT_READ;
    return (access & ~prot) == 0;
}

/* Give `entry`, of which nothing was touched yet, an object. */
static kern_return_t fault_first(struct vm_map_entry *entry)
{
    struct vm_object *object = vm_object_create(entry->map->payer);

    if (object == NULL)
        return KERN_RESOURCE_SHORTAGE;
    entry->offset = 0;
    vm_object_attach(object, entry);
    return KERN_SUCCESS;
}

/* The entry at `va`, with an object, if it allows the access. Returns as vm_fault(). */
static inline kern_return_t fault_find(struct vm_map *map, hal_va_t va, vm_prot_t access,
                                       struct vm_map_entry **entry) REQUIRES(map->lock)
{
    struct vm_map_entry *found = vm_map_lookup(map, va);

    if (found == NULL)
        return KERN_INVALID_ADDRESS;
    if (!entry_allows(found, access))
        return KERN_PROTECTION_FAILURE;
    *entry = found;
    return __builtin_expect(found->object != NULL, 1) ? KERN_SUCCESS : fault_first(found);
}

/*
 * A read fault: map the pages behind it too, if they are resident.  They are mapped without the right to write, whoever
 * owns them, so that nothing has to be kept of it.  Pages to be executed would have to be made coherent: they are left
 * to faults.
 */
static __attribute__((noinline)) void fault_around(struct vm_object *object, const struct vm_map_entry *entry,
                                                   hal_va_t va, uint64_t index, struct pmap *pmap)
    REQUIRES(object->lock)
{
    struct vm_page *pages[FAULT_AROUND];
    hal_pa_t pa[FAULT_AROUND];
    hal_va_t next = trunc_page(va) + PAGE_SIZE;
    uint64_t left = (entry->end - next) >> PAGE_SHIFT;

    if ((entry->protection & VM_PROT_EXECUTE) != 0 || entry->behavior == VM_BEHAVIOR_RANDOM || object->locked)
        return;
    unsigned count =
        vm_radix_run(&object->pages, index + 1, left < FAULT_AROUND ? (unsigned)left : FAULT_AROUND, pages);
    for (unsigned i = 0; i < count; i++)
        pa[i] = hal_ptr_to_pa(vm_page_address(pages[i]));
    if (count > 0)
        pmap_enter_around(pmap, next, pa, count, VM_PROT_READ);
}

/* The same for a page of a device, to which the kernel has no access. */
static __attribute__((noinline)) kern_return_t fault_device(const struct vm_map_entry *entry, hal_va_t va,
                                                            hal_pa_t pa, bool maps)
{
    return maps ? pmap_enter_device(entry->map->pmap, trunc_page(va), pa, entry->protection)
                : KERN_PROTECTION_FAILURE;
}

/* Inside this file: there is no page, fill->source says what is to be made. */
#define FAULT_MAKE ((kern_return_t)0x10001)
/* The same, and the pages around it could be made with it. */
#define FAULT_MAKE_BLOCK ((kern_return_t)0x10002)

/* What can be tried once in a fault that goes wrong. */
struct fault_tried {
    bool reap;
    bool block;
};

/* What is to be done where no page was found. */
static inline kern_return_t fault_make(const struct vm_map_entry *entry, struct vm_object *object,
                                       hal_va_t va, const struct page_use *use) REQUIRES(object->lock)
{
    return __builtin_expect(entry->superpages, 0) && use->maps && vm_superpage_fits(entry, object, va)
               ? FAULT_MAKE_BLOCK
               : FAULT_MAKE;
}

/* Let use->with have the page with number `index`, at `address` of the direct map. */
static inline __attribute__((always_inline)) kern_return_t
fault_page(struct vm_map_entry *entry, struct vm_object *object, hal_va_t va, uint64_t index,
           vm_prot_t access, void *address, bool own, const struct page_use *use) REQUIRES(object->lock)
{
    if (use->maps)
        entry->mapped = true;
    kern_return_t kr = use->with(entry, va, address, own, use->arg);
    if (kr == KERN_SUCCESS && use->maps && (access & VM_PROT_WRITE) == 0)
        fault_around(object, entry, va, index, entry->map->pmap);
    return kr;
}

/* As fault_entry(), where the object is not anonymous. */
static inline __attribute__((always_inline)) kern_return_t fault_special(
    struct vm_map_entry *entry, struct vm_object *object, hal_va_t va, uint64_t index, vm_prot_t access,
    const struct page_use *use, struct vm_object_fill *fill) REQUIRES(object->lock)
{
    const hal_pa_t pa = HAL_PA(object->base.addr + (index << PAGE_SHIFT));
    struct vm_page *page;
    bool own;

    if (object->kind == VM_OBJECT_DEVICE) {
        entry->mapped |= use->maps;
        return fault_device(entry, va, pa, use->maps);
    }
    if (vm_object_is_physical(object))
        return fault_page(entry, object, va, index, access, hal_pa_to_ptr(pa), true, use);
    kern_return_t kr = memory_object_page(
        object, index, (access & VM_PROT_WRITE) != 0 ? VM_OBJECT_WRITE : VM_OBJECT_READ,
        use->maps && (entry->protection & VM_PROT_WRITE) != 0, use->maps ? entry : NULL, fill, &page, &own);
    if (kr != KERN_SUCCESS || page == NULL)
        return kr == KERN_SUCCESS ? FAULT_MAKE : kr;
    return fault_page(entry, object, va, index, access, vm_page_address(page), own, use);
}

/* Let use->with have the page at `va` of `entry`. Returns as vm_fault(), or FAULT_MAKE.  Inlined, as fault_use(): a use is constant.
 * Context: a reader of the map. */
static inline __attribute__((always_inline)) kern_return_t fault_entry(struct vm_map_entry *entry,
                                                                       hal_va_t va, vm_prot_t access,
                                                                       const struct page_use *use,
                                                                       struct vm_object_fill *fill)
{
    struct vm_page *page;
    bool own;
    kern_return_t kr;
    struct vm_object *object = entry->object;
    uint64_t index = (entry->offset + (va - entry->start)) >> PAGE_SHIFT;
    spin_lock(&object->lock);
    if (__builtin_expect(object->kind != VM_OBJECT_ANONYMOUS, 0)) {
        kr = fault_special(entry, object, va, index, access, use, fill);
    } else {
        kr = vm_object_page(object, index, (access & VM_PROT_WRITE) != 0 ? VM_OBJECT_WRITE : VM_OBJECT_READ,
                            use->maps && (entry->protection & VM_PROT_WRITE) != 0, use->maps ? entry : NULL,
                            fill, &page, &own);
        if (__builtin_expect(kr == KERN_SUCCESS, 1))
            kr = page != NULL ? fault_page(entry, object, va, index, access, vm_page_address(page), own, use)
                              : fault_make(entry, object, va, use);
    }
    spin_unlock(&object->lock);
    return kr;
}

/* Let use->with have the page at `va`. Returns as vm_fault(), or FAULT_MAKE. */
static inline __attribute__((always_inline)) kern_return_t fault_try(struct vm_map *map, hal_va_t va,
                                                                     vm_prot_t access,
                                                                     const struct page_use *use,
                                                                     struct vm_object_fill *fill)
{
    struct vm_map_entry *entry;

    spin_lock(&map->lock);
    kern_return_t kr = fault_find(map, va, access, &entry);
    if (__builtin_expect(kr != KERN_SUCCESS, 0)) {
        spin_unlock(&map->lock);
        return kr;
    }
    vm_map_to_reader(map);
    kr = fault_entry(entry, va, access, use, fill);
    vm_map_reader_end(map);
    return kr;
}

/* Make the block around the page that is missing, once, or else that page. Returns false without memory. */
static bool fault_make_block(struct vm_map *map, hal_va_t va, struct vm_object_fill *fill,
                             struct fault_tried *tried)
{
    if (tried->block)
        return vm_object_make_page(fill);
    tried->block = true;
    vm_superpage_fill(map, va, fill->payer);
    return true;
}

/*
 * A fault could not be served for `why`.  If there is no memory, the thread waits for page-out, if there is a default pager; at the limit
 * of the task that replaces some of its pages.  Else what the kernel's caches do not use of theirs is taken from them, once.
 * Returns: KERN_SUCCESS try again; else as vm_fault().
 */
static __attribute__((noinline)) kern_return_t fault_help(struct vm_map *map, hal_va_t va,
                                                          struct vm_object_fill *fill, kern_return_t why,
                                                          struct fault_tried *tried)
{
    if (why == KERN_PAGE_WAIT)
        why = memory_object_resolve(fill);
    if (why == FAULT_MAKE_BLOCK && fault_make_block(map, va, fill, tried))
        return KERN_SUCCESS;
    if (why == FAULT_MAKE || why == FAULT_MAKE_BLOCK)
        why = KERN_RESOURCE_SHORTAGE;
    if (why != KERN_RESOURCE_SHORTAGE)
        return why;
    if (!vm_page_was_refused())
        why = vm_pageout_own(map, fill);
    else if (vm_store_wait(fill))
        why = KERN_PAGE_WAIT;
    if (why == KERN_PAGE_WAIT)
        why = memory_object_resolve(fill);
    if (why == KERN_RESOURCE_SHORTAGE && !tried->reap && cache_reap() > 0) {
        tried->reap = true;
        return KERN_SUCCESS;
    }
    return why;
}

/* The same, and make the page if need be. */
static inline __attribute__((always_inline)) kern_return_t fault_use(struct vm_map *map, hal_va_t va,
                                                                     vm_prot_t access,
                                                                     const struct page_use *use)
{
    struct vm_object_fill fill = {.fresh = NULL};
    struct fault_tried tried = {.reap = false};
    kern_return_t kr;

    do {
        kr = fault_try(map, va, access, use, &fill);
        if (__builtin_expect(kr == KERN_SUCCESS, 1))
            break;
        if (kr == FAULT_MAKE && vm_object_make_page(&fill))
            kr = KERN_SUCCESS;
        else
            kr = fault_help(map, va, &fill, kr, &tried);
    } while (kr == KERN_SUCCESS);
    vm_object_fill_end(&fill);
    return kr;
}

/* arg: the pmap.  A page that is not the object's own is shared with a copy, and mapped without the right to write. */
static kern_return_t page_use_map(const struct vm_map_entry *entry, hal_va_t va, void *page, bool own,
                                  void *arg)
{
    vm_prot_t prot = own ? entry->protection : entry->protection & ~VM_PROT_WRITE;

    /* What was written as data, before it became executable, must be what is fetched. */
    if ((prot & VM_PROT_EXECUTE) != 0)
        hal_icache_sync(page, PAGE_SIZE);
    return pmap_enter(arg, trunc_page(va), hal_ptr_to_pa(page), prot);
}

kern_return_t vm_fault(struct vm_map *map, hal_va_t va, vm_prot_t access)
{
    const struct page_use use = {.with = page_use_map, .arg = map->pmap, .maps = true};

    vm_stat_add(VM_STAT_FAULTS, 1);
    return fault_use(map, va, access, &use);
}

/* --- copies --------------------------------------------------------------------------------------------- */

/* Kernel memory on the other side of a copy within one page. */
struct copy {
    void *to;
    const void *from;
    size_t n;
};

static kern_return_t page_use_read(const struct vm_map_entry *entry, hal_va_t va, void *page, bool own,
                                   void *arg)
{
    const struct copy *copy = arg;

    (void)entry, (void)own;
    memcpy(copy->to, (const char *)page + va % PAGE_SIZE, copy->n);
    return KERN_SUCCESS;
}

static kern_return_t page_use_write(const struct vm_map_entry *entry, hal_va_t va, void *page, bool own,
                                    void *arg)
{
    const struct copy *copy = arg;

    (void)entry, (void)own;
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
        const struct page_use use = {.with = page_use_read, .arg = &copy};
        kr = fault_use(map, src + done, VM_PROT_READ, &use);
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
        const struct page_use use = {.with = page_use_write, .arg = &copy};
        kr = fault_use(map, dst + done, VM_PROT_WRITE, &use);
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
