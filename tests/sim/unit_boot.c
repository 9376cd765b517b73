/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel makes of its boot archive: archives and programs that are well-formed, and one for each way in which they
 * can be malformed.  Of CPUs that do not start.  kern/archive.c, kern/elf.c, kern/bootstrap.c, kern/boot.c.
 */
#include "unit.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#define PAGE 4096u
#define SEGMENTS 3u

/* A file for EM_RISCV. */
struct program {
    Elf64_Ehdr header;
    Elf64_Phdr segment[SEGMENTS];
    unsigned char data[64];
};

#define DATA_OFFSET offsetof(struct program, data)

#define CODE (0x400000 + DATA_OFFSET)
#define ROOM 0x500000 /* of two pages */

/* Its file is where it belongs, its room is empty and can be written. */
static void reached(uint64_t arg)
{
    (void)arg;
    for (unsigned i = 0; i < sizeof(struct program) - DATA_OFFSET; i += 8)
        SIM_CHECK(sim_load64(CODE + i) == (i + 1) * UINT64_C(0x101));
    SIM_CHECK(sim_load64(ROOM) == 0 && sim_load64(ROOM + 2 * PAGE - 8) == 0);
    sim_store64(ROOM + 2 * PAGE - 8, 7);
    SIM_CHECK(sim_load64(ROOM + 2 * PAGE - 8) == 7);
    sim_fail("the program was reached");
}

/* Code, data, and a segment that is not loaded. */
static struct program program_default(void)
{
    struct program p = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_RISCV,
                   .e_version = EV_CURRENT,
                   .e_entry = sim_program_pc(reached),
                   .e_phoff = offsetof(struct program, segment),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = SEGMENTS},
        .segment = {{.p_type = PT_LOAD,
                     .p_flags = PF_R | PF_X,
                     .p_offset = DATA_OFFSET,
                     .p_vaddr = CODE,
                     .p_filesz = sizeof p.data,
                     .p_memsz = sizeof p.data},
                    {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = ROOM, .p_memsz = 2 * PAGE},
                    {.p_type = PT_NOTE}},
    };

    for (unsigned i = 0; i < sizeof p.data; i += 8)
        p.data[i] = p.data[i + 1] = (unsigned char)(i + 1);
    return p;
}

/* ---- Archives ---- */

#define ARCHIVE_MAX 8192u

static char archive[ARCHIVE_MAX];
static size_t archive_size;

static void archive_pad(void)
{
    while (archive_size % 4 != 0)
        archive[archive_size++] = '\0';
}

/* Append a member; its numbers are written in `format`: "%08x" or "%08X". Returns the offset of its header. */
static size_t archive_add(const char *name, const void *data, size_t size, const char *format)
{
    size_t header = archive_size;
    unsigned field[13] = {[1] = 0100644, [4] = 1, [6] = (unsigned)size, [11] = (unsigned)strlen(name) + 1};

    archive_size += (size_t)sprintf(archive + archive_size, "070701");
    for (unsigned i = 0; i < 13; i++)
        archive_size += (size_t)sprintf(archive + archive_size, format, field[i]);
    archive_size += (size_t)sprintf(archive + archive_size, "%s", name) + 1;
    archive_pad();
    memcpy(archive + archive_size, data, size);
    archive_size += size;
    archive_pad();
    return header;
}

static void archive_make(const struct program *program, const char *format)
{
    archive_size = 0;
    (void)archive_add("etc/readme", "abc", 3, format);
    (void)archive_add("bootstrap", program, sizeof *program, format);
    (void)archive_add("TRAILER!!!", "", 0, format);
}

static void boot(enum sim_end end, const char *text, const char *name)
{
    struct sim_config config = sim_config_default();

    config.archive = archive;
    config.archive_size = archive_size;
    unit_boot(&config, end, text, name);
}

#define NO_PROGRAM "no program bootstrap in the boot archive"
#define BAD_PROGRAM "can't start bootstrap: program"

/* Boot an archive, the first member of which has `text` at `offset` of its header. */
static void boot_changed(size_t offset, const char *text, const char *name)
{
    struct program program = program_default();

    archive_make(&program, "%08x");
    memcpy(archive + offset, text, strlen(text));
    boot(SIM_PANIC, NO_PROGRAM, name);
}

#define FIELD(n) (6u + 8u * (n))

