/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hal/drivers/fdt.c on trees that are built here: what queries answer, what fdt_open() refuses and with which error, and that
 * no blob, whatever it holds, leads outside of it.  Blobs have their exact size from malloc(): AddressSanitizer watches.
 */
#include <hal/drivers/fdt.h>

#include "fdt_build.h"
#include "host_test.h"

#define RANDOM_BLOBS 10000u

static void soc_build(void)
{
    begin("soc");
    node_cells(1, 1);
    CELLS("ranges", 0x8000, 0, 0x9000, 0x1000, 0x1000, 1, 0x10000000, 0x1000);
    begin("uart@1000");
    prop("compatible", "ns16550a\0ns16550", 17);
    CELLS("reg", 0x1000, 0x100, 0x1f00, 0x100);
    CELLS("phandle", 7);
    token(END);
    begin("bus@1800");
    node_cells(1, 1);
    prop("ranges", "", 0);
    begin("dev@1900");
    CELLS("reg", 0x1900, 0x10);
    token(END);
    token(END);
    begin("far@5000");
    CELLS("reg", 0x5000, 0x10, 0x1fff, 2, 0xfff, 1, 0x2000, 1, 0xfffffff0, 0x20);
    token(END);
    token(NOP);
    begin("last");
    token(END);
    token(END);
}

/* Buses with unusual cells. */
static void buses_build(void)
{
    begin("closed"); /* no ranges */
    node_cells(1, 1);
    begin("dev");
    CELLS("reg", 1, 1);
    token(END);
    token(END);
    begin("plain"); /* 2 and 1 cells where nothing is said */
    prop("ranges", "", 0);
    begin("dev");
    CELLS("reg", 2, 3, 4);
    token(END);
    token(END);
    begin("wide");
    node_cells(3, 0);
    prop("ranges", "", 0);
    begin("dev");
    CELLS("reg", 0, 5, 6, 1, 0, 0);
    token(END);
    token(END);
    begin("none");
    node_cells(0, 1);
    begin("dev");
    CELLS("reg", 1);
    token(END);
    token(END);
    begin("five");
    node_cells(1, 5);
    begin("dev");
    CELLS("reg", 1, 0, 0, 0, 0, 1);
    token(END);
    token(END);
    begin("wrap");
    node_cells(2, 2);
    prop("ranges", "", 0);
    begin("dev");
    CELLS("reg", 0xffffffff, 0xfffff000, 0, 0x1000, 0xffffffff, 0xfffff000, 0, 0x1001);
    token(END);
    token(END);
}

static void sample_build(void)
{
    build_start();
    begin("");
    node_cells(2, 2);
    begin("aliases");
    text("serial0", "/soc/uart@1000");
    text("relative", "soc");
    prop("open", "/soc", 4);
    text("s", "/closed");
    token(END);
    begin("chosen");
    text("empty", "");
    prop("words", "one\0two\0three", 14);
    prop("cut", "one\0tw", 6);
    CELLS("n4", 0x12345678);
    CELLS("n8", 0x12345678, 0x9abcdef0);
    CELLS("n12", 1, 2, 3);
    prop("n5", "\0\0\0\1\2", 5);
    token(END);
    begin("memory@80000000");
    text("status", "okay");
    CELLS("reg", 0, 0x80000000, 0, 0x8000000, 1, 0, 0, 0x1000);
    token(END);
    begin("memory-off@1");
    text("status", "disabled");
    begin("child");
    token(END);
    text("late", "ignored");
    token(END);
    begin("memory-ok@2");
    text("status", "ok");
    token(END);
    soc_build();
    buses_build();
    token(END);
    token(FINISH);
    build_end();
}

static bool sample_open(void)
{
    sample_build();
    return CHECK(fdt_open(&tree, blob.bytes, blob.size) == FDT_OK);
}

static bool named(fdt_node_t node, const char *name)
{
    return node != FDT_NONE && strcmp(fdt_name(&tree, node), name) == 0;
}

