/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/drivers/acpi.h>

#define BIOS_AREA 0xe0000u
#define BIOS_AREA_END 0x100000u

#define RSDP_SIZE_V1 20u
#define RSDP_SIZE_V2 36u
#define HEADER_SIZE 36u
#define TABLE_SIZE_MAX (1u << 20)
#define FADT_SIZE_MIN 116u

#define FADT_RESET_SUPPORTED (1u << 10)
#define FADT_TIMER_32BIT (1u << 8)

/* Types of MADT entries */
#define MADT_LAPIC 0u
#define MADT_IOAPIC 1u
#define MADT_OVERRIDE 2u
#define MADT_LAPIC_ADDRESS 5u
#define MADT_X2APIC 9u
#define MADT_ENTRIES 44u
#define MADT_CPU_ENABLED 1u

/* Bytes that can be read. */
struct bytes {
    const uint8_t *p;
    uint32_t size;
};

static uint64_t get(const uint8_t *p, unsigned count)
{
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 8 | p[count];
    return value;
}

/* A field of a table, 0 if the table is too short to have it. */
static uint64_t field(struct bytes table, uint32_t offset, unsigned count)
{
    return offset <= table.size && count <= table.size - offset ? get(table.p + offset, count) : 0;
}

static bool text_equal(const uint8_t *p, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (p[i] != (uint8_t)text[i])
            return false;
    }
    return true;
}

static bool checksum_ok(struct bytes b)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < b.size; i++)
        sum = (uint8_t)(sum + b.p[i]);
    return sum == 0;
}

/* `size` bytes at a physical address; p == NULL if they can't be read. */
static struct bytes bytes_at(struct acpi_memory memory, uint64_t address, uint32_t size)
{
    if (address == 0 || address > memory.size || size > memory.size - address)
        return (struct bytes){NULL, 0};
    return (struct bytes){memory.base + address, size};
}

/* The whole table at a physical address; p == NULL if it is none. */
static struct bytes table_at(struct acpi_memory memory, uint64_t address)
{
    struct bytes header = bytes_at(memory, address, HEADER_SIZE);

    if (header.p == NULL)
        return header;
    uint32_t length = (uint32_t)get(header.p + 4, 4);
    if (length < HEADER_SIZE || length > TABLE_SIZE_MAX)
        return (struct bytes){NULL, 0};
    struct bytes table = bytes_at(memory, address, length);
    return table.p != NULL && checksum_ok(table) ? table : (struct bytes){NULL, 0};
}

static bool rsdp_valid(struct acpi_memory memory, uint64_t address)
{
    struct bytes v1 = bytes_at(memory, address, RSDP_SIZE_V1);

    return v1.p != NULL && text_equal(v1.p, "RSD PTR ", 8) && checksum_ok(v1);
}

static uint64_t rsdp_search(struct acpi_memory memory)
{
    for (uint64_t a = BIOS_AREA; a < BIOS_AREA_END; a += 16) {
        if (rsdp_valid(memory, a))
            return a;
    }
    return 0;
}

static void cpu_add(struct acpi_info *info, uint64_t apic_id, uint64_t flags)
{
    if ((flags & MADT_CPU_ENABLED) != 0 && info->cpu_count < ACPI_CPU_MAX)
        info->apic_id[info->cpu_count++] = (uint32_t)apic_id;
}

static void override_add(struct acpi_info *info, struct bytes entry)
{
    uint64_t flags = field(entry, 8, 2);

    if (info->override_count == ACPI_OVERRIDE_MAX)
        return;
    /*
     * Polarity and trigger mode: 1 high/edge, 3 low/level, 0 as the bus has it, which is high and edge for
     * ISA.
     */
    info->override[info->override_count++] = (struct acpi_override){
        .line = (uint32_t)field(entry, 4, 4),
        .active_low = (flags & 3) == 3,
        .level = (flags >> 2 & 3) == 3,
    };
}

static void madt_entry(struct acpi_info *info, struct bytes entry)
{
    switch (entry.p[0]) {
    case MADT_LAPIC:
        cpu_add(info, field(entry, 3, 1), field(entry, 4, 4));
        break;
    case MADT_X2APIC:
        cpu_add(info, field(entry, 4, 4), field(entry, 8, 4));
        break;
    case MADT_IOAPIC:
        if (info->ioapic_count < ACPI_IOAPIC_MAX && field(entry, 4, 4) != 0) {
            info->ioapic[info->ioapic_count].address = (uint32_t)field(entry, 4, 4);
            info->ioapic[info->ioapic_count].first = (uint32_t)field(entry, 8, 4);
            info->ioapic_count++;
        }
        break;
    case MADT_OVERRIDE:
        override_add(info, entry);
        break;
    case MADT_LAPIC_ADDRESS:
        info->lapic_address = field(entry, 4, 8);
        break;
    default:
        break;
    }
}

