/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of address maps and memory objects. */
#include <inttypes.h>
#include <mach/vm_param.h>

#include "audit_i.h"

/* --- maps --- */

#define TREE_HEIGHT_MAX 92 /* 1.44 * 64: after 2^64 insertions (vm/vm_map_tree.c) */

/* What the subtree below an entry must say of itself. */
struct subtree {
    int height;
    uint64_t max_gap;
};

/* Walk in the order of addresses; *next is the entry that the list has there. */
static struct subtree check_tree(const struct vm_map *map, const struct vm_map_entry *entry,
                                 const struct vm_map_entry *parent, const struct list **next)
{
    if (entry == NULL)
        return (struct subtree){0, 0};
    AUDIT(entry->parent == parent, "entry-tree", entry, "of map %p: wrong parent", (const void *)map);
    struct subtree low = check_tree(map, entry->child[0], entry, next);
    AUDIT(*next == &entry->link, "entry-tree", entry, "of map %p: not the next in the list",
          (const void *)map);
    *next = (*next)->next;
    struct subtree high = check_tree(map, entry->child[1], entry, next);
    struct subtree all = {entry->height, entry->gap};
    if (all.max_gap < low.max_gap)
        all.max_gap = low.max_gap;
    if (all.max_gap < high.max_gap)
        all.max_gap = high.max_gap;
    AUDIT(all.height > low.height && all.height > high.height && all.height <= TREE_HEIGHT_MAX,
          "entry-balance", entry, "height %d, children %d and %d", all.height, low.height, high.height);
    AUDIT(entry->max_gap == all.max_gap, "entry-gap", entry,
          "largest gap 0x%" PRIx64 ", should be 0x%" PRIx64, entry->max_gap, all.max_gap);
    return all;
}

static void check_attributes(const struct vm_map_entry *entry)
{
    AUDIT((entry->protection & ~entry->max_protection) == 0 && (entry->max_protection & ~VM_PROT_ALL) == 0,
          "entry-protection", entry, "%u, at most %u", entry->protection, entry->max_protection);
    AUDIT((entry->protection & (VM_PROT_WRITE | VM_PROT_EXECUTE)) != (VM_PROT_WRITE | VM_PROT_EXECUTE),
          "entry-protection", entry, "write and execute");
    AUDIT(entry->inheritance <= VM_INHERIT_LAST_VALID, "entry-inheritance", entry, "%u", entry->inheritance);
}

/* An entry of a map, or of a copy: `entries` are all of it. */
static void note_object(const struct list *entries, const struct vm_map_entry *entry)
{
    if (entry->object == NULL)
        return;
    struct audit_object *o = audit_object(AUDIT_OBJECT, entry->object, entry);
    int64_t distance = (int64_t)(entry->start - entry->offset);
    AUDIT(entry->offset % PAGE_SIZE == 0, "entry-offset", entry, "offset 0x%" PRIx64, entry->offset);
    if (o->places > 0 && (o->entries != entries || o->distance != distance))
        o->several = true;
    AUDIT(audit_on_list(&entry->object->users, &entry->object_link), "object-users", entry->object,
          "entry %p is not among them", (const void *)entry);
    o->refs++;
    o->places++;
    o->entries = entries;
    o->distance = distance;
}

static void check_map(struct vm_map *map)
{
    hal_va_t below = hal_info.user_base;
    uint64_t size = 0, wired = 0;
    bool hint = map->hint == NULL;
    bool other = map->other == NULL;

    audit_own(AUDIT_PMAP, map->pmap, "map");
    AUDIT_LIST(node, &map->entries)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        audit_own(AUDIT_MAP_ENTRY, entry, "map");
        AUDIT(entry->start >= below && entry->end > entry->start && entry->end <= hal_info.user_limit &&
                  entry->start % PAGE_SIZE == 0 && entry->end % PAGE_SIZE == 0,
              "entry-range", entry, "0x%" PRIx64 " - 0x%" PRIx64 ", the one below ends at 0x%" PRIx64,
              entry->start, entry->end, below);
        AUDIT(entry->gap == entry->start - below, "entry-gap", entry, "0x%" PRIx64 ", should be 0x%" PRIx64,
              entry->gap, entry->start - below);
        AUDIT(entry->map == map, "entry-map", entry, "of map %p, says %p", (const void *)map,
              (const void *)entry->map);
        check_attributes(entry);
        note_object(&map->entries, entry);
        below = entry->end;
        size += entry->end - entry->start;
        wired += entry->wired > 0 ? entry->end - entry->start : 0;
        hint = hint || map->hint == entry;
        other = other || map->other == entry;
    }
    AUDIT(size == map->size, "map-size", map, "0x%" PRIx64 " bytes, counted 0x%" PRIx64, size, map->size);
    AUDIT(wired == map->wired, "map-wired", map, "0x%" PRIx64 " bytes, counted 0x%" PRIx64, wired,
          map->wired);
    AUDIT(hint, "map-hint", map, "%p is no entry of it", (void *)map->hint);
    AUDIT(other, "map-hint", map, "%p, the other hint, is no entry of it", (void *)map->other);
    const struct list *next = map->entries.next;
    (void)check_tree(map, map->root, NULL, &next);
    AUDIT(next == &map->entries, "entry-tree", map, "entries in the list that are not in the tree");
}