static void walks(void)
{
    static const char *const order[] = {"",
                                        "aliases",
                                        "chosen",
                                        "memory@80000000",
                                        "memory-off@1",
                                        "child",
                                        "memory-ok@2",
                                        "soc",
                                        "uart@1000",
                                        "bus@1800",
                                        "dev@1900",
                                        "far@5000",
                                        "last",
                                        "closed",
                                        "dev",
                                        "plain",
                                        "dev",
                                        "wide",
                                        "dev",
                                        "none",
                                        "dev",
                                        "five",
                                        "dev",
                                        "wrap",
                                        "dev"};
    fdt_node_t node = FDT_ROOT;

    if (!sample_open())
        return;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++, node = fdt_next(&tree, node)) {
        if (!CHECK(named(node, order[i])))
            return;
    }
    CHECK(node == FDT_NONE);
    fdt_node_t soc = fdt_path(&tree, "/soc");
    fdt_node_t uart = fdt_child_first(&tree, soc);
    CHECK(named(uart, "uart@1000") && named(fdt_parent(&tree, uart), "soc"));
    CHECK(fdt_parent(&tree, soc) == FDT_ROOT && fdt_parent(&tree, FDT_ROOT) == FDT_NONE);
    CHECK(fdt_parent(&tree, soc + 4) == FDT_NONE && fdt_parent(&tree, FDT_NONE - 1) == FDT_NONE);
    CHECK(named(fdt_sibling_next(&tree, uart), "bus@1800"));
    CHECK(named(fdt_sibling_next(&tree, fdt_sibling_next(&tree, uart)), "far@5000"));
    CHECK(named(fdt_sibling_next(&tree, fdt_path(&tree, "/soc/far")), "last"));
    CHECK(fdt_sibling_next(&tree, fdt_path(&tree, "/soc/last")) == FDT_NONE);
    CHECK(fdt_sibling_next(&tree, fdt_path(&tree, "/memory-off/child")) == FDT_NONE);
    CHECK(fdt_child_first(&tree, uart) == FDT_NONE);
}

static void paths(void)
{
    if (!sample_open())
        return;
    CHECK(fdt_path(&tree, "/") == FDT_ROOT);
    CHECK(named(fdt_path(&tree, "/soc/bus/dev@1900"), "dev@1900"));
    CHECK(named(fdt_path(&tree, "//soc//bus@1800/"), "bus@1800"));
    CHECK(named(fdt_path(&tree, "/soc/uart:115200"), "uart@1000"));
    CHECK(fdt_path(&tree, "/so") == FDT_NONE && fdt_path(&tree, "/socs") == FDT_NONE);
    CHECK(fdt_path(&tree, "/soc/uart@1001") == FDT_NONE && fdt_path(&tree, "/memory@8000000") == FDT_NONE);
    CHECK(fdt_path(&tree, "/soc/uart/x") == FDT_NONE);
    CHECK(named(fdt_path(&tree, "serial0"), "uart@1000"));
    CHECK(named(fdt_path(&tree, "serial0:9600n8"), "uart@1000"));
    CHECK(named(fdt_path(&tree, "s/dev"), "dev") && named(fdt_path(&tree, "s"), "closed"));
    CHECK(fdt_path(&tree, "serial") == FDT_NONE && fdt_path(&tree, "serial01") == FDT_NONE);
    CHECK(fdt_path(&tree, "relative") == FDT_NONE && fdt_path(&tree, "open") == FDT_NONE);
    CHECK(named(fdt_compatible_next(&tree, FDT_NONE, "ns16550a"), "uart@1000"));
    fdt_node_t second = fdt_compatible_next(&tree, FDT_NONE, "ns16550");
    CHECK(named(second, "uart@1000") && fdt_compatible_next(&tree, second, "ns16550") == FDT_NONE);
    CHECK(fdt_compatible_next(&tree, FDT_NONE, "ns1655") == FDT_NONE);
    CHECK(named(fdt_phandle(&tree, 7), "uart@1000") && fdt_phandle(&tree, 8) == FDT_NONE);
}

