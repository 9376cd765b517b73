/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of address maps and memory objects. */
#include <inttypes.h>
#include <mach/vm_param.h>

#include "audit_i.h"

/* --- maps --- */

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
    struct subtree all = {1 + (low.height > high.height ? low.height : high.height), entry->gap};
    if (all.max_gap < low.max_gap)
        all.max_gap = low.max_gap;
    if (all.max_gap < high.max_gap)
        all.max_gap = high.max_gap;
    AUDIT(entry->height == all.height && low.height - high.height <= 1 && high.height - low.height <= 1,
          "entry-balance", entry, "height %u, children %d and %d", entry->height, low.height, high.height);
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

static void note_object(struct vm_map *map, const struct vm_map_entry *entry)
{
    if (entry->object == NULL)
        return;
    struct audit_object *o = audit_object(AUDIT_OBJECT, entry->object, entry);
    int64_t distance = (int64_t)(entry->start - entry->offset);
    AUDIT(entry->offset % PAGE_SIZE == 0, "entry-offset", entry, "offset 0x%" PRIx64, entry->offset);
    if (o->refs > 0 && (o->map != map || o->distance != distance))
        o->several = true;
    o->refs++;
    o->map = map;
    o->distance = distance;
}

static void check_map(struct vm_map *map)
{
    hal_va_t below = hal_info.user_base;
    uint64_t size = 0;
    bool hint = map->hint == NULL;

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
        check_attributes(entry);
        note_object(map, entry);
        below = entry->end;
        size += entry->end - entry->start;
        hint = hint || map->hint == entry;
    }
    AUDIT(size == map->size, "map-size", map, "0x%" PRIx64 " bytes, counted 0x%" PRIx64, size, map->size);
    AUDIT(hint, "map-hint", map, "%p is no entry of it", (void *)map->hint);
    const struct list *next = map->entries.next;
    (void)check_tree(map, map->root, NULL, &next);
    AUDIT(next == &map->entries, "entry-tree", map, "entries in the list that are not in the tree");
}

/* --- objects --- */

static bool is_covered(const struct vm_object *object, struct vm_map *map, hal_va_t va)
{
    LIST_FOR_EACH(node, &map->entries)
    {
        const struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        if (va >= entry->start && va < entry->end)
            return entry->object == object;
    }
    return false;
}

static void check_object_page(const struct audit_object *o, uint64_t index, const void *page)
{
    const struct vm_object *object = (const void *)o->address;

    audit_own_pages(page, 0, "memory object");
    if (!object->shared)
        AUDIT(is_covered(object, o->map, (index << PAGE_SHIFT) + (uint64_t)o->distance), "object-page",
              object, "page %" PRIu64 " is behind no entry", index);
}

/* Returns the pages below a node. */
static uint64_t check_radix(const struct audit_object *o, const struct radix_node *node, unsigned level,
                            uint64_t first)
{
    uint64_t pages = 0, used = 0;

    audit_own(AUDIT_RADIX, node, "memory object");
    for (unsigned i = 0; i < RADIX_SLOTS; i++) {
        uint64_t index = first + ((uint64_t)i << RADIX_SHIFT * level);
        if (node->slot[i] == NULL)
            continue;
        used++;
        if (level > 0) {
            pages += check_radix(o, node->slot[i], level - 1, index);
            continue;
        }
        check_object_page(o, index, node->slot[i]);
        pages++;
    }
    AUDIT(used == node->used && used > 0, "radix-used", node, "%" PRIu64 " slots used, counted %" PRIu64,
          used, node->used);
    return pages;
}

static uint64_t check_object(struct audit_object *o)
{
    const struct vm_object *object = (const void *)o->address;
    uint64_t pages = 0;

    AUDIT(o->refs == object->refs, "object-refs", object, "%" PRIu64 " references, counted %" PRIu64, o->refs,
          object->refs);
    AUDIT(object->shared || !o->several, "object-private", object, "never shared, and in two places");
    AUDIT((object->pages.root == NULL) == (object->pages.height == 0), "radix-root", object,
          "height %u, root %p", object->pages.height, object->pages.root);
    if (object->pages.root != NULL)
        pages = check_radix(o, object->pages.root, object->pages.height - 1, 0);
    AUDIT(pages == object->resident, "object-resident", object, "%" PRIu64 " pages, counted %" PRIu64, pages,
          object->resident);
    o->owner = "map";
    return pages;
}

void audit_maps(void)
{
    int64_t counted = 0;
    uint64_t pages = 0;

    AUDIT_EACH(map, AUDIT_MAP)
    check_map((void *)map->address);
    AUDIT_EACH(object, AUDIT_OBJECT)
    pages += check_object(object);
    for (uint32_t i = 0; i < hal_info.cpu_count; i++)
        counted += vm_stat_cpu[i].value[VM_STAT_OBJECT_PAGES];
    AUDIT((int64_t)pages == counted, "stat-pages", vm_stat_cpu,
          "%" PRIu64 " pages in objects, counted %" PRId64, pages, counted);
}
