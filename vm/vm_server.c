/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of mach_vm.defs, and of the memory routines of portolan.defs.  The stubs have converted
 * the port of the task to its map; ranges are checked by vm_map_*().
 */
#include <hal/hal.h>
#include <ipc/kobject.h>
#include <kern/mig_convert.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <mach/host_priv_server.h>
#include <mach/mach_vm_server.h>
#include <mach/portolan_server.h>
#include <mach/vm_param.h>
#include <vm/vm_map.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_page.h>
#include <vm/vm_range.h>

/* The most that is copied byte by byte in one go: interrupts are off meanwhile. */
#define OVERWRITE_MAX ((mach_vm_size_t)1 << 20)
/* Pages that one call tells of, and that it looks at with the map locked. */
#define QUERY_MAX 4096u
#define QUERY_STEP 64u

kern_return_t mach_vm_allocate(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, int flags)
{
    switch (flags) {
    case VM_FLAGS_ANYWHERE:
        return vm_map_allocate(target, address, size, true);
    case VM_FLAGS_FIXED:
        return vm_map_allocate(target, address, size, false);
    case VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE: {
        kern_return_t kr = vm_map_replace(target, *address, size);
        if (kr == KERN_SUCCESS)
            *address = size > 0 ? trunc_page(*address) : 0;
        return kr;
    }
    case VM_FLAGS_ANYWHERE | VM_FLAGS_SUPERPAGE_SIZE_2MB:
        return vm_map_allocate_superpages(target, address, size, true);
    case VM_FLAGS_FIXED | VM_FLAGS_SUPERPAGE_SIZE_2MB:
        return vm_map_allocate_superpages(target, address, size, false);
    default:
        return KERN_INVALID_ARGUMENT;
    }
}

kern_return_t mach_vm_deallocate(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size)
{
    return vm_map_deallocate(target, address, size);
}

kern_return_t mach_vm_protect(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                              boolean_t set_maximum, vm_prot_t new_protection)
{
    return vm_map_protect(target_task, address, size, set_maximum != FALSE, new_protection);
}

kern_return_t mach_vm_inherit(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                              vm_inherit_t new_inheritance)
{
    return vm_map_inherit(target_task, address, size, new_inheritance);
}

kern_return_t mach_vm_read(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                           vm_offset_t *data, mach_msg_type_number_t *dataCnt)
{
    struct vm_map_copy *copy;

    if (size > UINT32_MAX)
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr = vm_map_copyin(target_task, address, size, task_payer(), &copy);
    *data = (vm_offset_t)(uintptr_t)copy;
    *dataCnt = (mach_msg_type_number_t)size;
    return kr;
}

/* Let the caller have a copy of *range, which becomes that of the copy. Returns as mach_vm_read_list(). */
static kern_return_t range_read(vm_map_t source, vm_map_t caller, mach_vm_range_t *range)
{
    struct vm_map_copy *copy;
    kern_return_t kr = vm_map_copyin(source, range->address, range->size, task_payer(), &copy);

    if (kr != KERN_SUCCESS)
        return kr;
    kr = vm_map_copyout(caller, copy, &range->address);
    if (kr != KERN_SUCCESS)
        vm_map_copy_discard(copy);
    return kr;
}

kern_return_t mach_vm_read_list(vm_map_t target_task, mach_vm_range_t *data_list, natural_t count)
{
    struct vm_map *caller = thread_current()->task->map;
    kern_return_t kr = KERN_SUCCESS;
    natural_t done = 0;

    if (count > VM_MAP_ENTRY_MAX)
        return KERN_INVALID_ARGUMENT;
    while (done < count && kr == KERN_SUCCESS) {
        kr = range_read(target_task, caller, &data_list[done]);
        if (kr == KERN_SUCCESS)
            done++;
    }
    /* what joined its neighbour may stay for want of memory: it is the caller's */
    while (kr != KERN_SUCCESS && done-- > 0)
        (void)vm_map_deallocate(caller, data_list[done].address, data_list[done].size);
    return kr;
}

/*
 * Write the copy over memory of the target: at once, or in parts, between which others may run, and which may wait for pages without being
 * done again: the call is served again for each (KERN_PAGE_WAIT).  What it has done is in the thread from the second part on, so the
 * first one does nothing.  A thread that is to end does not wait for the rest.
 */
static kern_return_t overwrite(vm_map_t target, struct vm_map_copy *copy, mach_vm_address_t address,
                               bool parts)
{
    struct thread *self = thread_current();
    uint64_t begun = 0;

    if (!self->work.begun)
        return vm_map_copy_overwrite(target, copy, address, parts ? 0 : OVERWRITE_MAX, &begun);
    if ((__atomic_load_n(&self->ast, __ATOMIC_RELAXED) & THREAD_AST_TERMINATE) != 0)
        return KERN_ABORTED;
    return vm_map_copy_overwrite(target, copy, address, OVERWRITE_MAX, &self->work.done);
}