static void properties(void)
{
    struct fdt_prop p = {NULL, 99};
    uint32_t value = 99;
    uint64_t number = 99;

    if (!sample_open())
        return;
    fdt_node_t chosen = fdt_path(&tree, "/chosen");
    fdt_node_t off = fdt_path(&tree, "/memory-off");
    CHECK(!fdt_prop(&tree, chosen, "word", &p) && !fdt_prop(&tree, off, "late", &p) && p.size == 99);
    CHECK(fdt_prop(&tree, chosen, "words", &p) && p.size == 14 && memcmp(p.data, "one\0two", 8) == 0);
    CHECK(!fdt_u32(&tree, chosen, "n8", 2, &value) && !fdt_u32(&tree, chosen, "n5", 1, &value) &&
          !fdt_u32(&tree, chosen, "empty", 0, &value) && !fdt_u32(&tree, chosen, "no", 0, &value) &&
          value == 99);
    CHECK(fdt_u32(&tree, chosen, "n8", 0, &value) && value == 0x12345678);
    CHECK(fdt_u32(&tree, chosen, "n8", 1, &value) && value == 0x9abcdef0);
    CHECK(!fdt_u64(&tree, chosen, "n12", &number) && !fdt_u64(&tree, chosen, "n5", &number) &&
          !fdt_u64(&tree, chosen, "no", &number) && number == 99);
    CHECK(fdt_u64(&tree, chosen, "n4", &number) && number == 0x12345678);
    CHECK(fdt_u64(&tree, chosen, "n8", &number) && number == 0x123456789abcdef0);
    CHECK(fdt_string(&tree, chosen, "n12") != NULL && fdt_string(&tree, chosen, "no") == NULL);
    CHECK(fdt_string(&tree, chosen, "n4") == NULL); /* no NUL */
    CHECK(strcmp(fdt_string(&tree, chosen, "words"), "one") == 0 &&
          *fdt_string(&tree, chosen, "empty") == '\0');
    CHECK(fdt_string_in(&tree, chosen, "words", "one") && fdt_string_in(&tree, chosen, "words", "two") &&
          fdt_string_in(&tree, chosen, "words", "three") && !fdt_string_in(&tree, chosen, "words", "tw") &&
          !fdt_string_in(&tree, chosen, "words", "wo") && !fdt_string_in(&tree, chosen, "no", "one"));
    CHECK(fdt_string_in(&tree, chosen, "cut", "one") && !fdt_string_in(&tree, chosen, "cut", "tw"));
    CHECK(fdt_enabled(&tree, chosen) && !fdt_enabled(&tree, off));
    CHECK(fdt_enabled(&tree, fdt_path(&tree, "/memory")) &&
          fdt_enabled(&tree, fdt_path(&tree, "/memory-ok")));
}

/* Entry `index` of reg of the node at `path` is [base, base + size). */
static bool reg_is(const char *path, uint32_t index, uint64_t base, uint64_t size)
{
    struct fdt_range r;

    return fdt_reg(&tree, fdt_path(&tree, path), index, &r) && r.base == base && r.size == size;
}

static bool reg_none(const char *path, uint32_t index)
{
    struct fdt_range r = {1, 2};

    return !fdt_reg(&tree, fdt_path(&tree, path), index, &r) && r.base == 1 && r.size == 2;
}