void audit_copy(const struct vm_map_copy *copy, uint64_t size, const char *holder)
{
    uint64_t end = 0;

    audit_own(AUDIT_MAP_COPY, copy, holder);
    AUDIT_LIST(node, &copy->entries)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        audit_own(AUDIT_MAP_ENTRY, entry, "copy");
        AUDIT(entry->map == NULL && !entry->mapped && entry->start == end && entry->end > end &&
                  entry->end % PAGE_SIZE == 0,
              "copy-range", entry, "0x%" PRIx64 " - 0x%" PRIx64 " behind 0x%" PRIx64, entry->start,
              entry->end, end);
        note_object(&copy->entries, entry);
        end = entry->end;
    }
    AUDIT(copy->size == size && size > 0 && copy->offset < PAGE_SIZE &&
              end == round_page(copy->offset + size),
          "copy-size", copy,
          "%" PRIu64 " bytes from %" PRIu64 " in 0x%" PRIx64 ", its descriptor says %" PRIu64, copy->size,
          copy->offset, end, size);
}

void audit_memory_entry(const struct vm_memory_entry *entry)
{
    audit_own(AUDIT_MEMORY_ENTRY, entry, "port");
    AUDIT(entry->refs == 1, "memory-entry-refs", entry, "%" PRIu64 " references, its port has one",
          entry->refs);
    audit_copy(entry->memory, entry->memory->size, "memory entry");
    LIST_FOR_EACH(node, &entry->memory->entries)
    {
        const struct vm_map_entry *part = CONTAINER_OF(node, struct vm_map_entry, link);
        AUDIT(part->object != NULL && part->object->shared, "memory-entry-shared", entry,
              "%p has no object that is shared", (const void *)part);
    }
}

/* --- objects --- */

static bool is_covered(const struct vm_object *object, const struct list *entries, hal_va_t va)
{
    LIST_FOR_EACH(node, entries)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        if (va >= entry->start && va < entry->end)
            return entry->object == object;
    }
    return false;
}

const struct vm_page *audit_object_page(const struct vm_object *object, uint64_t index, bool *own,
                                        bool *writable)
{
    const void *item = object->pages.root;
    unsigned level = object->pages.height;

    *own = true;
    *writable = object->pages.writable;
    if (index >> RADIX_SHIFT * level != 0)
        return NULL;
    while (item != NULL && level-- > 0) {
        const struct radix_node *node = item;
        const unsigned slot = index >> RADIX_SHIFT * level & (RADIX_SLOTS - 1);
        *own = *own && node->refs == 1;
        *writable = *writable && (node->writable >> slot & 1) != 0;
        item = (node->used >> slot & 1) != 0 ? node->slot[slot] : NULL;
    }
    *own = *own && item != NULL && ((const struct vm_page *)item)->refs == 1;
    return item;
}

/* A slot or root holds a node: returns it, if nobody was seen to hold it before. */
static bool note_node(const void *item, const void *holder)
{
    struct audit_object *o = audit_object(AUDIT_RADIX, item, holder);

    o->owner = "memory object";
    return o->refs++ == 0;
}

/* A slot at `level` holds `item`, a node or page for the indices from `first` on: pages behind no entry are found for every
 * object, references are counted once for each slot. */