static void test_archives(void)
{
    struct program program = program_default();

    archive_make(&program, "%08x");
    boot(SIM_FAILED, "the program was reached", "an archive is read");
    archive_make(&program, "%08X");
    boot(SIM_FAILED, "the program was reached", "an archive with upper-case digits is read");

    archive_size = 0;
    (void)archive_add("etc/readme", "abc", 3, "%08x");
    size_t last = archive_size;
    (void)archive_add("TRAILER!!!", "", 0, "%08x");
    (void)archive_add("bootstrap", &program, sizeof program, "%08x");
    boot(SIM_PANIC, NO_PROGRAM, "what follows the trailer does not count");
    archive_size = last;
    boot(SIM_PANIC, NO_PROGRAM, "an archive without the program and without a trailer");
    archive_size = last - 1;
    boot(SIM_PANIC, NO_PROGRAM, "an archive that ends before its padding");

    boot_changed(0, "070702", "another magic number");
    boot_changed(FIELD(6), "0000000g", "a letter that is no digit");
    boot_changed(FIELD(6), "0000000/", "a character below the digits");
    boot_changed(FIELD(11), "0000000:", "a character above the digits");
    boot_changed(FIELD(11), "0000000@", "a character below the upper-case letters");
    boot_changed(FIELD(11), "00000000", "a name without a size");
    boot_changed(FIELD(11), "ffffffff", "a name beyond the end");
    boot_changed(FIELD(11), "00000003", "a name without its NUL");
    boot_changed(FIELD(6), "ffffffff", "data beyond the end");
}

/* ---- Programs ---- */

#define REFUSED(name, change)                                                                                \
    do {                                                                                                     \
        struct program p = program_default();                                                                \
        change;                                                                                              \
        archive_make(&p, "%08x");                                                                            \
        boot(SIM_PANIC, BAD_PROGRAM, name);                                                                  \
    } while (0)

static void test_program_headers(void)
{
    REFUSED("not an ELF file", p.header.e_ident[1] = 'M');
    REFUSED("a 32-bit program", p.header.e_ident[EI_CLASS] = ELFCLASS32);
    REFUSED("a shared object", p.header.e_type = ET_DYN);
    REFUSED("a program for another machine", p.header.e_machine = EM_386);
    REFUSED("segments of another size", p.header.e_phentsize++);
    REFUSED("a segment table beyond the end", p.header.e_phoff = sizeof p + 1);
    REFUSED("a segment table that does not fit", p.header.e_phnum = 1000);
    REFUSED("a dynamic program", p.segment[2].p_type = PT_DYNAMIC);
    REFUSED("a program with an interpreter", p.segment[2].p_type = PT_INTERP);

    struct program p = program_default();
    archive_size = 0;
    (void)archive_add("bootstrap", &p, sizeof p.header - 1, "%08x");
    boot(SIM_PANIC, BAD_PROGRAM, "a program that ends within its header");
}

static void test_program_segments(void)
{
    REFUSED("more in the file than in memory", p.segment[0].p_memsz = p.segment[0].p_filesz - 1);
    REFUSED("a segment that begins beyond the end", p.segment[0].p_offset = sizeof p + 1);
    REFUSED("a segment that ends beyond the end", p.segment[0].p_offset++);
    REFUSED("a segment outside user space", p.segment[1].p_vaddr = UINT64_C(1) << 63);
    REFUSED("a segment below user space", p.segment[1].p_vaddr = 0);
    REFUSED("a segment that ends outside user space", p.segment[1].p_memsz = UINT64_C(1) << 62);
    REFUSED("a segment that can be written and executed", p.segment[0].p_flags |= PF_W);
    REFUSED("segments in each other's way", p.segment[1].p_vaddr = p.segment[0].p_vaddr);

    struct program p = program_default();
    p.segment[2] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = ROOM};
    archive_make(&p, "%08x");
    boot(SIM_FAILED, "the program was reached", "an empty segment is left out");
}

static void test_no_memory(void)
{
    REFUSED("a program that does not fit into memory", {
        p.segment[0].p_memsz = UINT64_C(1) << 30;
        p.segment[0].p_offset = 0;
    });
}

/* ---- CPUs ---- */

static void a_program(uint64_t arg)
{
    (void)arg;
    sim_step();
    sim_fail("the program ran");
}

/* The others run; who does not is told. */
static void test_cpus(void)
{
    struct sim_config config = sim_config_default();

    config.cpus = 4;
    config.cpus_refused = 1u << 1;
    config.cpus_silent = 1u << 2;
    config.step_ns = 10000;
    config.program = a_program;
    struct sim_result result = sim_run(&config);
    UNIT_CHECK(result.end == SIM_FAILED && strstr(result.message, "the program ran") != NULL);
    UNIT_CHECK(strstr(result.console, "boot: CPU 1: refused to start\n") != NULL);
    UNIT_CHECK(strstr(result.console, "boot: CPU 2: does not come up\n") != NULL);
    UNIT_CHECK(strstr(result.console, "boot: CPU 3") == NULL);
}

int main(void)
{
    test_cpus();
    test_archives();
    test_program_headers();
    test_program_segments();
    test_no_memory();
    return unit_end();
}