static void addresses(void)
{
    struct fdt_range r = {1, 2};

    if (!sample_open())
        return;
    CHECK(reg_is("/memory", 0, 0x80000000, 0x8000000) && reg_is("/memory", 1, 0x100000000, 0x1000));
    CHECK(reg_none("/memory", 2) && reg_none("/memory-ok", 0) && reg_none("/", 0));
    CHECK(reg_is("/soc/uart", 0, 0x110000000, 0x100) && reg_is("/soc/uart", 1, 0x110000f00, 0x100));
    CHECK(reg_is("/soc/bus/dev", 0, 0x110000900, 0x10));
    for (uint32_t i = 0; i < 5; i++)
        CHECK(reg_none("/soc/far",
                       i)); /* behind, over the end, in front, at the end, wraps 32 bits but not 64 */
    CHECK(fdt_reg_raw(&tree, fdt_path(&tree, "/soc/far"), 1, &r) && r.base == 0x1fff && r.size == 2);
    CHECK(!fdt_reg_raw(&tree, fdt_path(&tree, "/soc/far"), 5, &r) && !fdt_reg_raw(&tree, FDT_ROOT, 0, &r) &&
          r.base == 0x1fff);
    CHECK(reg_none("/closed/dev", 0) && fdt_reg_raw(&tree, fdt_path(&tree, "/closed/dev"), 0, &r) &&
          r.base == 1);
    CHECK(reg_is("/plain/dev", 0, 0x200000003, 4));
    CHECK(reg_is("/wide/dev", 0, 0x500000006, 0) && reg_none("/wide/dev", 1));
    CHECK(reg_none("/none/dev", 0) && !fdt_reg_raw(&tree, fdt_path(&tree, "/none/dev"), 0, &r));
    CHECK(!fdt_reg_raw(&tree, fdt_path(&tree, "/five/dev"), 0, &r));
    CHECK(reg_is("/wrap/dev", 0, 0xfffffffffffff000, 0x1000) && reg_none("/wrap/dev", 1));
    CHECK(tree.reserve_count == RESERVED);
    r = fdt_reserve(&tree, 1);
    CHECK(r.base == 0x100001000 && r.size == 0x800);
}

/* ---- What fdt_open() refuses ---- */

static enum fdt_error open_blob(void)
{
    return fdt_open(&tree, blob.bytes, blob.size);
}

/* The sample with another cell in its header. */
static enum fdt_error open_with(uint32_t at, uint32_t value)
{
    sample_build();
    store32(blob.bytes + at, value);
    return open_blob();
}

static void headers(void)
{
    sample_build();
    uint32_t size = blob.size, strings = build.string_size, tokens = HEADER_SIZE + 16 * (RESERVED + 1);

    CHECK(fdt_open(&tree, blob.bytes, 39) == FDT_BAD_MAGIC &&
          fdt_open(&tree, blob.bytes, 40) == FDT_BAD_SIZE);
    CHECK(fdt_header_size(blob.bytes) == size);
    CHECK(open_with(MAGIC, 0xd00dfeee) == FDT_BAD_MAGIC && fdt_header_size(blob.bytes) == 0);
    CHECK(open_with(VERSION, 16) == FDT_BAD_VERSION && open_with(VERSION, 18) == FDT_OK);
    CHECK(open_with(COMPATIBLE, 18) == FDT_BAD_VERSION && open_with(COMPATIBLE, 17) == FDT_OK);
    CHECK(open_with(SIZE, 39) == FDT_BAD_SIZE && open_with(SIZE, size + 1) == FDT_BAD_SIZE);
    CHECK(open_with(SIZE, 40) == FDT_BAD_BLOCK && open_with(SIZE, size - 1) == FDT_BAD_BLOCK);
    CHECK(open_with(TOKENS, 36) == FDT_BAD_BLOCK && open_with(TOKENS, size + 4) == FDT_BAD_BLOCK);
    CHECK(open_with(TOKEN_SIZE, size - tokens + 1) == FDT_BAD_BLOCK &&
          open_with(TOKEN_SIZE, 4) == FDT_BAD_NESTING);
    CHECK(open_with(TOKEN_SIZE, 8) == FDT_BAD_TOKEN && open_with(TOKENS, tokens + 4) == FDT_BAD_NESTING);
    CHECK(open_with(STRINGS, 39) == FDT_BAD_BLOCK && open_with(STRINGS, size + 1) == FDT_BAD_BLOCK);
    CHECK(open_with(STRING_SIZE, strings + 1) == FDT_BAD_BLOCK &&
          open_with(STRING_SIZE, strings - 1) == FDT_BAD_BLOCK);
    CHECK(open_with(STRING_SIZE, 0) == FDT_BAD_BLOCK);
    CHECK(open_with(RESERVE, size - 15) == FDT_BAD_BLOCK && open_with(RESERVE, size - 16) == FDT_BAD_BLOCK);
    CHECK(open_with(RESERVE, 24) == FDT_BAD_BLOCK);
    for (int error = FDT_OK; error <= FDT_BAD_NESTING; error++)
        CHECK(strlen(fdt_error_text((enum fdt_error)error)) > 5);
}

