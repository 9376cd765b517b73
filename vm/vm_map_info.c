/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps: what is told of them. */
#include <hal/hal.h>
#include <mach/vm_param.h>
#include <vm/pmap.h>
#include <vm/vm_map_i.h>

/* What is at `va`, which `entry` covers. */
static struct vm_map_page page_at(const struct vm_map_entry *entry, hal_va_t va)
{
    struct vm_map_page page = {.present = false};
    struct vm_object *object = entry->object;
    bool own = true;

    if (object == NULL)
        return page;
    page.present = vm_object_has_page(object, (entry->offset + (va - entry->start)) >> PAGE_SHIFT, &own);
    page.copied = page.present && !own;
    page.references = vm_object_references(object);
    return page;
}

kern_return_t vm_map_page_query(struct vm_map *map, hal_va_t va, struct vm_map_page *page)
{
    spin_lock(&map->lock);
    const struct vm_map_entry *entry = vm_map_lookup(map, va);
    if (entry != NULL)
        *page = page_at(entry, va);
    spin_unlock(&map->lock);
    return entry != NULL ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

void vm_map_page_range(struct vm_map *map, hal_va_t va, struct vm_map_page *pages, unsigned count)
{
    spin_lock(&map->lock);
    for (unsigned i = 0; i < count; i++, va += PAGE_SIZE) {
        const struct vm_map_entry *entry = vm_map_lookup(map, va);
        pages[i] = entry != NULL ? page_at(entry, va) : (struct vm_map_page){.present = false};
    }
    spin_unlock(&map->lock);
}

/* Count the pages of the entry that are there, and those of them that are shared with copies. */
static void count_pages(const struct vm_map_entry *entry, struct vm_map_resident *resident)
{
    struct vm_object *object = entry->object;
    const uint64_t end = (entry->offset + (entry->end - entry->start)) >> PAGE_SHIFT;
    bool own;

    if (vm_object_is_physical(object)) {
        resident->pages = (entry->end - entry->start) >> PAGE_SHIFT;
        return;
    }
    spin_lock(&object->lock);
    for (uint64_t i = entry->offset >> PAGE_SHIFT; vm_radix_next(&object->pages, &i) != NULL && i < end;
         i++) {
        if (vm_page_is_out(vm_radix_find(&object->pages, i, false, &own)))
            continue;
        resident->pages++;
        resident->copied += !own;
    }
    spin_unlock(&object->lock);
}

kern_return_t vm_map_region(struct vm_map *map, hal_va_t address, struct vm_map_region *region,
                            struct vm_map_resident *resident)
{
    kern_return_t kr = KERN_INVALID_ADDRESS;

    spin_lock(&map->lock);
    const struct vm_map_entry *entry = vm_map_tree_find(map, address);
    if (entry != NULL) {
        *region = (struct vm_map_region){
            .start = entry->start,
            .size = entry->end - entry->start,
            .offset = entry->offset,
            .protection = entry->protection,
            .max_protection = entry->max_protection,
            .inheritance = entry->inheritance,
            .behavior = entry->behavior,
            .wired = entry->wired,
            .shared = entry->object != NULL && vm_object_is_shared(entry->object),
            .references = entry->object != NULL ? vm_object_references(entry->object) : 0,
        };
        if (resident != NULL)
            *resident = (struct vm_map_resident){.pages = 0};
        if (resident != NULL && entry->object != NULL)
            count_pages(entry, resident);
        kr = KERN_SUCCESS;
    }
    spin_unlock(&map->lock);
    return kr;
}

uint64_t vm_map_size(struct vm_map *map)
{
    spin_lock(&map->lock);
    uint64_t size = map->size;
    spin_unlock(&map->lock);
    return size;
}

uint64_t vm_map_resident_size(struct vm_map *map)
{
    return pmap_resident(map->pmap) << PAGE_SHIFT;
}
