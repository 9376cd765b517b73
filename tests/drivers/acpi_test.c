/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hal/drivers/acpi.c on tables that are built here: what is found, what does not exist because a length or checksum is wrong,
 * and that no table, whatever it holds, leads outside of memory (AddressSanitizer watches).
 */
#include <hal/drivers/acpi.h>

#include "host_test.h"

#define MEMORY_SIZE 0x100000u /* up to the end of the BIOS area */
#define RSDP 0xe0010u
#define RSDT 0x1000u
#define XSDT 0x2000u
#define MADT 0x3000u
#define FADT 0x4000u
#define DSDT 0x5000u
#define OTHER 0x6000u
#define HEADER 36u
#define FADT_SIZE 268u
#define RANDOM_TABLES 20000u

static uint8_t *memory; /* MEMORY_SIZE bytes from malloc() */
static struct acpi_info info;

static void put(uint32_t at, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        memory[at + i] = (uint8_t)(value >> (8 * i));
}

static void sum(uint32_t at, uint32_t size, uint32_t checksum)
{
    uint8_t total = 0;

    memory[at + checksum] = 0;
    for (uint32_t i = 0; i < size; i++)
        total = (uint8_t)(total + memory[at + i]);
    memory[at + checksum] = (uint8_t)-total;
}

static uint32_t length(uint32_t at)
{
    return memory[at + 4] | (uint32_t)memory[at + 5] << 8;
}

/* An empty table; `size` bytes of it are used. */
static void table(uint32_t at, const char *name, uint32_t size)
{
    memset(memory + at, 0, 0x1000);
    memcpy(memory + at, name, 4);
    put(at + 4, size, 4);
}

static void table_sum(uint32_t at)
{
    sum(at, length(at), 9);
}

/* Another value in a table that is right otherwise. */
static void change(uint32_t at, uint32_t offset, uint64_t value, unsigned count)
{
    put(at + offset, value, count);
    table_sum(at);
}

static uint32_t madt_entry(uint32_t offset, uint8_t type, uint8_t size)
{
    memory[MADT + offset] = type;
    memory[MADT + offset + 1] = size;
    return offset + size;
}

static void madt_build(void)
{
    uint32_t at = 44;

    table(MADT, "APIC", 0);
    put(MADT + 36, 0xfee00000, 4);
    put(MADT + at + 3, 5, 1); /* a CPU: identifier, flags */
    put(MADT + at + 4, 1, 4);
    at = madt_entry(at, 0, 8);
    put(MADT + at + 3, 6, 1); /* one that is off */
    put(MADT + at + 4, 2, 4);
    at = madt_entry(at, 0, 8);
    put(MADT + at + 4, 0x12345, 4);
    put(MADT + at + 8, 1, 4);
    at = madt_entry(at, 9, 16);
    put(MADT + at + 4, 0xfec00000, 4);
    put(MADT + at + 8, 24, 4);
    at = madt_entry(at, 1, 12);
    at = madt_entry(at, 1, 12); /* no address */
    put(MADT + at + 4, 9, 4);
    put(MADT + at + 8, 0xf, 2); /* active low, level */
    at = madt_entry(at, 2, 10);
    put(MADT + at + 4, 2, 4);
    put(MADT + at + 8, 0x5, 2); /* active high, edge */
    at = madt_entry(at, 2, 10);
    put(MADT + at + 4, 3, 4);
    put(MADT + at + 8, 0xa, 2); /* reserved values */
    at = madt_entry(at, 2, 10);
    at = madt_entry(at, 77, 6);
    put(MADT + 4, at, 4);
    table_sum(MADT);
}

static void fadt_build(void)
{
    table(FADT, "FACP", FADT_SIZE);
    put(FADT + 40, DSDT, 4);
    put(FADT + 64, 0x604, 4);
    put(FADT + 68, 0x608, 4);
    put(FADT + 76, 0x60c, 4);
    put(FADT + 112, 1u << 8 | 1u << 10, 4);
    put(FADT + 116, ACPI_SPACE_IO, 1);
    put(FADT + 120, 0xcf9, 8);
    put(FADT + 128, 0x0f, 1);
    put(FADT + 172, ACPI_SPACE_MEMORY, 1); /* PM1a also as a generic address */
    put(FADT + 176, 0xfed00604, 8);
    put(FADT + 244, ACPI_SPACE_IO, 1);
    put(FADT + 248, 0x700, 8);
    table_sum(FADT);
}

