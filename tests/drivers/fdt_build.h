/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds device trees: tokens and strings between build_start() and build_end(), which leaves the whole in `blob`. */
#ifndef FDT_BUILD_H
#define FDT_BUILD_H

#include <hal/drivers/fdt.h>
#include <stdlib.h>
#include <string.h>

enum { BEGIN = 1, END = 2, PROP = 3, NOP = 4, FINISH = 9 };
enum {
    MAGIC = 0,
    SIZE = 4,
    TOKENS = 8,
    STRINGS = 12,
    RESERVE = 16,
    VERSION = 20,
    COMPATIBLE = 24,
    STRING_SIZE = 32,
    TOKEN_SIZE = 36
};
#define HEADER_SIZE 40u
#define RESERVED 2u /* entries of the reservation block, its end not counted */

static struct {
    uint8_t tokens[32768];
    uint32_t token_size;
    char strings[8192];
    uint32_t string_size;
} build;

static struct {
    uint8_t *bytes;
    uint32_t size;
} blob;

static struct fdt tree;

static inline void store32(uint8_t *p, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void token(uint32_t value)
{
    store32(build.tokens + build.token_size, value);
    build.token_size += 4;
}

static inline void bytes(const void *data, uint32_t size)
{
    memcpy(build.tokens + build.token_size, data, size);
    build.token_size += (size + 3) / 4 * 4;
}

static inline void begin(const char *name)
{
    token(BEGIN);
    bytes(name, (uint32_t)strlen(name) + 1);
}

static inline void prop(const char *name, const void *data, uint32_t size)
{
    token(PROP);
    token(size);
    token(build.string_size);
    bytes(data, size);
    strcpy(build.strings + build.string_size, name);
    build.string_size += (uint32_t)strlen(name) + 1;
}

static inline void text(const char *name, const char *value)
{
    prop(name, value, (uint32_t)strlen(value) + 1);
}

#define CELLS(name, ...)                                                                                     \
    cells(name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static inline void cells(const char *name, const uint32_t *value, uint32_t count)
{
    uint8_t data[64];

    for (uint32_t i = 0; i < count; i++)
        store32(data + 4 * i, value[i]);
    prop(name, data, 4 * count);
}

static inline void node_cells(uint32_t address, uint32_t size)
{
    CELLS("#address-cells", address);
    CELLS("#size-cells", size);
}

static inline void build_start(void)
{
    memset(&build, 0, sizeof build);
}

/* Header, reservations, tokens, strings: the blob ends where the strings do. */
static inline void build_end(void)
{
    uint32_t tokens = HEADER_SIZE + 16 * (RESERVED + 1);
    uint32_t strings = tokens + build.token_size;

    free(blob.bytes);
    blob.size = strings + build.string_size;
    blob.bytes = calloc(blob.size, 1);
    store32(blob.bytes + MAGIC, 0xd00dfeed);
    store32(blob.bytes + SIZE, blob.size);
    store32(blob.bytes + TOKENS, tokens);
    store32(blob.bytes + STRINGS, strings);
    store32(blob.bytes + RESERVE, HEADER_SIZE);
    store32(blob.bytes + VERSION, 17);
    store32(blob.bytes + COMPATIBLE, 16);
    store32(blob.bytes + STRING_SIZE, build.string_size);
    store32(blob.bytes + TOKEN_SIZE, build.token_size);
    for (uint32_t i = 0; i < RESERVED; i++) {
        store32(blob.bytes + HEADER_SIZE + 16 * i, i);
        store32(blob.bytes + HEADER_SIZE + 16 * i + 4, 0x1000 * i);
        store32(blob.bytes + HEADER_SIZE + 16 * i + 12, 0x800);
    }
    memcpy(blob.bytes + tokens, build.tokens, build.token_size);
    memcpy(blob.bytes + strings, build.strings, build.string_size);
}

#endif
