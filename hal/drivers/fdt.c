/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flattened device trees.  fdt_open() walks all tokens once with every check; the queries walk them again with the
 * same stepping function, so what was accepted is what is read.  A property of a node stands between the
 * node's name and its first child; one that comes later is ignored.
 */
#include <hal/drivers/fdt.h>

enum token { TOKEN_BEGIN = 1, TOKEN_END = 2, TOKEN_PROP = 3, TOKEN_NOP = 4, TOKEN_FINISH = 9 };

#define FDT_MAGIC 0xd00dfeedu
#define FDT_VERSION 17u
#define FDT_HEADER_SIZE 40u
#define FDT_RESERVE_SIZE 16u

/* One step of a walk over the structure block. */
struct step {
    uint32_t token;
    uint32_t at;         /* where the token stands */
    uint32_t next;       /* where the following token stands */
    const char *name;    /* BEGIN: of the node; PROP: of the property */
    const uint8_t *data; /* PROP */
    uint32_t size;       /* PROP */
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static bool text_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Length of the NUL-terminated text in p[0 .. limit - 1]; limit if there is no NUL. */
static uint32_t text_length(const uint8_t *p, uint32_t limit)
{
    uint32_t n = 0;

    while (n < limit && p[n] != 0)
        n++;
    return n;
}

/* ---- Tokens ---- */

static enum fdt_error step_begin(const struct fdt *t, struct step *s)
{
    uint32_t room = t->token_size - s->next;
    uint32_t length = text_length(t->tokens + s->next, room);

    if (length == room)
        return FDT_BAD_NAME;
    s->name = (const char *)(t->tokens + s->next);
    length = (length + 1 + 3) / 4 * 4;
    if (length > room)
        return FDT_BAD_NAME;
    s->next += length;
    return FDT_OK;
}

static enum fdt_error step_prop(const struct fdt *t, struct step *s)
{
    uint32_t room = t->token_size - s->next;

    if (room < 8)
        return FDT_BAD_PROPERTY;
    uint32_t size = be32(t->tokens + s->next);
    uint32_t name = be32(t->tokens + s->next + 4);
    if (size > room - 8 || name >= t->string_size)
        return FDT_BAD_PROPERTY;
    uint32_t padded = (size + 3) / 4 * 4;
    if (padded > room - 8)
        return FDT_BAD_PROPERTY;
    s->name = t->strings + name; /* the strings block ends with NUL */
    s->data = t->tokens + s->next + 8;
    s->size = size;
    s->next += 8 + padded;
    return FDT_OK;
}

/* Decode the token at `at`, NOPs skipped. */
static enum fdt_error step_at(const struct fdt *t, uint32_t at, struct step *s)
{
    do {
        if (at > t->token_size || t->token_size - at < 4)
            return FDT_BAD_TOKEN;
        s->token = be32(t->tokens + at);
        s->at = at;
        s->next = at + 4;
        at = s->next;
    } while (s->token == TOKEN_NOP);

    switch (s->token) {
    case TOKEN_BEGIN:
        return step_begin(t, s);
    case TOKEN_PROP:
        return step_prop(t, s);
    case TOKEN_END:
    case TOKEN_FINISH:
        return FDT_OK;
    default:
        return FDT_BAD_TOKEN;
    }
}

/* ---- Opening ---- */

/* The block [offset, offset + size) lies behind the header and inside the blob. */
static bool block_inside(uint32_t offset, uint32_t size, uint32_t total)
{
    return offset >= FDT_HEADER_SIZE && offset <= total && size <= total - offset;
}

static enum fdt_error check_reserve(struct fdt *t, uint32_t offset)
{
    if (!block_inside(offset, FDT_RESERVE_SIZE, t->size))
        return FDT_BAD_BLOCK;
    t->reserve = t->blob + offset;
    uint32_t room = (t->size - offset) / FDT_RESERVE_SIZE;
    for (t->reserve_count = 0; t->reserve_count < room; t->reserve_count++) {
        struct fdt_range r = fdt_reserve(t, t->reserve_count);
        if (r.base == 0 && r.size == 0)
            return FDT_OK;
    }
    return FDT_BAD_BLOCK;
}

static enum fdt_error check_tokens(const struct fdt *t)
{
    struct step s;
    uint32_t depth = 0;

