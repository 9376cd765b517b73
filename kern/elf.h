/* SPDX-License-Identifier: BSD-2-Clause */
/* Statically linked ELF64 programs of the machine's ISA. */
#ifndef KERN_ELF_H
#define KERN_ELF_H

#include <hal/types.h>
#include <vm/vm_map.h>

/*
 * Map the program in [image, image + size) into `map`, segments at their addresses with their protection, and
 * find its entry.
 * Context: boot, no lock. image: 8-byte aligned.
 * Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT it is no such program, damaged, or a segment is writable and
 * executable; what vm_map_allocate() says (a segment outside user space, two in one page, no memory): some
 * segments may be mapped.
 */
HAL_NODISCARD kern_return_t elf_load(struct vm_map *map, const void *image, size_t size, hal_va_t *entry);

#endif