kern_return_t mach_vm_write(vm_map_t target_task, mach_vm_address_t address, vm_offset_t data,
                            mach_msg_type_number_t dataCnt)
{
    struct vm_map_copy *copy = (struct vm_map_copy *)(uintptr_t)data;
    kern_return_t kr = overwrite(target_task, copy, address, copy != NULL && copy->size > OVERWRITE_MAX);

    (void)dataCnt; /* the copy knows */
    if (kr == KERN_SUCCESS)
        vm_map_copy_discard(copy);
    return kr; /* after an error it is still the request's */
}

kern_return_t mach_vm_copy(vm_map_t target_task, mach_vm_address_t source_address, mach_vm_size_t size,
                           mach_vm_address_t dest_address)
{
    struct thread *self = thread_current();
    struct vm_map_copy *copy = self->work.copy;
    const bool overlap = dest_address - source_address < size || source_address - dest_address < size;
    kern_return_t kr = KERN_SUCCESS;

    self->work.copy = NULL;
    if (copy == NULL)
        kr = vm_map_copyin(target_task, source_address, size, task_payer(), &copy);
    if (kr == KERN_SUCCESS)
        kr = overwrite(target_task, copy, dest_address, overlap || size > OVERWRITE_MAX);
    if (kr == KERN_PAGE_WAIT && self->work.begun)
        self->work.copy = copy; /* the rest is what was there at first */
    else
        vm_map_copy_discard(copy);
    return kr;
}

kern_return_t mach_vm_read_overwrite(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                                     mach_vm_address_t data, mach_vm_size_t *outsize)
{
    struct vm_map *caller = thread_current()->task->map;
    kern_return_t kr = KERN_SUCCESS;

    if (size > OVERWRITE_MAX)
        return KERN_INVALID_ARGUMENT;
    if (!HAL_USER_RANGE(address, size) || !HAL_USER_RANGE(data, size))
        return KERN_INVALID_ADDRESS;
    void *buffer = vm_page_alloc(0);
    if (buffer == NULL)
        return KERN_RESOURCE_SHORTAGE;
    for (mach_vm_size_t done = 0; done < size && kr == KERN_SUCCESS;) {
        size_t part = size - done < PAGE_SIZE ? size - done : PAGE_SIZE;
        kr = vm_map_read(target_task, buffer, address + done, part);
        if (kr == KERN_SUCCESS)
            kr = vm_copyout(caller, data + done, buffer, part);
        done += part;
    }
    vm_page_free(buffer, 0);
    *outsize = size;
    return kr;
}

/* Where a mapping goes. Returns false: there are no such flags. */
static bool flags_decode(int flags, struct vm_map_remap *how)
{
    how->anywhere = flags == VM_FLAGS_ANYWHERE;
    how->overwrite = flags == (VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE);
    return flags == VM_FLAGS_FIXED || how->anywhere || how->overwrite;
}

kern_return_t mach_vm_remap(vm_map_t target_task, mach_vm_address_t *target_address, mach_vm_size_t size,
                            mach_vm_offset_t mask, int flags, vm_map_t src_task,
                            mach_vm_address_t src_address, boolean_t copy, vm_prot_t *cur_protection,
                            vm_prot_t *max_protection, vm_inherit_t inheritance)
{
    struct vm_map_remap how = {
        .mask = mask,
        .copy = copy != FALSE,
        .inheritance = inheritance,
    };

    if (src_task == NULL || !flags_decode(flags, &how))
        return KERN_INVALID_ARGUMENT; /* a port that is no task's has no map */
    kern_return_t kr = vm_map_remap(target_task, target_address, src_task, src_address, size, &how);
    *cur_protection = how.protection;
    *max_protection = how.max_protection;
    return kr;
}

kern_return_t mach_vm_map(vm_map_t target_task, mach_vm_address_t *address, mach_vm_size_t size,
                          mach_vm_offset_t mask, int flags, mach_port_t object, memory_object_offset_t offset,
                          boolean_t copy, vm_prot_t cur_protection, vm_prot_t max_protection,
                          vm_inherit_t inheritance)
{
    struct vm_memory_entry *entry = convert_port_to_memory_entry(object);
    struct vm_map_remap how = {
        .mask = mask,
        .copy = copy != FALSE,
        .inheritance = inheritance,
        .protection = cur_protection,
        .max_protection = max_protection,
    };
    kern_return_t kr;

    if (!flags_decode(flags, &how))
        kr = KERN_INVALID_ARGUMENT;
    else if (entry != NULL || object == NULL)
        kr = vm_map_memory(target_task, address, size, entry, offset, &how);
    else
        kr = vm_map_pager(target_task, address, size, object, offset, &how);
    if (entry != NULL)
        vm_memory_entry_unref(entry);
    if (kr == KERN_SUCCESS)
        ipc_port_release_send(object);
    return kr;
}

kern_return_t mach_make_memory_entry_64(vm_map_t target_task, memory_object_size_t *size,
                                        memory_object_offset_t offset, vm_prot_t permission,
                                        mach_port_t *object_handle, mach_port_t parent_handle)
{
    struct vm_map *source = (permission & MAP_MEM_NAMED_CREATE) != 0 ? NULL : target_task;
    struct vm_memory_entry *entry;

    if (parent_handle != NULL)
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr = vm_memory_entry_create(source, offset, size, permission & ~MAP_MEM_NAMED_CREATE,
                                              task_payer(), &entry);
    if (kr != KERN_SUCCESS)
        return kr;
    *object_handle = ipc_kobject_create_counted(IPC_KOTYPE_MEMORY_ENTRY, entry, task_payer());
    if (*object_handle != NULL)
        return KERN_SUCCESS;
    vm_memory_entry_unref(entry);
    return KERN_RESOURCE_SHORTAGE;
}

