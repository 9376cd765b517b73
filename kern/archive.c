/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A newc archive is a row of members: a header of 6 bytes of magic and 13 numbers of 8 hexadecimal digits,
 * the name with its NUL, the data.  Name and data are padded so that what follows begins at a multiple of 4.
 */
#include <kern/archive.h>
#include <kern/string.h>
#include <stdint.h>

#define MAGIC "070701"
#define MAGIC_SIZE 6u
#define FIELD_SIZE 8u
#define FIELD_FILESIZE 6u
#define FIELD_NAMESIZE 11u
#define HEADER_SIZE (MAGIC_SIZE + 13u * FIELD_SIZE)
#define ALIGNMENT 4u
#define LAST_NAME "TRAILER!!!"

static bool hex_digit(char c, uint32_t *value)
{
    if (c >= '0' && c <= '9')
        *value = (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *value = (uint32_t)(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
        *value = (uint32_t)(c - 'A') + 10;
    else
        return false;
    return true;
}

static bool read_field(const char *header, size_t index, uint32_t *value)
{
    const char *p = header + MAGIC_SIZE + index * FIELD_SIZE;
    uint32_t digit;

    *value = 0;
    for (size_t i = 0; i < FIELD_SIZE; i++) {
        if (!hex_digit(p[i], &digit))
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

/* offset <= size of the archive, so this can't wrap. */
static size_t align_up(size_t offset)
{
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* The member at *offset, which moves behind it. Returns: false at the end, and where the archive is
 * malformed. */
static bool archive_next(const struct archive *archive, size_t *offset, struct archive_member *member)
{
    uint32_t name_size, data_size;

    if (*offset > archive->size || archive->size - *offset < HEADER_SIZE)
        return false;
    const char *header = archive->base + *offset;
    if (memcmp(header, MAGIC, MAGIC_SIZE) != 0 || !read_field(header, FIELD_FILESIZE, &data_size) ||
        !read_field(header, FIELD_NAMESIZE, &name_size))
        return false;

    size_t name = *offset + HEADER_SIZE;
    if (name_size == 0 || name_size > archive->size - name || archive->base[name + name_size - 1] != '\0')
        return false;
    size_t data = align_up(name + name_size);
    if (data > archive->size || data_size > archive->size - data)
        return false;
    member->name = archive->base + name;
    member->data = archive->base + data;
    member->size = data_size;
    *offset = align_up(data + data_size);
    return strcmp(member->name, LAST_NAME) != 0;
}

bool archive_find(const struct archive *archive, const char *name, struct archive_member *member)
{
    size_t offset = 0;

    while (archive_next(archive, &offset, member)) {
        if (strcmp(member->name, name) == 0)
            return true;
    }
    return false;
}