    for (uint32_t at = 0;; at = s.next) {
        enum fdt_error error = step_at(t, at, &s);
        if (error != FDT_OK)
            return error;
        if (at == 0 && s.token != TOKEN_BEGIN)
            return FDT_BAD_NESTING;
        if (s.token == TOKEN_BEGIN && ++depth > FDT_DEPTH_MAX)
            return FDT_BAD_NESTING;
        if (s.token == TOKEN_FINISH)
            return FDT_BAD_NESTING;
        if (s.token == TOKEN_END && --depth == 0)
            break;
    }
    /* The root is closed: only the end may follow. */
    enum fdt_error error = step_at(t, s.next, &s);
    if (error != FDT_OK)
        return error;
    return s.token == TOKEN_FINISH ? FDT_OK : FDT_BAD_NESTING;
}

uint32_t fdt_header_size(const void *blob)
{
    const uint8_t *p = blob;

    return be32(p) == FDT_MAGIC ? be32(p + 4) : 0;
}

enum fdt_error fdt_open(struct fdt *t, const void *blob, uint64_t readable)
{
    const uint8_t *p = blob;

    if (readable < FDT_HEADER_SIZE || be32(p) != FDT_MAGIC)
        return FDT_BAD_MAGIC;
    if (be32(p + 20) < FDT_VERSION || be32(p + 24) > FDT_VERSION)
        return FDT_BAD_VERSION;
    t->blob = p;
    t->size = be32(p + 4);
    if (t->size < FDT_HEADER_SIZE || t->size > FDT_SIZE_MAX || t->size > readable)
        return FDT_BAD_SIZE;

    uint32_t tokens = be32(p + 8);
    uint32_t strings = be32(p + 12);
    t->string_size = be32(p + 32);
    t->token_size = be32(p + 36);
    if (!block_inside(tokens, t->token_size, t->size) || !block_inside(strings, t->string_size, t->size))
        return FDT_BAD_BLOCK;
    t->tokens = p + tokens;
    t->strings = (const char *)(p + strings);
    /* The root must be token 0 (FDT_ROOT), and every name in the strings block must end inside it. */
    if (t->token_size < 8 || be32(t->tokens) != TOKEN_BEGIN)
        return FDT_BAD_NESTING;
    if (t->string_size == 0 || t->strings[t->string_size - 1] != '\0')
        return FDT_BAD_BLOCK;
    enum fdt_error error = check_reserve(t, be32(p + 16));
    if (error != FDT_OK)
        return error;
    return check_tokens(t);
}

const char *fdt_error_text(enum fdt_error error)
{
    static const char *const text[] = {
        [FDT_OK] = "no error",
        [FDT_BAD_MAGIC] = "no device tree",
        [FDT_BAD_VERSION] = "unknown version",
        [FDT_BAD_SIZE] = "impossible size",
        [FDT_BAD_BLOCK] = "a block lies outside",
        [FDT_BAD_TOKEN] = "bad token",
        [FDT_BAD_NAME] = "bad node name",
        [FDT_BAD_PROPERTY] = "bad property",
        [FDT_BAD_NESTING] = "bad nesting",
    };
    return text[error];
}

struct fdt_range fdt_reserve(const struct fdt *t, uint32_t index)
{
    const uint8_t *p = t->reserve + (size_t)index * FDT_RESERVE_SIZE;

