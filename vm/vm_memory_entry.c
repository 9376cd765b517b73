/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory entries.
 *
 * An entry holds its memory as a message does, in map entries that are in no map, with objects that are shared from the start.  They
 * do not change until the entry ends, so it can be mapped by several at a time without a lock of its own.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/ref.h>
#include <mach/vm_param.h>
#include <vm/memory_object.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_map_i.h>
#include <vm/vm_memory_entry.h>
#include <vm/vm_physical.h>
#include <vm/vm_range.h>

static struct cache memory_entry_cache;

void vm_memory_entry_init_module(void)
{
    cache_init(&memory_entry_cache, "vm_memory_entry", sizeof(struct vm_memory_entry), 8);
}

/* --- life ----------------------------------------------------------------------------------------------- */

/* An entry for `memory`, which becomes its own; or NULL. */
static struct vm_memory_entry *memory_entry_alloc(struct vm_map_copy *memory, vm_prot_t protection,
                                                  struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct vm_memory_entry)))
        return NULL;
    struct vm_memory_entry *entry = cache_alloc(&memory_entry_cache);
    if (entry == NULL) {
        ledger_uncharge(payer, sizeof(*entry));
        return NULL;
    }
    *entry = (struct vm_memory_entry){.refs = 1, .protection = protection, .memory = memory, .payer = payer};
    return entry;
}

kern_return_t vm_memory_entry_create(struct vm_map *map, hal_va_t address, uint64_t *size,
                                     vm_prot_t protection, struct ledger_account *payer,
                                     struct vm_memory_entry **entry)
{
    struct vm_map_copy *memory;
    hal_va_t start;
    hal_va_t end;

    if (*size == 0 || (protection & ~VM_PROT_ALL) != 0 || !vm_range_round(address, *size, &start, &end))
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr = map != NULL ? vm_map_copy_share(map, start, end, protection, payer, &memory)
                                   : vm_map_copy_fresh(end - start, payer, &memory);
    if (kr != KERN_SUCCESS)
        return kr;
    *entry = memory_entry_alloc(memory, protection, payer);
    if (*entry == NULL) {
        vm_map_copy_discard(memory);
        return KERN_RESOURCE_SHORTAGE;
    }
    *size = end - start;
    return KERN_SUCCESS;
}

/* The object of an entry for fresh memory. */
static struct vm_object *fresh_object(const struct vm_memory_entry *entry)
{
    return CONTAINER_OF(entry->memory->entries.next, struct vm_map_entry, link)->object;
}

kern_return_t vm_memory_entry_create_device(hal_pa_t base, uint64_t size, struct ledger_account *payer,
                                            struct vm_memory_entry **entry)
{
    if (size == 0 || ((base.addr | size) & PAGE_MASK) != 0 || base.addr >= HAL_PA_LIMIT ||
        size > HAL_PA_LIMIT - base.addr)
        return KERN_INVALID_ARGUMENT;
    if (vm_physical_is_taken(base, size))
        return KERN_NO_ACCESS;
    kern_return_t kr = vm_memory_entry_create(NULL, 0, &size, VM_PROT_DEFAULT, payer, entry);
    if (kr == KERN_SUCCESS)
        vm_physical_make_device(fresh_object(*entry), base);
    return kr;
}

kern_return_t vm_memory_entry_create_reserved(hal_pa_t base, uint64_t size, struct ledger_account *payer,
                                              struct vm_memory_entry **entry)
{
    kern_return_t kr = vm_memory_entry_create(NULL, base.addr, &size, VM_PROT_READ, payer, entry);
    if (kr == KERN_SUCCESS)
        vm_physical_make_reserved(fresh_object(*entry), HAL_PA(trunc_page(base.addr)));
    return kr;
}

kern_return_t vm_memory_entry_create_contiguous(uint64_t size, uint64_t last, struct ledger_account *payer,
                                                struct vm_memory_entry **entry, hal_pa_t *base)
{
    if (size > VM_PHYSICAL_MAX)
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr = vm_memory_entry_create(NULL, 0, &size, VM_PROT_DEFAULT, payer, entry);
    if (kr != KERN_SUCCESS)
        return kr;
    struct vm_object *object = fresh_object(*entry);
    if (vm_physical_make_contiguous(object, size, last, payer)) {
        *base = object->base;
        return KERN_SUCCESS;
    }
    vm_memory_entry_unref(*entry);
    return KERN_RESOURCE_SHORTAGE;
}

void vm_memory_entry_ref(struct vm_memory_entry *entry)
{
    ref_get(&entry->refs);
}

void vm_memory_entry_unref(struct vm_memory_entry *entry)
{
    if (!ref_put(&entry->refs))
        return;
    vm_map_copy_discard(entry->memory);
    ledger_uncharge(entry->payer, sizeof(*entry));
    cache_free(&memory_entry_cache, entry);
}

/* --- mappings ------------------------------------------------------------------------------------------- */