static void dsdt_build(const uint8_t *aml, uint32_t size)
{
    table(DSDT, "DSDT", HEADER + size);
    memcpy(memory + DSDT + HEADER, aml, size);
    table_sum(DSDT);
}

static void rsdp_build(uint8_t revision)
{
    memset(memory + RSDP, 0, 36);
    memcpy(memory + RSDP, "RSD PTR ", 8);
    memory[RSDP + 15] = revision;
    put(RSDP + 16, RSDT, 4);
    put(RSDP + 20, 36, 4);
    put(RSDP + 24, XSDT, 8);
    sum(RSDP, 20, 8);
    sum(RSDP, 36, 32);
}

static const uint8_t s5[] = {0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x0d, 0x0a, 0x05, 0x00, 0x00};

static void all_build(void)
{
    memset(memory, 0, MEMORY_SIZE);
    rsdp_build(2);
    table(RSDT, "RSDT", HEADER + 8); /* without the FADT */
    put(RSDT + HEADER, OTHER, 4);
    put(RSDT + HEADER + 4, MADT, 4);
    table_sum(RSDT);
    table(XSDT, "XSDT", HEADER + 24);
    put(XSDT + HEADER, OTHER, 8);
    put(XSDT + HEADER + 8, FADT, 8);
    put(XSDT + HEADER + 16, MADT, 8);
    table_sum(XSDT);
    table(OTHER, "SSDT", HEADER);
    table_sum(OTHER);
    madt_build();
    fadt_build();
    dsdt_build(s5, sizeof s5);
}

static const char *read_at(uint64_t rsdp)
{
    struct acpi_memory all = {memory, MEMORY_SIZE};

    memset(&info, 0x55, sizeof info);
    return acpi_read(all, rsdp, &info);
}

static bool nothing_found(void)
{
    static const struct acpi_info none;

    return memcmp(&info, &none, sizeof info) == 0;
}

static void processors(void)
{
    all_build();
    CHECK(read_at(RSDP) == NULL && info.lapic_address == 0xfee00000);
    CHECK(info.cpu_count == 2 && info.apic_id[0] == 5 && info.apic_id[1] == 0x12345);
    CHECK(info.ioapic_count == 1 && info.ioapic[0].address == 0xfec00000 && info.ioapic[0].first == 24);
    CHECK(info.override_count == 3);
    CHECK(info.override[0].line == 9 && info.override[0].level && info.override[0].active_low);
    CHECK(info.override[1].line == 2 && !info.override[1].level && !info.override[1].active_low);
    CHECK(info.override[2].line == 3 && !info.override[2].level && !info.override[2].active_low);
    put(MADT + 44, 5, 1); /* an address of 64 bits instead of a CPU; it needs 12 bytes */
    put(MADT + 45, 16, 1);
    change(MADT, 48, 0x1fee00000, 8);
    CHECK(read_at(RSDP) == NULL && info.lapic_address == 0x1fee00000 && info.cpu_count == 1);
    put(XSDT + HEADER, MADT, 8); /* twice: the first counts */
    table_sum(XSDT);
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 1);
}

/* Entries that are cut, and more of them than there is room for. */
static void entries(void)
{
    all_build();
    for (uint32_t size = 44; size < length(MADT); size++) {
        put(MADT + 4, size, 4);
        table_sum(MADT);
        CHECK(read_at(RSDP) == NULL && info.cpu_count == (size >= 76 ? 2 : size >= 52 ? 1 : 0));
        CHECK(info.ioapic_count == (size >= 88) && info.override_count == (size < 110   ? 0
                                                                           : size < 120 ? 1
                                                                           : size < 130 ? 2
                                                                                        : 3));
    }
    all_build();
    change(MADT, 45, 1, 1); /* an entry that does not contain itself */
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 0);
    for (uint32_t type = 0; type < 3; type++) {
        table(MADT, "APIC", 44 + 300 * 12);
        for (uint32_t i = 0, at = 44; i < 300; i++) {
            put(MADT + at + 4, i + 1, 4); /* flags, address, or line */
            put(MADT + at + 3, i, 1);
            put(MADT + at + 4, i * 2 + 1, 4);
            at = madt_entry(at, (uint8_t)type, 12);
        }
        table_sum(MADT);
        CHECK(read_at(RSDP) == NULL);
        CHECK(info.cpu_count == (type == 0 ? ACPI_CPU_MAX : 0) &&
              info.ioapic_count == (type == 1 ? ACPI_IOAPIC_MAX : 0));
        CHECK(info.override_count == (type == 2 ? ACPI_OVERRIDE_MAX : 0));
        CHECK(type != 0 || info.apic_id[ACPI_CPU_MAX - 1] == ACPI_CPU_MAX - 1);
        CHECK(type != 1 || info.ioapic[ACPI_IOAPIC_MAX - 1].address == ACPI_IOAPIC_MAX * 2 - 1);
        CHECK(type != 2 || info.override[ACPI_OVERRIDE_MAX - 1].line == ACPI_OVERRIDE_MAX * 2 - 1);
    }
}

