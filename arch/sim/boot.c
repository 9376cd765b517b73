/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the machine has when the kernel starts: memory in ranges with holes, a boot archive, and struct hal_info.  Holes are
 * not mapped in the process, so an access there ends it.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY_BASE 0x200000u
#define HOLE_PAGES 16u
#define TABLES_OFFSET 64u /* in their page */

struct hal_info hal_info;

/* ---- a boot archive with one program, whose entry is a C function ---- */

#define CPIO_HEADER "070701"
#define CPIO_FIELDS 13u
#define CPIO_FIELD_SIZE 6u
#define CPIO_FIELD_NAME 11u
#define PROGRAM_NAME "bootstrap"
#define ELF_HEADER_SIZE 64u

static char archive[512];
static size_t archive_size;

/* A member whose name, behind the header, needs no padding. */
static void archive_add(const char *name, const void *data, size_t size)
{
    char *p = archive + archive_size;
    size_t header = sizeof CPIO_HEADER - 1;

    memcpy(p, CPIO_HEADER, header);
    for (unsigned i = 0; i < CPIO_FIELDS; i++) {
        size_t value = i == CPIO_FIELD_SIZE ? size : i == CPIO_FIELD_NAME ? strlen(name) + 1 : 0;
        (void)snprintf(p + header + 8 * (size_t)i, 9, "%08x", (unsigned)value);
    }
    header += 8 * (size_t)CPIO_FIELDS;
    memcpy(p + header, name, strlen(name) + 1);
    header = (header + strlen(name) + 1 + 3) / 4 * 4;
    if (size > 0)
        memcpy(p + header, data, size);
    archive_size += (header + size + 3) / 4 * 4;
}

/* An ELF file without segments: nothing of a C function lies in user memory. */
static void archive_make(uint64_t entry)
{
    uint8_t elf[ELF_HEADER_SIZE] = {
        0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = HAL_ELF_MACHINE, [54] = 56};

    memcpy(elf + 24, &entry, sizeof entry);
    memset(archive, 0, sizeof archive);
    archive_size = 0;
    archive_add(PROGRAM_NAME, elf, sizeof elf);
    archive_add("TRAILER!!!", NULL, 0);
}

/* ---- memory ---- */

/* Make [base, base + size) RAM. */
static void memory_add(uint64_t base, uint64_t size)
{
    char *p = hal_pa_to_ptr(HAL_PA(base));

    if (base + size > ARCH_DIRECT_SIZE || mprotect(p, size, PROT_READ | PROT_WRITE) != 0)
        abort();
    if (sim.config.memory_fill != 0)
        memset(p, sim.config.memory_fill, size);
}

/* An address space with nothing in it. */
static void memory_clear(void)
{
    void *want = hal_pa_to_ptr(HAL_PA(0));
    static bool ours;
    int fixed = ours ? MAP_FIXED : MAP_FIXED_NOREPLACE;

    if (mmap(want, ARCH_DIRECT_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0) !=
        want)
        abort();
    ours = true;
}

/* A page that stays: of a device tree there is the header only, with its size. */
static void tables_add(uint64_t at)
{
    static const uint8_t header[] = {0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 8};

    memory_add(at, HAL_PAGE_SIZE);
    memcpy(hal_pa_to_ptr(HAL_PA(at + TABLES_OFFSET)), header, sizeof header);
    hal_info.tables_kind = HAL_TABLES_FDT;
    hal_info.tables = HAL_PA(at + TABLES_OFFSET);
    hal_info.tables_size = sizeof header;
}

/* All from the first range to the end of RAM, holes included. */
static void memory_take(void)
{
    hal_info.taken_count = 1;
    hal_info.taken[0] = (struct hal_mem_range){HAL_PA(MEMORY_BASE), hal_info.mem_limit.addr - MEMORY_BASE};
}

/* Holes between the ranges; the archive lies behind the last one, then the tables. */
static void memory_prepare(const void *boot_archive, size_t size)
{
    uint64_t pages = sim.config.memory / HAL_PAGE_SIZE / sim.config.memory_ranges;
    uint64_t at = MEMORY_BASE;
    uint64_t archive_pages = (size + HAL_PAGE_SIZE - 1) / HAL_PAGE_SIZE;

    memory_clear();
    for (uint32_t i = 0; i < sim.config.memory_ranges; i++) {
        hal_info.mem[i] = (struct hal_mem_range){HAL_PA(at), pages * HAL_PAGE_SIZE};
        memory_add(at, pages * HAL_PAGE_SIZE);
        at += (pages + HOLE_PAGES + i) * HAL_PAGE_SIZE;
    }
    hal_info.mem_count = sim.config.memory_ranges;
    memory_add(at, archive_pages * HAL_PAGE_SIZE);
    memcpy(hal_pa_to_ptr(HAL_PA(at)), boot_archive, size);
    hal_info.archive_base = HAL_PA(at);
    hal_info.archive_size = size;
    at += archive_pages * HAL_PAGE_SIZE;
    tables_add(at);
    hal_info.mem_limit = HAL_PA(at + HAL_PAGE_SIZE);
    memory_take();
    memory_add(ALARM_ADDRESS, HAL_PAGE_SIZE);
    memset(hal_pa_to_ptr(HAL_PA(ALARM_ADDRESS)), 0, HAL_PAGE_SIZE);
}

void sim_boot_prepare(void)
{
    const struct sim_config *c = &sim.config;

    hal_info.isa = "sim";
    hal_info.board = "host";
    hal_info.cpu_count = c->cpus;
    hal_info.pt_levels = c->pt_levels;
    hal_info.leaf_levels = 3;
    hal_info.user_base = HAL_PAGE_SIZE;
    hal_info.user_limit = ((uint64_t)1 << (HAL_PAGE_SHIFT + HAL_PT_SHIFT * c->pt_levels - 1)) - HAL_PAGE_SIZE;
    hal_info.asid_bits = c->asid_bits;
    hal_info.tlb_broadcast = c->tlb_broadcast;
    hal_info.fpu_size = FPU_SIZE;
    (void)snprintf(hal_info.cmdline, sizeof hal_info.cmdline, "%s", c->cmdline != NULL ? c->cmdline : "");
    if (c->archive != NULL) {
        memory_prepare(c->archive, c->archive_size);
        return;
    }
    archive_make(sim_program_pc(c->program));
    memory_prepare(archive, archive_size);
}
