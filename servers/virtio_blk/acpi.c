/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables are copied before they are looked at: their length is what was read once. */
#include "acpi.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define ROOT_SIZE 36u
#define HEADER_SIZE 36u
#define TABLE_SIZE_MAX 0x10000u

/* Fields of the root pointer, of a table, and of an entry of MCFG. */
enum { ROOT_REVISION = 15, ROOT_RSDT = 16, ROOT_XSDT = 24 };
enum { TABLE_LENGTH = 4 };
enum { MCFG_ENTRIES = 44, ENTRY_BASE = 0, ENTRY_SEGMENT = 8, ENTRY_FIRST_BUS = 10, ENTRY_SIZE = 16 };

struct table {
    uint32_t size;
    uint8_t bytes[TABLE_SIZE_MAX];
};

static uint64_t get(const uint8_t *p, unsigned count)
{
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 8 | p[count];
    return value;
}

static bool copy(device_master_t master, uint64_t address, void *to, uint32_t size)
{
    const volatile uint8_t *from = memory_map(master, address, size);
    uint8_t *bytes = to;

    if (from == NULL)
        return false;
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = from[i];
    memory_unmap(from, size);
    return true;
}

static bool sum_is_zero(const uint8_t *p, uint32_t size)
{
    uint8_t sum = 0;

    while (size-- > 0)
        sum = (uint8_t)(sum + p[size]);
    return sum == 0;
}

/* Returns false: there is no table with that signature there. */
static bool table_read(device_master_t master, uint64_t address, const char *signature, struct table *table)
{
    if (!copy(master, address, table->bytes, HEADER_SIZE) || memcmp(table->bytes, signature, 4) != 0)
        return false;
    table->size = (uint32_t)get(table->bytes + TABLE_LENGTH, 4);
    return table->size >= HEADER_SIZE && table->size <= TABLE_SIZE_MAX &&
           copy(master, address, table->bytes, table->size) && sum_is_zero(table->bytes, table->size);
}

/* The base of segment 0, bus 0. */
static bool mcfg_base(const struct table *mcfg, uint64_t *base)
{
    for (uint32_t at = MCFG_ENTRIES; at + ENTRY_SIZE <= mcfg->size; at += ENTRY_SIZE) {
        const uint8_t *entry = mcfg->bytes + at;
        *base = get(entry + ENTRY_BASE, 8);
        if (get(entry + ENTRY_SEGMENT, 2) == 0 && entry[ENTRY_FIRST_BUS] == 0)
            return true;
    }
    return false;
}

bool acpi_find_configuration(device_master_t master, uint64_t root_pointer, uint64_t *base)
{
    uint8_t root[ROOT_SIZE];
    struct table *tables = malloc(2 * sizeof(*tables));
    bool found = false;

    if (tables == NULL)
        return false;
    if (copy(master, root_pointer, root, ROOT_SIZE)) {
        const bool wide = root[ROOT_REVISION] >= 2;
        const unsigned width = wide ? 8 : 4;
        const uint64_t list = get(root + (wide ? ROOT_XSDT : ROOT_RSDT), width);
        const bool good = table_read(master, list, wide ? "XSDT" : "RSDT", &tables[0]);
        for (uint32_t at = HEADER_SIZE; good && !found && at + width <= tables[0].size; at += width)
            found = table_read(master, get(tables[0].bytes + at, width), "MCFG", &tables[1]) &&
                    mcfg_base(&tables[1], base);
    }
    free(tables);
    return found;
}
