/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader of cpio archives in the format "newc": per file a header of hexadecimal digits, the name and the
 * data, each padded to 4 bytes.  Every length is checked against the archive before it is used.
 */
#include "archive.h"

#include <ctype.h>
#include <string.h>

#define MAGIC "070701"
#define MAGIC_LENGTH 6u
#define FIELD_LENGTH 8u
#define HEADER_LENGTH 110u /* magic and 13 fields */
#define FIELD_FILESIZE 6u
#define FIELD_NAMESIZE 11u
#define ALIGNMENT 4u
#define LAST_NAME "TRAILER!!!"

static const uint8_t *archive;
static size_t archive_size;

void archive_init(const void *base, size_t size)
{
    archive = base;
    archive_size = size;
}

static size_t align_up(size_t offset)
{
    return (offset + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Field `index` of a header. A digit that is none counts as 0: lengths are checked anyway. */
static size_t header_field(const uint8_t *header, unsigned index)
{
    const uint8_t *digit = header + MAGIC_LENGTH + index * FIELD_LENGTH;
    size_t value = 0;

    for (unsigned i = 0; i < FIELD_LENGTH; i++) {
        int c = tolower(digit[i]);
        value = value << 4 | (unsigned)(isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0);
    }
    return value;
}

bool archive_next(size_t *position, struct archive_file *file)
{
    size_t start = *position;

    if (start > archive_size || archive_size - start < HEADER_LENGTH ||
        memcmp(archive + start, MAGIC, MAGIC_LENGTH) != 0)
        return false;
    size_t name_size = header_field(archive + start, FIELD_NAMESIZE);
    size_t file_size = header_field(archive + start, FIELD_FILESIZE);
    size_t name_at = start + HEADER_LENGTH;
    if (name_size == 0 || name_size > archive_size - name_at || archive[name_at + name_size - 1] != '\0')
        return false;
    size_t data_at = align_up(name_at + name_size);
    if (data_at > archive_size || file_size > archive_size - data_at)
        return false;
    if (strcmp((const char *)archive + name_at, LAST_NAME) == 0)
        return false;
    *file = (struct archive_file){
        .name = (const char *)archive + name_at, .data = archive + data_at, .size = file_size};
    *position = align_up(data_at + file_size);
    return true;
}

bool archive_find(const char *name, struct archive_file *file)
{
    size_t position = 0;

    while (archive_next(&position, file)) {
        if (strcmp(file->name, name) == 0)
            return true;
    }
    return false;
}