static void madt_read(struct acpi_info *info, struct bytes madt)
{
    uint32_t offset = MADT_ENTRIES;

    info->lapic_address = field(madt, HEADER_SIZE, 4);
    while (offset < madt.size && madt.size - offset >= 2) {
        uint32_t length = madt.p[offset + 1];
        if (length < 2 || length > madt.size - offset)
            return;
        madt_entry(info, (struct bytes){madt.p + offset, length});
        offset += length;
    }
}

/* A register by its generic address at `extended`, else by its port at `legacy` (0: no such field). */
static struct acpi_register fadt_register(struct bytes fadt, uint32_t legacy, uint32_t extended)
{
    struct acpi_register r = {(uint8_t)field(fadt, extended, 1), field(fadt, extended + 4, 8)};

    if (r.address == 0 && legacy != 0)
        r = (struct acpi_register){ACPI_SPACE_IO, field(fadt, legacy, 4)};
    return r;
}

/* An integer of AML below 256; -1 if there is none at `offset`, which moves behind it. */
static int aml_byte(struct bytes aml, uint32_t *offset)
{
    uint64_t op = field(aml, *offset, 1);

    *offset += 1;
    if (op == 0x00 || op == 0x01)
        return (int)op;
    if (op != 0x0a || *offset >= aml.size)
        return -1;
    return aml.p[(*offset)++];
}

/*
 * Name(_S5, Package(...) { type for PM1a, type for PM1b, ... }): found by its bytes, there being no
 * interpreter.
 */
static void sleep_type_read(struct acpi_info *info, struct bytes dsdt)
{
    for (uint32_t i = HEADER_SIZE; i + 4 < dsdt.size; i++) {
        if (!text_equal(dsdt.p + i, "_S5_", 4) || dsdt.p[i + 4] != 0x12)
            continue;
        uint32_t offset = i + 5;
        offset += 1 + (uint32_t)(field(dsdt, offset, 1) >> 6); /* package length: 1 to 4 bytes */
        offset += 1;                                           /* number of elements */
        int type_a = aml_byte(dsdt, &offset);
        int type_b = aml_byte(dsdt, &offset);
        if (type_a < 0)
            continue;
        info->has_sleep_type = true;
        info->sleep_type[0] = (uint8_t)(type_a & 7);
        info->sleep_type[1] = (uint8_t)(type_b < 0 ? 0 : type_b & 7);
        return;
    }
}

static void fadt_read(struct acpi_info *info, struct acpi_memory memory, struct bytes fadt)
{
    uint64_t flags = field(fadt, 112, 4);
    struct bytes dsdt = table_at(memory, field(fadt, 140, 8));

    if (fadt.size < FADT_SIZE_MIN)
        return;
    info->pm_timer = fadt_register(fadt, 76, 208);
    info->pm_timer_32bit = (flags & FADT_TIMER_32BIT) != 0;
    info->pm1_control[0] = fadt_register(fadt, 64, 172);
    info->pm1_control[1] = fadt_register(fadt, 68, 184);
    info->sleep_control = fadt_register(fadt, 0, 244);
    if ((flags & FADT_RESET_SUPPORTED) != 0) {
        info->reset = fadt_register(fadt, 0, 116);
        info->reset_value = (uint8_t)field(fadt, 128, 1);
    }
    if (dsdt.p == NULL)
        dsdt = table_at(memory, field(fadt, 40, 4));
    if (dsdt.p != NULL && text_equal(dsdt.p, "DSDT", 4))
        sleep_type_read(info, dsdt);
}

/* Every table that the root table, with addresses of `width` bytes, lists. */
static void root_read(struct acpi_info *info, struct acpi_memory memory, struct bytes root, uint32_t width)
{
    for (uint32_t offset = HEADER_SIZE; offset + width <= root.size; offset += width) {
        struct bytes table = table_at(memory, get(root.p + offset, width));
        if (table.p == NULL)
            continue;
        if (text_equal(table.p, "APIC", 4) && info->cpu_count == 0)
            madt_read(info, table);
        if (text_equal(table.p, "FACP", 4))
            fadt_read(info, memory, table);
    }
}

const char *acpi_read(struct acpi_memory memory, uint64_t rsdp, struct acpi_info *info)
{
    *info = (struct acpi_info){0};
    if (rsdp == 0)
        rsdp = rsdp_search(memory);
    if (rsdp == 0)
        return "there is no RSDP";
    if (!rsdp_valid(memory, rsdp))
        return "the RSDP is invalid";
    struct bytes pointer = bytes_at(memory, rsdp, RSDP_SIZE_V2);
    if (pointer.p != NULL && pointer.p[15] >= 2 && checksum_ok(pointer)) {
        struct bytes xsdt = table_at(memory, get(pointer.p + 24, 8));
        if (xsdt.p != NULL && text_equal(xsdt.p, "XSDT", 4)) {
            info->rsdp = rsdp;
            root_read(info, memory, xsdt, 8);
            return NULL;
        }
    }
    struct bytes rsdt = table_at(memory, get(memory.base + rsdp + 16, 4));
    if (rsdt.p == NULL || !text_equal(rsdt.p, "RSDT", 4))
        return "the RSDT is invalid";
    info->rsdp = rsdp;
    root_read(info, memory, rsdt, 4);
    return NULL;
}
