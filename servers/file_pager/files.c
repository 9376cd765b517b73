/* SPDX-License-Identifier: BSD-2-Clause */
#include "files.h"

#include <mach/mach.h>
#include <stdlib.h>
#include <string.h>

static mach_port_t port_set;
static struct file *files;

void files_init(mach_port_t set)
{
    port_set = set;
}

struct file *file_named(const char *name)
{
    struct file *file = files;

    while (file != NULL && strcmp(file->contents.name, name) != 0)
        file = file->next;
    return file;
}

struct file *file_of(mach_port_t object)
{
    struct file *file = files;

    while (file != NULL && file->object != object)
        file = file->next;
    return file;
}

static kern_return_t make_object(mach_port_t *object)
{
    kern_return_t kr = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, object);

    if (kr == KERN_SUCCESS)
        kr = mach_port_move_member(mach_task_self(), *object, port_set);
    return kr;
}

kern_return_t file_get(const char *name, struct file **file)
{
    struct archive_file contents;

    *file = file_named(name);
    if (*file != NULL)
        return KERN_SUCCESS;
    if (!archive_find(name, &contents))
        return KERN_NOT_FOUND;
    struct file *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return KERN_RESOURCE_SHORTAGE;
    made->contents = contents;
    kern_return_t kr = make_object(&made->object);
    if (kr != KERN_SUCCESS) {
        free(made);
        return kr;
    }
    made->next = files;
    files = made;
    *file = made;
    return KERN_SUCCESS;
}