    return (struct fdt_range){be64(p), be64(p + 8)};
}

/* ---- Walking: the tree is valid here, step_at() cannot fail ---- */

static void step(const struct fdt *t, uint32_t at, struct step *s)
{
    if (step_at(t, at, s) != FDT_OK)
        s->token = TOKEN_FINISH;
}

/* First step behind the properties of `node`: a child's BEGIN or the node's END. */
static void step_behind_props(const struct fdt *t, fdt_node_t node, struct step *s)
{
    step(t, node, s);
    do
        step(t, s->next, s);
    while (s->token == TOKEN_PROP);
}

fdt_node_t fdt_next(const struct fdt *t, fdt_node_t node)
{
    struct step s;

    step(t, node, &s);
    do
        step(t, s.next, &s);
    while (s.token != TOKEN_BEGIN && s.token != TOKEN_FINISH);
    return s.token == TOKEN_BEGIN ? s.at : FDT_NONE;
}

fdt_node_t fdt_child_first(const struct fdt *t, fdt_node_t node)
{
    struct step s;

    step_behind_props(t, node, &s);
    return s.token == TOKEN_BEGIN ? s.at : FDT_NONE;
}

fdt_node_t fdt_sibling_next(const struct fdt *t, fdt_node_t node)
{
    struct step s;
    uint32_t depth = 0;

    step(t, node, &s);
    for (;;) {
        step(t, s.next, &s);
        if (s.token == TOKEN_FINISH || (s.token == TOKEN_END && depth == 0))
            break;
        if (s.token == TOKEN_BEGIN)
            depth++;
        else if (s.token == TOKEN_END)
            depth--;
    }
    do /* behind our END: a sibling, a late property of the parent, or its END */
        step(t, s.next, &s);
    while (s.token == TOKEN_PROP);
    return s.token == TOKEN_BEGIN ? s.at : FDT_NONE;
}

/* The nodes from the root to `node`, inclusive, in path[]. Returns how many; 0: no such node. */
static uint32_t ancestry(const struct fdt *t, fdt_node_t node, fdt_node_t path[FDT_DEPTH_MAX])
{
    struct step s;
    uint32_t depth = 0;

    for (uint32_t at = 0;; at = s.next) {
        step(t, at, &s);
        if (s.token == TOKEN_FINISH)
            return 0;
        if (s.token == TOKEN_BEGIN)
            path[depth++] = s.at;
        if (s.token == TOKEN_BEGIN && s.at == node)
            return depth;
        if (s.token == TOKEN_END)
            depth--;
    }
}

fdt_node_t fdt_parent(const struct fdt *t, fdt_node_t node)
{
    fdt_node_t path[FDT_DEPTH_MAX] = {0};
    uint32_t depth = ancestry(t, node, path);

    return depth >= 2 ? path[depth - 2] : FDT_NONE;
}

const char *fdt_name(const struct fdt *t, fdt_node_t node)
{
    struct step s;

    step(t, node, &s);
    return s.name;
}

/* ---- Looking up nodes ---- */

/* Does node name `name` fit the path component text[0 .. length - 1]? */
static bool name_fits(const char *name, const char *text, size_t length)
{
    size_t i = 0;

    while (i < length && name[i] == text[i] && name[i] != '\0')
        i++;
    return i == length && (name[i] == '\0' || name[i] == '@');
}

static size_t component_length(const char *path)
{
    size_t n = 0;

    while (path[n] != '\0' && path[n] != '/' && path[n] != ':')
        n++;
    return n;
}

static fdt_node_t child_named(const struct fdt *t, fdt_node_t node, const char *text, size_t length)
{
    fdt_node_t child = fdt_child_first(t, node);

    while (child != FDT_NONE && !name_fits(fdt_name(t, child), text, length))
        child = fdt_sibling_next(t, child);
    return child;
}

static fdt_node_t walk_path(const struct fdt *t, fdt_node_t node, const char *path)
{
    while (node != FDT_NONE && *path == '/') {
        path++;
        size_t length = component_length(path);
        if (length > 0)
            node = child_named(t, node, path, length);
        path += length;
    }
    return node;
}

/* The value of the alias text[0 .. length - 1]: an absolute path, or NULL. */
static const char *alias_path(const struct fdt *t, const char *text, size_t length)
{
    fdt_node_t aliases = walk_path(t, FDT_ROOT, "/aliases");
    struct step s;

    if (aliases == FDT_NONE)
        return NULL;
    step(t, aliases, &s);
    for (step(t, s.next, &s); s.token == TOKEN_PROP; step(t, s.next, &s)) {
        bool fits = name_fits(s.name, text, length) && s.name[length] == '\0';
        if (fits && s.size > 0 && s.data[0] == '/' && text_length(s.data, s.size) < s.size)
            return (const char *)s.data;
    }
    return NULL;
}

fdt_node_t fdt_path(const struct fdt *t, const char *path)
{
    if (*path == '/')
        return walk_path(t, FDT_ROOT, path);
    size_t length = component_length(path);
    const char *alias = alias_path(t, path, length);
    if (alias == NULL)
        return FDT_NONE;
    return walk_path(t, walk_path(t, FDT_ROOT, alias), path + length);
}

fdt_node_t fdt_compatible_next(const struct fdt *t, fdt_node_t after, const char *compatible)
{
    fdt_node_t node = after == FDT_NONE ? FDT_ROOT : fdt_next(t, after);

    while (node != FDT_NONE && !fdt_string_in(t, node, "compatible", compatible))
        node = fdt_next(t, node);
    return node;
}

fdt_node_t fdt_phandle(const struct fdt *t, uint32_t phandle)
{
    uint32_t value;

    for (fdt_node_t node = FDT_ROOT; node != FDT_NONE; node = fdt_next(t, node)) {
        if (fdt_u32(t, node, "phandle", 0, &value) && value == phandle)
            return node;
    }
    return FDT_NONE;
}

/* ---- Properties ---- */

bool fdt_prop(const struct fdt *t, fdt_node_t node, const char *name, struct fdt_prop *p)
{
    struct step s;

    step(t, node, &s);
    for (step(t, s.next, &s); s.token == TOKEN_PROP; step(t, s.next, &s)) {
        if (text_equal(s.name, name)) {
            *p = (struct fdt_prop){s.data, s.size};
            return true;
        }
    }
    return false;
}

bool fdt_u32(const struct fdt *t, fdt_node_t node, const char *name, uint32_t index, uint32_t *value)
{
    struct fdt_prop p;

    if (!fdt_prop(t, node, name, &p) || index >= p.size / 4)
        return false;
    *value = be32(p.data + (size_t)index * 4);
    return true;
}

bool fdt_u64(const struct fdt *t, fdt_node_t node, const char *name, uint64_t *value)
{
    struct fdt_prop p;

    if (!fdt_prop(t, node, name, &p) || (p.size != 4 && p.size != 8))
        return false;
    *value = p.size == 4 ? be32(p.data) : be64(p.data);
    return true;
}

const char *fdt_string(const struct fdt *t, fdt_node_t node, const char *name)
{
    struct fdt_prop p;

    if (!fdt_prop(t, node, name, &p) || text_length(p.data, p.size) == p.size)
        return NULL;
    return (const char *)p.data;
}

bool fdt_string_in(const struct fdt *t, fdt_node_t node, const char *name, const char *text)
{
    struct fdt_prop p;

    if (!fdt_prop(t, node, name, &p))
        return false;
    while (p.size > 0) {
        uint32_t length = text_length(p.data, p.size);
        if (length == p.size)
            return false;
        if (text_equal((const char *)p.data, text))
            return true;
        p.data += length + 1;
        p.size -= length + 1;
    }
    return false;
}

bool fdt_enabled(const struct fdt *t, fdt_node_t node)
{
    struct fdt_prop p;

    return !fdt_prop(t, node, "status", &p) || fdt_string_in(t, node, "status", "okay") ||
           fdt_string_in(t, node, "status", "ok");
}

/* ---- Addresses ---- */

/* A number of `cells` cells; more than two must be zero in front. */
static bool cells_value(const uint8_t *p, uint32_t cells, uint64_t *value)
{
    uint64_t v = 0;

    for (uint32_t i = 0; i < cells; i++) {
        if (v > UINT32_MAX)
            return false;
        v = v << 32 | be32(p + (size_t)i * 4);
    }
    *value = v;
    return true;
}

/* Cells that the children of `bus` use for an address and a size. */
static void bus_cells(const struct fdt *t, fdt_node_t bus, uint32_t *address, uint32_t *size)
{
    *address = 2;
    *size = 1;
    (void)fdt_u32(t, bus, "#address-cells", 0, address);
    (void)fdt_u32(t, bus, "#size-cells", 0, size);
}

static bool reg_entry(const struct fdt *t, fdt_node_t node, fdt_node_t bus, uint32_t index,
                      struct fdt_range *range)
{
    struct fdt_prop p;
    uint32_t address, size;
    struct fdt_range r;