static void largest(void)
{
    uint32_t size = FDT_SIZE_MAX;

    sample_build();
    blob.bytes = realloc(blob.bytes, size + 4);
    store32(blob.bytes + SIZE, size);
    CHECK(fdt_open(&tree, blob.bytes, size + 4) == FDT_OK);
    store32(blob.bytes + SIZE, size + 4);
    CHECK(fdt_open(&tree, blob.bytes, size + 4) == FDT_BAD_SIZE);
}

#define TOKENS_OF(...)                                                                                       \
    tokens_of((const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* A tree of these tokens; the strings are "p". */
static enum fdt_error tokens_of(const uint32_t *value, uint32_t count)
{
    build_start();
    for (uint32_t i = 0; i < count; i++)
        token(value[i]);
    memcpy(build.strings, "p", 2);
    build.string_size = 2;
    build_end();
    return open_blob();
}

static enum fdt_error nested(unsigned depth)
{
    build_start();
    for (unsigned i = 0; i < depth; i++)
        begin("");
    for (unsigned i = 0; i < depth; i++)
        token(END);
    token(FINISH);
    build.string_size = 1;
    build_end();
    return open_blob();
}

static void malformed(void)
{
    CHECK(TOKENS_OF(BEGIN, 0, END, FINISH) == FDT_OK &&
          TOKENS_OF(BEGIN, 0, NOP, END, NOP, NOP, FINISH) == FDT_OK);
    CHECK(TOKENS_OF(BEGIN, 0, FINISH) == FDT_BAD_NESTING && TOKENS_OF(BEGIN, 0, END, END) == FDT_BAD_NESTING);
    CHECK(TOKENS_OF(NOP, BEGIN, 0, END, FINISH) == FDT_BAD_NESTING);
    CHECK(TOKENS_OF(BEGIN, 0, END, BEGIN, 0, END, FINISH) == FDT_BAD_NESTING);
    CHECK(TOKENS_OF(BEGIN, 0, END) == FDT_BAD_TOKEN && TOKENS_OF(BEGIN, 0, END, NOP) == FDT_BAD_TOKEN);
    CHECK(TOKENS_OF(BEGIN, 0, 7, END, FINISH) == FDT_BAD_TOKEN && TOKENS_OF(BEGIN, 0) == FDT_BAD_TOKEN);
    CHECK(TOKENS_OF(BEGIN, 0x61616161) == FDT_BAD_NAME);
    CHECK(TOKENS_OF(BEGIN, 0, PROP, 0, 0, END, FINISH) == FDT_OK);
    CHECK(TOKENS_OF(BEGIN, 0, PROP, 8, 0, END, FINISH) == FDT_BAD_TOKEN);
    CHECK(TOKENS_OF(BEGIN, 0, PROP, 9, 0, END, FINISH) == FDT_BAD_PROPERTY);
    CHECK(TOKENS_OF(BEGIN, 0, PROP, UINT32_MAX, 0, END, FINISH) == FDT_BAD_PROPERTY);
    CHECK(TOKENS_OF(BEGIN, 0, PROP, 0, 2, END, FINISH) == FDT_BAD_PROPERTY);
    CHECK(TOKENS_OF(BEGIN, 0, PROP, 0, 1, END, FINISH) == FDT_OK);
    CHECK(TOKENS_OF(BEGIN, 0, PROP, 0) == FDT_BAD_PROPERTY &&
          TOKENS_OF(BEGIN, 0, PROP, 0, 0) == FDT_BAD_TOKEN);
    /* limit: device tree */
    CHECK(nested(FDT_DEPTH_MAX) == FDT_OK && nested(FDT_DEPTH_MAX + 1) == FDT_BAD_NESTING);
}

/* Structure blocks whose size is no multiple of four. */
static void cut(void)
{
    CHECK(TOKENS_OF(BEGIN, 0, PROP, 5, 0, 0, 0) == FDT_BAD_TOKEN);
    store32(blob.bytes + TOKEN_SIZE, build.token_size - 3);
    CHECK(open_blob() == FDT_BAD_PROPERTY); /* its bytes are there, the padding is not */
    CHECK(TOKENS_OF(BEGIN, 0, BEGIN, 0x61000000) == FDT_BAD_TOKEN);
    store32(blob.bytes + TOKEN_SIZE, build.token_size - 1);
    CHECK(open_blob() == FDT_BAD_NAME);
    CHECK(TOKENS_OF(BEGIN, 0, END, FINISH) == FDT_OK);
    store32(blob.bytes + TOKEN_SIZE, build.token_size - 1);
    CHECK(open_blob() == FDT_BAD_TOKEN);
}

/* Ask everything about every node: no loop, nothing outside. */
static void ask_all(void)
{
    static const char *const names[] = {"reg", "ranges", "compatible", "status", "phandle", "words"};
    uint32_t nodes = 0;

    for (fdt_node_t node = FDT_ROOT; node != FDT_NONE; node = fdt_next(&tree, node)) {
        struct fdt_range r;
        struct fdt_prop p;
        uint32_t value;
        uint64_t number;
        if (!CHECK(++nodes <= blob.size / 8))
            return;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            const char *string = fdt_string(&tree, node, names[i]);
            CHECK(string == NULL || strlen(string) < blob.size);
            (void)fdt_u32(&tree, node, names[i], host_random(4), &value);
            (void)fdt_u64(&tree, node, names[i], &number);
            (void)fdt_string_in(&tree, node, names[i], "two");
            CHECK(!fdt_prop(&tree, node, names[i], &p) || p.size <= blob.size);
        }
        (void)fdt_reg(&tree, node, host_random(3), &r);
        (void)fdt_enabled(&tree, node);
        (void)fdt_path(&tree, fdt_name(&tree, node));
        fdt_node_t child = fdt_child_first(&tree, node);
        CHECK(child == FDT_NONE || fdt_parent(&tree, child) == node);
    }
    for (uint32_t i = 0; i < tree.reserve_count; i++)
        (void)fdt_reserve(&tree, i);
}

static void at_random(void)
{
    uint32_t opened = 0;

    for (uint32_t i = 0; i < RANDOM_BLOBS; i++) {
        if (i % 64 == 0)
            sample_build();
        uint32_t at = host_random(blob.size);
        uint8_t before = blob.bytes[at];
        blob.bytes[at] = (uint8_t)(host_random(3) == 0 ? host_random(256) : before ^ 1u << host_random(8));
        if (open_blob() == FDT_OK) {
            opened++;
            ask_all();
        } else {
            blob.bytes[at] = before;
        }
    }
    CHECK(opened > RANDOM_BLOBS / 8 && opened < RANDOM_BLOBS);
}

static const struct host_case cases[] = {
    {"nodes: order, children, siblings, parents", walks}, {"paths, aliases, compatible, phandles", paths},
    {"properties: numbers, texts, status", properties},   {"reg: cells, buses, reservations", addresses},
    {"headers that are refused, and why", headers},       {"the largest blob", largest},
    {"tokens that are refused, and why", malformed},      {"blocks that are cut", cut},
    {"any blob is refused or can be asked", at_random},
};

int main(void)
{
    int status = host_run(cases, sizeof cases / sizeof cases[0]);

    free(blob.bytes);
    return status;
}