static integer_t page_disposition(const struct vm_map_page *page)
{
    return (page->present ? VM_PAGE_QUERY_PAGE_PRESENT : 0) | (page->copied ? VM_PAGE_QUERY_PAGE_COPIED : 0);
}

kern_return_t mach_vm_page_query(vm_map_t target_map, mach_vm_offset_t offset, integer_t *disposition,
                                 integer_t *ref_count)
{
    struct vm_map_page page;
    kern_return_t kr = vm_map_page_query(target_map, offset, &page);

    if (kr != KERN_SUCCESS)
        return kr;
    *disposition = page_disposition(&page);
    *ref_count = (integer_t)page.references;
    return KERN_SUCCESS;
}

kern_return_t mach_vm_page_range_query(vm_map_t target_map, mach_vm_offset_t address, mach_vm_size_t size,
                                       mach_vm_address_t dispositions, mach_vm_size_t *dispositions_count)
{
    struct vm_map *caller = thread_current()->task->map;
    struct vm_map_page page[QUERY_STEP];
    integer_t said[QUERY_STEP];
    kern_return_t kr = KERN_SUCCESS;
    hal_va_t start;
    hal_va_t end;

    if (!vm_range_round(address, size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    mach_vm_size_t count = size > 0 ? (end - start) / PAGE_SIZE : 0;
    count = count < *dispositions_count ? count : *dispositions_count;
    count = count < QUERY_MAX ? count : QUERY_MAX;
    for (mach_vm_size_t done = 0; done < count && kr == KERN_SUCCESS; done += QUERY_STEP) {
        unsigned n = count - done < QUERY_STEP ? (unsigned)(count - done) : QUERY_STEP;
        vm_map_page_range(target_map, start + done * PAGE_SIZE, page, n);
        for (unsigned i = 0; i < n; i++)
            said[i] = page_disposition(&page[i]);
        kr = vm_copyout(caller, dispositions + done * sizeof(said[0]), said, n * sizeof(said[0]));
    }
    *dispositions_count = count;
    return kr;
}

kern_return_t mach_vm_msync(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                            vm_sync_t sync_flags)
{
    return vm_map_sync(target_task, address, size, sync_flags);
}

kern_return_t mach_vm_behavior_set(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                                   vm_behavior_t new_behavior)
{
    return vm_map_behavior_set(target_task, address, size, new_behavior);
}

kern_return_t mach_vm_machine_attribute(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                                        vm_machine_attribute_t attribute, vm_machine_attribute_val_t *value)
{
    enum vm_map_caches what;
    bool cached;

    if (attribute != MATTR_CACHE)
        return KERN_INVALID_ARGUMENT;
    switch (*value) {
    case MATTR_VAL_GET:
        what = VM_MAP_CACHES_GET;
        break;
    case MATTR_VAL_ICACHE_FLUSH:
    case MATTR_VAL_CACHE_SYNC:
        what = VM_MAP_CACHES_SYNC;
        break;
    case MATTR_VAL_OFF:
    case MATTR_VAL_ON:
    case MATTR_VAL_CACHE_FLUSH:
    case MATTR_VAL_DCACHE_FLUSH:
        return KERN_NOT_SUPPORTED;
    default:
        return KERN_INVALID_ARGUMENT;
    }
    kern_return_t kr = vm_map_caches(target_task, address, size, what, &cached);
    if (kr == KERN_SUCCESS && what == VM_MAP_CACHES_GET)
        *value = cached ? MATTR_VAL_ON : MATTR_VAL_OFF;
    return kr;
}

kern_return_t mach_vm_wire(host_priv_t host_priv, vm_map_t task, mach_vm_address_t address,
                           mach_vm_size_t size, vm_prot_t desired_access)
{
    (void)host_priv; /* who has it may do this */
    if (task == NULL)
        return KERN_INVALID_ARGUMENT; /* a port that is no task's has no map */
    return desired_access == VM_PROT_NONE ? vm_map_unwire(task, address, size)
                                          : vm_map_wire(task, address, size, desired_access);
}

kern_return_t mach_vm_read_inband(vm_map_t target_task, mach_vm_address_t address, mach_vm_size_t size,
                                  vm_inband_data_t data, mach_msg_type_number_t *dataCnt)
{
    if (size > VM_INBAND_MAX)
        return KERN_INVALID_ARGUMENT;
    *dataCnt = (mach_msg_type_number_t)size;
    return vm_map_read(target_task, data, address, size);
}

kern_return_t mach_vm_write_inband(vm_map_t target_task, mach_vm_address_t address, vm_inband_data_t data,
                                   mach_msg_type_number_t dataCnt)
{
    return vm_map_write(target_task, address, data, dataCnt);
}
