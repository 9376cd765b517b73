/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot archive: cpio, format newc. Whatever its bytes are, nothing outside [base, base + size) is read.
 */
#ifndef KERN_ARCHIVE_H
#define KERN_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

struct archive {
    const char *base;
    size_t size;
};

struct archive_member {
    const char *name; /* NUL-terminated */
    const void *data;
    size_t size;
};

/* The first member called `name`. Returns: false if there is none, or the archive is malformed before it. */
bool archive_find(const struct archive *archive, const char *name, struct archive_member *member);

#endif
