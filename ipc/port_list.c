/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mach_port.defs, third part: lists, which are given to the caller out of line.
 *
 * How long a list is, is known only when it is made, under a lock; the memory for it is taken before, without.  So it is made again with
 * more memory until it fits.
 */
#include <ipc/entry.h>
#include <ipc/pset.h>
#include <ipc/request.h>
#include <ipc/right.h>
#include <kern/cache.h>
#include <kern/task.h>
#include <mach/mach_port_server.h>
#include <mach_debug/ipc_info.h>
#include <vm/vm_map_copy.h>

/* Memory for `room` rows; `count` is how many the list has, or would have. */
struct rows {
    void *memory;
    size_t row_size;
    uint32_t room;
    uint32_t count;
};

static void rows_free(struct rows *rows)
{
    if (rows->room > 0)
        kmem_free(rows->memory, rows->room * rows->row_size);
    rows->room = 0;
}

/* Make room for as many rows as the list had last. */
static kern_return_t rows_grow(struct rows *rows)
{
    rows_free(rows);
    rows->memory = kmem_alloc(rows->count * rows->row_size);
    if (rows->memory == NULL)
        return KERN_RESOURCE_SHORTAGE;
    rows->room = rows->count;
    return KERN_SUCCESS;
}

/* --- the names of a space --- */

/* The first name at or behind *index that denotes a right; *index becomes the one behind it. Context: space locked. */
static struct ipc_entry *next_right(struct ipc_space *space, uint32_t *index)
{
    while (*index < space->size) {
        struct ipc_entry *entry = ipc_entry_at_index(space, (*index)++);
        if (entry != NULL && (entry = ipc_right_lookup(space, ipc_entry_name(entry))) != NULL)
            return entry;
    }
    return NULL;
}

/* What the list of a space is made of; `info`: the space itself, told in the same moment. */
static kern_return_t names_read(struct ipc_space *space, struct rows *rows, ipc_info_space_t *info)
{
    ipc_info_name_t *row = rows->memory;
    struct ipc_entry *entry;
    uint32_t index = 1;

    rows->count = 0;
    spin_lock(&space->lock);
    bool active = space->active;
    while (active && (entry = next_right(space, &index)) != NULL) {
        if (rows->count < rows->room)
            row[rows->count] = (ipc_info_name_t){
                .iin_name = ipc_entry_name(entry),
                .iin_type = (entry->bits & MACH_PORT_TYPE_ALL_RIGHTS) | ipc_request_type(entry),
                .iin_urefs = entry->urefs,
            };
        rows->count++;
    }
    *info = (ipc_info_space_t){.iis_genno_mask = IPC_NAME(0, 0xffu),
                               .iis_table_size = space->size,
                               .iis_table_next = space->size + IPC_LEAF_ENTRIES};
    spin_unlock(&space->lock);
    return active ? KERN_SUCCESS : KERN_INVALID_TASK;
}

static kern_return_t names_list(struct ipc_space *space, struct rows *rows, ipc_info_space_t *info)
{
    kern_return_t kr = names_read(space, rows, info);

    while (kr == KERN_SUCCESS && rows->count > rows->room) {
        kr = rows_grow(rows);
        if (kr == KERN_SUCCESS)
            kr = names_read(space, rows, info);
    }
    return kr;
}

/* One column of the list as memory of its own, made in `column`. */
static kern_return_t column_copy(const ipc_info_name_t *row, uint32_t count, uint32_t *column, bool types,
                                 struct vm_map_copy **copy)
{
    for (uint32_t i = 0; i < count; i++)
        column[i] = types ? row[i].iin_type : row[i].iin_name;
    return vm_map_copy_from_kernel(column, count * sizeof(*column), task_payer(), copy);
}

static kern_return_t columns_copy(const struct rows *rows, struct vm_map_copy **names,
                                  struct vm_map_copy **types)
{
    size_t size = rows->count * sizeof(uint32_t);

