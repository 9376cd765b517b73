/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader for flattened device trees (Devicetree Specification 0.4, chapter 5).
 *
 * fdt_open() checks the whole tree once: header, blocks, every token, every length, nesting.  After it succeeded
 * no query can leave the blob or loop, whatever the blob holds; a query that finds nothing, or finds a property
 * of the wrong size, says so.  Nothing is allocated, nothing is written, nothing recurses.
 *
 * Context of all functions: any, as long as the blob is mapped and does not change.
 */
#ifndef HAL_DRIVERS_FDT_H
#define HAL_DRIVERS_FDT_H

#include <hal/types.h>

#define FDT_DEPTH_MAX 32u               /* deepest nesting that fdt_open() accepts */
#define FDT_SIZE_MAX (4u * 1024 * 1024) /* largest blob that fdt_open() accepts */

/* A node: the offset of its first token in the structure block. Comparable; FDT_NONE is no node. */
typedef uint32_t fdt_node_t;
#define FDT_NONE UINT32_MAX
#define FDT_ROOT 0u

struct fdt {
    const uint8_t *blob;
    uint32_t size;         /* of the whole blob, bytes */
    const uint8_t *tokens; /* structure block */
    uint32_t token_size;
    const char *strings; /* strings block, NUL at its end */
    uint32_t string_size;
    const uint8_t *reserve; /* memory reservation block */
    uint32_t reserve_count;
};

enum fdt_error {
    FDT_OK,
    FDT_BAD_MAGIC,
    FDT_BAD_VERSION,
    FDT_BAD_SIZE,
    FDT_BAD_BLOCK,
    FDT_BAD_TOKEN,
    FDT_BAD_NAME,
    FDT_BAD_PROPERTY,
    FDT_BAD_NESTING,
};

/* Value of a property. */
struct fdt_prop {
    const uint8_t *data;
    uint32_t size; /* bytes */
};

/* A translated range of physical addresses, or an entry of the reservation block. */
struct fdt_range {
    uint64_t base;
    uint64_t size;
};

/*
 * Check the blob at `blob`, of which at least `readable` bytes can be read (40 or more), and fill *t.
 * Returns: FDT_OK; else what is wrong: *t must not be used.
 */
HAL_NODISCARD enum fdt_error fdt_open(struct fdt *t, const void *blob, uint64_t readable);

/* The size that the header at `blob` claims (40 bytes are read), 0 if that is no device tree. For mapping it. */
uint32_t fdt_header_size(const void *blob);

/* A sentence for people. */
const char *fdt_error_text(enum fdt_error error);

/* Tree order walk: the node that begins after `node` begins. FDT_NONE after the last. */
fdt_node_t fdt_next(const struct fdt *t, fdt_node_t node);

fdt_node_t fdt_child_first(const struct fdt *t, fdt_node_t node);
fdt_node_t fdt_sibling_next(const struct fdt *t, fdt_node_t node);

/* FDT_NONE for the root. */
fdt_node_t fdt_parent(const struct fdt *t, fdt_node_t node);

/*
 * The node of an absolute path ("/cpus/cpu@0"; a component without its unit address fits the first node of
 * that name) or of a path that begins with an alias ("serial0").  Text from the first ':' on is ignored.
 */
fdt_node_t fdt_path(const struct fdt *t, const char *path);

/* The next node after `after` (FDT_NONE: from the start) whose `compatible` contains that string. */
fdt_node_t fdt_compatible_next(const struct fdt *t, fdt_node_t after, const char *compatible);

/* The node with that phandle. */
fdt_node_t fdt_phandle(const struct fdt *t, uint32_t phandle);

/* Name with unit address, NUL-terminated; "" for the root. */
const char *fdt_name(const struct fdt *t, fdt_node_t node);

/* Returns: false if there is no such property: *p unchanged. */
bool fdt_prop(const struct fdt *t, fdt_node_t node, const char *name, struct fdt_prop *p);

/* Cell `index` of a property. Returns: false if it is not there: *value unchanged. */
bool fdt_u32(const struct fdt *t, fdt_node_t node, const char *name, uint32_t index, uint32_t *value);

/* A property of one or two cells as a number. Returns: false if there is none of that size: unchanged. */
bool fdt_u64(const struct fdt *t, fdt_node_t node, const char *name, uint64_t *value);

/* The first string of a property; NULL if there is none or it is not NUL-terminated. */
const char *fdt_string(const struct fdt *t, fdt_node_t node, const char *name);

/* Does the string list `name` contain `text`? */
bool fdt_string_in(const struct fdt *t, fdt_node_t node, const char *name, const char *text);

/* No `status`, or "okay" or "ok". */
bool fdt_enabled(const struct fdt *t, fdt_node_t node);

/*
 * Entry `index` of `reg` in the address space of the CPU: translated by the `ranges` of every bus above.
 * Returns: false if there is no such entry, its cells do not fit 64 bits, it wraps, or a bus does not map it.
 */
bool fdt_reg(const struct fdt *t, fdt_node_t node, uint32_t index, struct fdt_range *range);

/* Entry `index` of `reg` as the bus sees it. */
bool fdt_reg_raw(const struct fdt *t, fdt_node_t node, uint32_t index, struct fdt_range *range);

/* Entry `index` < reserve_count of the memory reservation block. */
struct fdt_range fdt_reserve(const struct fdt *t, uint32_t index);

#endif
