/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that are open, each a memory object. */
#ifndef FILE_PAGER_FILES_H
#define FILE_PAGER_FILES_H

#include "../bootstrap/archive.h"

#include <mach/mach_types.h>

struct file {
    struct file *next;
    struct archive_file contents;
    mach_port_t object; /* the memory object's port: receive right */
    natural_t pages;    /* that were asked for */
};

/* Messages for the ports of files come to `set`. */
void files_init(mach_port_t set);
/* The file, opened if need be. Returns: KERN_SUCCESS, *file for ever; KERN_NOT_FOUND; KERN_RESOURCE_SHORTAGE. */
kern_return_t file_get(const char *name, struct file **file);
/* The file if it is open, by its name or its port; or NULL. */
struct file *file_named(const char *name);
struct file *file_of(mach_port_t object);

#endif
