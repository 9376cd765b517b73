/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot archive: files by name (cpio, format newc). */
#ifndef BOOTSTRAP_ARCHIVE_H
#define BOOTSTRAP_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file of the archive; name and data lie in the archive. */
struct archive_file {
    const char *name;
    const uint8_t *data;
    size_t size;
    uint32_t object; /* its memory object (mach_port_t), of which `data` is a mapping; 0: none */
};

/* Use the archive of `size` bytes at `base`, which stays there. */
void archive_init(const void *base, size_t size);

/*
 * The file at *position, which starts as 0, and step *position to the next one.
 * Returns: false: there are no more, or the archive is damaged from here on; *file unchanged.
 */
bool archive_next(size_t *position, struct archive_file *file);

/* Returns: is there a file `name`? If so it is *file. */
bool archive_find(const char *name, struct archive_file *file);

#endif