    *names = NULL;
    *types = NULL;
    if (size == 0)
        return KERN_SUCCESS;
    uint32_t *column = kmem_alloc(size);
    if (column == NULL)
        return KERN_RESOURCE_SHORTAGE;
    kern_return_t kr = column_copy(rows->memory, rows->count, column, false, names);
    if (kr == KERN_SUCCESS)
        kr = column_copy(rows->memory, rows->count, column, true, types);
    kmem_free(column, size);
    if (kr != KERN_SUCCESS)
        vm_map_copy_discard(*names);
    return kr;
}

kern_return_t mach_port_names(ipc_space_t space, mach_port_name_array_t *names,
                              mach_msg_type_number_t *names_count, mach_port_type_array_t *types,
                              mach_msg_type_number_t *types_count)
{
    struct rows rows = {.row_size = sizeof(ipc_info_name_t)};
    struct vm_map_copy *name_copy, *type_copy;
    ipc_info_space_t info;

    kern_return_t kr = names_list(space, &rows, &info);
    if (kr == KERN_SUCCESS)
        kr = columns_copy(&rows, &name_copy, &type_copy);
    if (kr == KERN_SUCCESS) {
        *names = (mach_port_name_array_t)(void *)name_copy;
        *types = (mach_port_type_array_t)(void *)type_copy;
        *names_count = rows.count;
        *types_count = rows.count;
    }
    rows_free(&rows);
    return kr;
}

kern_return_t mach_port_space_info(ipc_space_t space, ipc_info_space_t *info, ipc_info_name_array_t *table,
                                   mach_msg_type_number_t *table_count, ipc_info_tree_name_array_t *tree,
                                   mach_msg_type_number_t *tree_count)
{
    struct rows rows = {.row_size = sizeof(ipc_info_name_t)};
    struct vm_map_copy *copy;

    kern_return_t kr = names_list(space, &rows, info);
    if (kr == KERN_SUCCESS)
        kr = vm_map_copy_from_kernel(rows.memory, rows.count * rows.row_size, task_payer(), &copy);
    if (kr == KERN_SUCCESS) {
        *table = (ipc_info_name_array_t)(void *)copy;
        *table_count = rows.count;
        *tree = NULL;
        *tree_count = 0;
    }
    rows_free(&rows);
    return kr;
}

/* --- the members of a set --- */

static kern_return_t members_list(struct ipc_pset *pset, struct rows *rows)
{
    kern_return_t kr = KERN_SUCCESS;

    rows->count = ipc_pset_members(pset, rows->memory, rows->room);
    while (kr == KERN_SUCCESS && rows->count > rows->room) {
        kr = rows_grow(rows);
        if (kr == KERN_SUCCESS)
            rows->count = ipc_pset_members(pset, rows->memory, rows->room);
    }
    return kr;
}

kern_return_t mach_port_get_set_status(ipc_space_t space, mach_port_name_t name,
                                       mach_port_name_array_t *members, mach_msg_type_number_t *count)
{
    struct rows rows = {.row_size = sizeof(mach_port_name_t)};
    struct ipc_entry *entry;
    struct ipc_pset *pset = NULL;
    struct vm_map_copy *copy;

    spin_lock(&space->lock);
    kern_return_t kr = ipc_right_find(space, name, MACH_PORT_TYPE_PORT_SET, &entry);
    if (kr == KERN_SUCCESS) {
        pset = entry->object;
        ipc_pset_ref(pset);
    }
    spin_unlock(&space->lock);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = members_list(pset, &rows);
    ipc_pset_unref(pset);
    if (kr == KERN_SUCCESS)
        kr = vm_map_copy_from_kernel(rows.memory, rows.count * rows.row_size, task_payer(), &copy);
    if (kr == KERN_SUCCESS) {
        *members = (mach_port_name_array_t)(void *)copy;
        *count = rows.count;
    }
    rows_free(&rows);
    return kr;
}