/* The arguments of vm_map_memory() that have nothing to do with the place. Returns as it does. */
static kern_return_t map_check(uint64_t size, const struct vm_memory_entry *entry, uint64_t offset,
                               const struct vm_map_remap *how)
{
    const vm_prot_t write_execute = VM_PROT_WRITE | VM_PROT_EXECUTE;

    if (size == 0 || !vm_map_remap_is_valid(how) || (how->max_protection & ~VM_PROT_ALL) != 0 ||
        (how->protection & ~how->max_protection) != 0 || (how->protection & write_execute) == write_execute)
        return KERN_INVALID_ARGUMENT;
    if (entry == NULL)
        return KERN_SUCCESS;
    if ((offset & PAGE_MASK) != 0 || offset > entry->memory->size || size > entry->memory->size - offset)
        return KERN_INVALID_ARGUMENT;
    const vm_prot_t wanted = how->copy ? VM_PROT_READ : how->max_protection;
    return (wanted & ~entry->protection) == 0 ? KERN_SUCCESS : KERN_INVALID_RIGHT;
}

/* Append what is to be mapped, from 0 up, to `entries`. Returns as vm_map_memory(): some. */
static kern_return_t map_derive(uint64_t size, const struct vm_memory_entry *entry, uint64_t offset,
                                bool copy, struct ledger_account *payer, struct list *entries)
{
    if (entry != NULL)
        return vm_map_copy_derive(entry->memory, offset, offset + size, !copy, payer, entries);
    struct vm_map_entry *fresh = vm_map_entry_alloc(payer);
    if (fresh == NULL)
        return KERN_RESOURCE_SHORTAGE;
    fresh->start = 0;
    fresh->end = size;
    fresh->offset = 0;
    list_insert_tail(entries, &fresh->link);
    return KERN_SUCCESS;
}

/* Put what is to be mapped, whose attributes are not set yet, where `how` says. Frees what is left. */
static kern_return_t map_put(struct vm_map *map, hal_va_t *address, uint64_t size,
                             const struct vm_map_remap *how, struct list *entries)
{
    LIST_FOR_EACH(node, entries)
    {
        struct vm_map_entry *mapping = CONTAINER_OF(node, struct vm_map_entry, link);
        mapping->protection = (uint8_t)how->protection;
        mapping->max_protection = (uint8_t)how->max_protection;
        mapping->inheritance = (uint8_t)how->inheritance;
        mapping->behavior = VM_BEHAVIOR_DEFAULT;
    }
    kern_return_t kr = vm_map_put(map, address, size, how, entries);
    vm_map_entries_free(entries);
    return kr;
}

kern_return_t vm_map_memory(struct vm_map *map, hal_va_t *address, uint64_t size,
                            const struct vm_memory_entry *entry, uint64_t offset,
                            const struct vm_map_remap *how)
{
    struct list entries;

    if (!vm_size_round(size, &size))
        return KERN_INVALID_ARGUMENT;
    kern_return_t kr = map_check(size, entry, offset, how);
    if (kr != KERN_SUCCESS)
        return kr;
    list_init(&entries);
    kr = map_derive(size, entry, offset, how->copy, map->payer, &entries);
    if (kr == KERN_SUCCESS)
        return map_put(map, address, size, how, &entries);
    vm_map_entries_free(&entries);
    return kr;
}

/* --- memory of a pager ---------------------------------------------------------------------------------- */

/* An entry for `size` bytes of a pager's memory from `offset` on; NULL: *why. */
static struct vm_map_entry *pager_entry(struct ipc_port *port, uint64_t offset, uint64_t size,
                                        struct ledger_account *payer, kern_return_t *why)
{
    struct vm_map_entry *entry = vm_map_entry_alloc(payer);
    struct memory_object *pager;
    bool attached = false;

    *why = KERN_RESOURCE_SHORTAGE;
    if (entry == NULL)
        return NULL;
    entry->start = 0;
    entry->end = size;
    entry->offset = offset;
    while (!attached && (pager = memory_object_find(port, payer, why)) != NULL) {
        attached = memory_object_attach(pager, entry);
        memory_object_unref(pager);
    }
    if (attached)
        return entry;
    vm_map_entry_free(entry);
    return NULL;
}

/* Append a copy of all of `source` to `entries`. */
static kern_return_t pager_copy(struct vm_map_entry *source, struct list *entries)
{
    struct vm_map_entry *entry = vm_map_entry_alloc(source->payer);

    if (entry == NULL)
        return KERN_RESOURCE_SHORTAGE;
    list_insert_tail(entries, &entry->link);
    return vm_map_entry_derive(source, 0, source->end, false, entry);
}

kern_return_t vm_map_pager(struct vm_map *map, hal_va_t *address, uint64_t size, struct ipc_port *port,
                           uint64_t offset, const struct vm_map_remap *how)
{
    struct list entries;
    kern_return_t kr;

    if (!vm_size_round(size, &size) || (offset & PAGE_MASK) != 0 || size > UINT64_MAX - offset)
        return KERN_INVALID_ARGUMENT;
    kr = map_check(size, NULL, 0, how);
    if (kr != KERN_SUCCESS)
        return kr;
    struct vm_map_entry *entry = pager_entry(port, offset, size, map->payer, &kr);
    if (entry == NULL)
        return kr;
    list_init(&entries);
    if (how->copy) {
        kr = pager_copy(entry, &entries);
        vm_map_entry_free(entry);
        if (kr != KERN_SUCCESS) {
            vm_map_entries_free(&entries);
            return kr;
        }
    } else {
        list_insert_tail(&entries, &entry->link);
    }
    return map_put(map, address, size, how, &entries);
}