static bool is(struct acpi_register r, uint8_t space, uint64_t address)
{
    return r.space == space && r.address == address;
}

static void power(void)
{
    all_build();
    CHECK(read_at(RSDP) == NULL);
    CHECK(is(info.pm_timer, ACPI_SPACE_IO, 0x60c) && info.pm_timer_32bit);
    CHECK(is(info.pm1_control[0], ACPI_SPACE_MEMORY, 0xfed00604) &&
          is(info.pm1_control[1], ACPI_SPACE_IO, 0x608));
    CHECK(is(info.sleep_control, ACPI_SPACE_IO, 0x700));
    CHECK(is(info.reset, ACPI_SPACE_IO, 0xcf9) && info.reset_value == 0x0f);
    change(FADT, 112, 0, 4);
    CHECK(read_at(RSDP) == NULL && info.reset.address == 0 && !info.pm_timer_32bit);
    change(FADT, 248, 0, 8);
    CHECK(read_at(RSDP) == NULL && info.sleep_control.address == 0);
    change(FADT, 4, 116, 4); /* of ACPI 1.0: no generic addresses */
    CHECK(read_at(RSDP) == NULL && is(info.pm1_control[0], ACPI_SPACE_IO, 0x604) && info.has_sleep_type);
    change(FADT, 4, 115, 4);
    CHECK(read_at(RSDP) == NULL && info.pm_timer.address == 0 && !info.has_sleep_type);
}

/* The sleep types that these bytes of AML tell; -1: none. */
static int sleep_types(const uint8_t *aml, uint32_t size)
{
    dsdt_build(aml, size);
    CHECK(read_at(RSDP) == NULL);
    return info.has_sleep_type ? info.sleep_type[0] << 4 | info.sleep_type[1] : -1;
}

static void soft_off(void)
{
    static const uint8_t twice[] = {'_', 'S', '5', '_', 0x13, '_', 'S', '5', '_', 0x12, 0x06, 4, 0x01, 0x00};
    static const uint8_t wide[] = {'_', 'S', '5', '_', 0x12, 0x46, 0x00, 4, 0x0a, 7, 0x0a, 9};
    static const uint8_t word[] = {'_', 'S', '5', '_', 0x12, 6, 4, 0x0b, 7, 0};
    static const uint8_t one[] = {'_', 'S', '5', '_', 0x12, 6, 1, 0x0a, 3, 0x0b};
    static const uint8_t open[] = {'_', 'S', '5', '_', 0x12, 6, 4, 0x0a};

    all_build();
    CHECK(sleep_types(s5, sizeof s5) == (5 << 4 | 5)); /* 0x0d has three bits: 5 */
    CHECK(sleep_types(twice, sizeof twice) == (1 << 4 | 0));
    CHECK(sleep_types(wide, sizeof wide) == (7 << 4 | 1));
    CHECK(sleep_types(word, sizeof word) == -1 && sleep_types(open, sizeof open) == -1);
    CHECK(sleep_types(one, sizeof one) == (3 << 4 | 0) && sleep_types(one, 3) == -1 &&
          sleep_types(one, 5) == (0 << 4 | 0));
    CHECK(sleep_types(s5, sizeof s5) >= 0);
    change(FADT, 140, DSDT, 8); /* the address of 64 bits counts, if it is right */
    change(FADT, 40, OTHER, 4);
    CHECK(read_at(RSDP) == NULL && info.has_sleep_type);
    change(FADT, 140, OTHER, 8);
    CHECK(read_at(RSDP) == NULL && !info.has_sleep_type); /* no DSDT by its name */
    memory[OTHER + 9]++;
    change(FADT, 40, DSDT, 4);
    CHECK(read_at(RSDP) == NULL && info.has_sleep_type);
}

