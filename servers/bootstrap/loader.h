/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs into tasks, with nothing but the kernel's calls on tasks, threads and memory. */
#ifndef BOOTSTRAP_LOADER_H
#define BOOTSTRAP_LOADER_H

#include "archive.h"

#include <mach/mach_types.h>

/*
 * Load the static ELF program `file` into `task`, which has no memory yet: segments with their protection,
 * and a stack with the program's arguments.  *entry, *stack, *startup: where its first thread begins, its
 * stack pointer, and the address of its struct mach_startup.
 * Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT no program for this machine, or one that is malformed; errors
 * of the memory calls: some memory was allocated in the task.
 */
kern_return_t loader_load(task_t task, const struct archive_file *file, int argc, const char *const *argv,
                          vm_address_t *entry, vm_address_t *stack, vm_address_t *startup);

#endif