    bus_cells(t, bus, &address, &size);
    if (address == 0 || address > 4 || size > 4 || !fdt_prop(t, node, "reg", &p))
        return false;
    uint32_t entry = (address + size) * 4;
    if (index >= p.size / entry)
        return false;
    p.data += (size_t)index * entry;
    if (!cells_value(p.data, address, &r.base) || !cells_value(p.data + (size_t)address * 4, size, &r.size))
        return false;
    if (r.size > 0 && r.base > UINT64_MAX - (r.size - 1))
        return false;
    *range = r;
    return true;
}

/* Translate *r from the address space of `bus` to that of its parent `up`. */
static bool bus_translate(const struct fdt *t, fdt_node_t bus, fdt_node_t up, struct fdt_range *r)
{
    struct fdt_prop p;
    uint32_t address, size, up_address, up_size;
    uint64_t child, parent, length;

    if (!fdt_prop(t, bus, "ranges", &p))
        return false;
    if (p.size == 0)
        return true; /* identical */
    bus_cells(t, bus, &address, &size);
    bus_cells(t, up, &up_address, &up_size);
    if (address > 4 || size > 4 || up_address > 4 || address + up_address + size == 0)
        return false;
    uint32_t entry = (address + up_address + size) * 4;
    for (; p.size >= entry; p.size -= entry, p.data += entry) {
        const uint8_t *up_base = p.data + (size_t)address * 4;
        if (!cells_value(p.data, address, &child) || !cells_value(up_base, up_address, &parent) ||
            !cells_value(up_base + (size_t)up_address * 4, size, &length))
            continue;
        if (r->base < child || r->base - child >= length || r->size > length - (r->base - child))
            continue;
        if (parent > UINT64_MAX - length)
            return false;
        r->base = parent + (r->base - child);
        return true;
    }
    return false;
}

bool fdt_reg_raw(const struct fdt *t, fdt_node_t node, uint32_t index, struct fdt_range *range)
{
    fdt_node_t bus = fdt_parent(t, node);

    return bus != FDT_NONE && reg_entry(t, node, bus, index, range);
}

bool fdt_reg(const struct fdt *t, fdt_node_t node, uint32_t index, struct fdt_range *range)
{
    fdt_node_t path[FDT_DEPTH_MAX] = {0};
    uint32_t depth = ancestry(t, node, path);
    struct fdt_range r;

    if (depth < 2 || !reg_entry(t, node, path[depth - 2], index, &r))
        return false;
    for (uint32_t i = depth - 2; i > 0; i--) {
        if (!bus_translate(t, path[i], path[i - 1], &r))
            return false;
    }
    *range = r;
    return true;
}