static void roots(void)
{
    all_build();
    CHECK(read_at(0) == NULL && info.cpu_count == 2 && info.has_sleep_type); /* found in the BIOS area */
    CHECK(read_at(RSDP + 16) != NULL && nothing_found() && read_at(MEMORY_SIZE - 8) != NULL &&
          nothing_found());
    CHECK(read_at(UINT64_MAX) != NULL && nothing_found());
    rsdp_build(0); /* only an RSDT */
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 2 && !info.has_sleep_type);
    rsdp_build(2);
    memory[RSDP + 33]++; /* the longer checksum is wrong */
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 2 && !info.has_sleep_type);
    memory[RSDP + 33]--;
    memory[XSDT]++;
    table_sum(XSDT);
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 2 && !info.has_sleep_type);
    memory[RSDT]++;
    CHECK(read_at(RSDP) != NULL && nothing_found());
    table_sum(RSDT);
    CHECK(read_at(RSDP) != NULL && nothing_found());
    memory[RSDP]++;
    CHECK(read_at(0) != NULL && nothing_found());
    all_build();
    memmove(memory + MEMORY_SIZE - 32, memory + RSDP,
            20); /* at the end of the area, too short for the longer form */
    CHECK(read_at(MEMORY_SIZE - 32) == NULL && info.cpu_count == 2 && !info.has_sleep_type);
    memset(memory + RSDP, 0, 36);
    CHECK(read_at(0) == NULL && info.cpu_count == 2);
}

/* Tables whose length is impossible, or whose bytes were changed, do not exist. */
static void tables(void)
{
    all_build();
    memory[MADT + 50]++;
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 0 && info.has_sleep_type);
    all_build();
    change(MADT, 4, 35, 4);
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 0);
    all_build();
    put(MADT + 4, MEMORY_SIZE - MADT + 1, 4); /* it would end outside */
    sum(MADT, MEMORY_SIZE - MADT, 9);
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 0);
    put(MADT + 4, MEMORY_SIZE - MADT, 4);
    sum(MADT, MEMORY_SIZE - MADT, 9);
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 2);
    all_build();
    for (uint32_t i = 1; i <= HEADER; i++) { /* a header that ends outside */
        change(XSDT, HEADER, MEMORY_SIZE - i, 8);
        CHECK(read_at(RSDP) == NULL && info.cpu_count == 2);
    }
    change(XSDT, 4, HEADER + 23, 4); /* the last entry is cut */
    CHECK(read_at(RSDP) == NULL && info.cpu_count == 0 && info.has_sleep_type);
}

static void at_random(void)
{
    static const uint32_t places[] = {RSDP, RSDT, XSDT, MADT, FADT, DSDT};
    uint32_t found = 0;

    for (uint32_t i = 0; i < RANDOM_TABLES; i++) {
        if (i % 16 == 0)
            all_build();
        uint32_t at = places[host_random(6)];
        uint32_t size = at == RSDP ? 36 : length(at) % 0x1000 + 1;
        memory[at + host_random(size)] = (uint8_t)host_random(256);
        if (at == RSDP)
            sum(at, 20, 8);
        size = at == RSDP ? 36 : length(at) % 0x1000;
        if (size > 9)
            sum(at, size, at == RSDP ? 32 : 9);
        found += read_at(host_random(2) == 0 ? RSDP : 0) == NULL;
        CHECK(info.cpu_count <= ACPI_CPU_MAX && info.ioapic_count <= ACPI_IOAPIC_MAX &&
              info.override_count <= ACPI_OVERRIDE_MAX);
    }
    CHECK(found > RANDOM_TABLES / 4 && found < RANDOM_TABLES);
}

static const struct host_case cases[] = {
    {"MADT: processors, controllers, overrides", processors},
    {"MADT: entries that are cut, and too many", entries},
    {"FADT: registers", power},
    {"DSDT: the values for soft-off", soft_off},
    {"RSDP, RSDT and XSDT", roots},
    {"tables that do not exist", tables},
    {"any bytes are refused or read", at_random},
};

int main(void)
{
    memory = malloc(MEMORY_SIZE);
    int status = host_run(cases, sizeof cases / sizeof cases[0]);
    free(memory);
    return status;
}