static void check_item(const struct audit_object *o, const void *item, unsigned level, uint64_t first,
                       bool writable, bool count)
{
    const struct vm_object *object = (const void *)o->address;

    if (level == 0) {
        const struct vm_page *page = item;
        if (count)
            audit_page_ref(page, object);
        AUDIT(!writable || page->refs == 1, "radix-writable", object,
              "page %" PRIu64 " is shared, and mapped writable", first);
        if (!object->shared)
            AUDIT(is_covered(object, o->entries, (first << PAGE_SHIFT) + (uint64_t)o->distance),
                  "object-page", object, "page %" PRIu64 " is behind no entry", first);
        return;
    }
    const struct radix_node *node = item;
    const bool inside = count ? note_node(node, object) : false;
    AUDIT(node->used != 0, "radix-used", node, "no slots are used");
    AUDIT((node->writable & ~node->used) == 0 && (node->writable == 0 || writable), "radix-writable", node,
          "slots 0x%" PRIx64 " of 0x%" PRIx64 ", above: %u", node->writable, node->used, writable);
    for (unsigned i = 0; i < RADIX_SLOTS; i++) {
        if ((node->used >> i & 1) != 0)
            check_item(o, node->slot[i], level - 1, first + ((uint64_t)i << RADIX_SHIFT * (level - 1)),
                       (node->writable >> i & 1) != 0, inside);
    }
}

/* What is wired is there, and counted. */
static void check_wired(const struct vm_object *object)
{
    uint32_t wired = 0;
    bool own, writable;

    LIST_FOR_EACH(node, &object->users)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, object_link);
        wired += entry->wired > 0;
        for (hal_va_t va = entry->start;
             !vm_object_is_physical(object) && entry->wired > 0 && va < entry->end; va += PAGE_SIZE)
            AUDIT(audit_object_page(object, (entry->offset + (va - entry->start)) / PAGE_SIZE, &own,
                                    &writable) != NULL,
                  "entry-wired", entry, "no page at 0x%" PRIx64, va);
    }
    AUDIT(object->wired == wired, "object-wired", object, "%u, counted %u", object->wired, wired);
}

static void check_object(struct audit_object *o)
{
    const struct vm_object *object = (const void *)o->address;

    AUDIT(o->refs == object->refs, "object-refs", object, "%" PRIu64 " references, counted %" PRIu64, o->refs,
          object->refs);
    AUDIT(audit_list_count(&object->users) == o->places, "object-users", object, "%u users, %u entries",
          audit_list_count(&object->users), o->places);
    check_wired(object);
    AUDIT(object->shared || !o->several, "object-private", object, "never shared, and in two places");
    AUDIT(object->pages.root != NULL || (object->pages.height == 0 && !object->pages.writable), "radix-root",
          object, "height %u, no root", object->pages.height);
    AUDIT(!vm_object_is_physical(object) || (object->pages.root == NULL && object->shared), "object-physical",
          object, "kind %u, and pages of its own", object->kind);
    if (object->kind == VM_OBJECT_CONTIGUOUS)
        audit_own_pages(hal_pa_to_ptr(object->base), object->order, "contiguous memory");
    if (object->pages.root != NULL)
        check_item(o, object->pages.root, object->pages.height, 0, object->pages.writable, true);
    o->owner = "map";
}

static void check_nodes(void)
{
    AUDIT_EACH(o, AUDIT_RADIX)
    {
        const struct radix_node *node = (const void *)o->address;
        AUDIT(o->refs == node->refs, "radix-refs", node, "%" PRIu64 " references, counted %" PRIu64, o->refs,
              node->refs);
        AUDIT(node->refs == 1 || node->writable == 0, "radix-writable", node,
              "slots 0x%" PRIx64 " of a node that is shared", node->writable);
    }
}

void audit_maps(void)
{
    int64_t counted = 0;

    AUDIT_EACH(map, AUDIT_MAP)
    check_map((void *)map->address);
    AUDIT_EACH(object, AUDIT_OBJECT)
    check_object(object);
    check_nodes();
    for (uint32_t i = 0; i < hal_info.cpu_count; i++)
        counted += vm_stat_cpu[i].value[VM_STAT_OBJECT_PAGES];
    const uint64_t pages = audit_page_count();
    AUDIT((int64_t)pages == counted, "stat-pages", vm_stat_cpu,
          "%" PRIu64 " pages in objects, counted %" PRId64, pages, counted);
}
