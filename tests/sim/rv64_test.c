/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V interpreter: against the assembler (16-bit instructions), against QEMU (every instruction), and its stops.
 *
 *   rv64_test QEMU PROGRAM COMPRESSED EXPANDED
 *
 * PROGRAM is rv64_program.c, for Linux; COMPRESSED and EXPANDED are the code of rv64_compressed.S with and without the C
 * extension.
 */
#include <sim/rv64/rv64.h>
#include <sim/rv64/rv64_i.h>

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- A machine: memory from BASE on, with rights by page ---- */

#define BASE 0x400000u
#define PAGES 256u
#define STACK_TOP (BASE + PAGES * RV64_PAGE)

static struct machine {
    _Alignas(4096) unsigned char memory[PAGES * RV64_PAGE];
    unsigned char rights[PAGES]; /* enum rv64_access */
    char output[1 << 16];
    size_t output_size;
} machine;

static void *translate(void *context, uint64_t va, enum rv64_access access)
{
    struct machine *m = context;
    uint64_t offset = va - BASE;

    if (offset >= sizeof m->memory || (m->rights[offset / RV64_PAGE] & access) == 0)
        return NULL;
    return m->memory + offset;
}

static uint64_t machine_time(void *context)
{
    (void)context;
    return 12345;
}

static const struct rv64_bus bus = {.context = &machine, .translate = translate, .time = machine_time};

/* ---- Results ---- */

static unsigned tests, failures;

static void result(bool good, const char *name)
{
    printf("%sok %u - %s\n", good ? "" : "not ", ++tests, name);
    failures += !good;
}

static _Noreturn void fatal(const char *what)
{
    printf("Bail out! %s\n", what);
    exit(1);
}

static unsigned char *read_file(const char *name, size_t *size)
{
    FILE *file = fopen(name, "rb");
    size_t room = 1 << 20;
    unsigned char *data = malloc(room);

    if (file == NULL || data == NULL)
        fatal(name);
    *size = fread(data, 1, room, file);
    fclose(file);
    return data;
}

/* ---- 16-bit instructions ---- */

static void test_compressed(const char *compressed_name, const char *expanded_name)
{
    size_t compressed_size, expanded_size;
    unsigned char *compressed = read_file(compressed_name, &compressed_size);
    unsigned char *expanded = read_file(expanded_name, &expanded_size);
    bool good = compressed_size > 50000 && expanded_size == 2 * compressed_size;

    for (size_t i = 0; good && i < compressed_size; i += 2) {
        uint16_t half;
        uint32_t word;
        memcpy(&half, compressed + i, sizeof half);
        memcpy(&word, expanded + 2 * i, sizeof word);
        if (rv64_expand(half) != word) {
            printf("# %04x expands to %08x, not %08x\n", half, rv64_expand(half), word);
            good = false;
        }
    }
    result(good, "16-bit instructions expand as the assembler's");
    free(compressed);
    free(expanded);
}

/* Encodings that are reserved or need another extension or register width. */
static void test_reserved(void)
{
    static const uint16_t reserved[] = {
        0x0000,         /* all zero */
        0x0008,         /* c.addi4spn 0 */
        0x8000,         /* quadrant 0, funct3 4 */
        0x2001,         /* c.addiw x0 */
        0x6081,         /* c.lui 0 */
        0x6101,         /* c.addi16sp 0 */
        0x9c41,         /* c.subw's neighbours */
        0x9c61, 0x4002, /* c.lwsp x0 */
        0x6002,         /* c.ldsp x0 */
        0x8002,         /* c.jr x0 */
    };
    bool good = true;

    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        good = good && rv64_expand(reserved[i]) == 0;
    result(good, "reserved 16-bit encodings are illegal");
}

/* ---- Whole programs ---- */

static uint64_t load_program(const char *name)
{
    size_t size;
    unsigned char *file = read_file(name, &size);
    Elf64_Ehdr header;
    Elf64_Phdr segment;

    memset(machine.memory, 0, sizeof machine.memory);
    memset(machine.rights, RV64_READ | RV64_WRITE, sizeof machine.rights);
    memcpy(&header, file, sizeof header);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        memcpy(&segment, file + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type != PT_LOAD)
            continue;
        memcpy(machine.memory + (segment.p_vaddr - BASE), file + segment.p_offset, segment.p_filesz);
        uint64_t first = segment.p_vaddr / RV64_PAGE, last = (segment.p_vaddr + segment.p_memsz) / RV64_PAGE;
        if (segment.p_flags & PF_X)
            memset(machine.rights + (first - BASE / RV64_PAGE), RV64_READ | RV64_FETCH, last - first + 1);
    }
    free(file);
    return header.e_entry;
}

enum { LINUX_WRITE = 64, LINUX_EXIT = 93 };

/* Run to its exit; returns false if it stops for another reason. */
static bool run_program(const char *name, struct rv64_regs *r)
{
    *r = (struct rv64_regs){.pc = load_program(name), .x[2] = STACK_TOP, .fp_on = true};
    machine.output_size = 0;
    for (;;) {
        enum rv64_stop stop = rv64_run(r, &bus, 1000);
        if (stop == RV64_BUDGET)
            continue;
        if (stop != RV64_ECALL) {
            printf("# stop %u at pc %llx, value %llx\n", stop, (unsigned long long)r->pc,
                   (unsigned long long)r->tval);
            return false;
        }
        if (r->x[17] == LINUX_EXIT)
            return true;
        if (r->x[17] != LINUX_WRITE || machine.output_size + r->x[12] >= sizeof machine.output)
            return false;
        memcpy(machine.output + machine.output_size, machine.memory + (r->x[11] - BASE), r->x[12]);
        machine.output_size += r->x[12];
        r->pc += 4;
    }
}

/* Compare line by line, so that a difference names an instruction. */
static bool same_lines(char *actual, FILE *expected)
{
    char wanted[256];
    unsigned number = 0;
    bool good = true;

    for (char *line = strtok(actual, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        number++;
        if (fgets(wanted, sizeof wanted, expected) == NULL)
            return false;
        wanted[strcspn(wanted, "\n")] = '\0';
        if (strcmp(line, wanted) != 0) {
            printf("# line %u: %s, in QEMU %s\n", number, line, wanted);
            good = false;
        }
    }
    return good && number > 200 && fgets(wanted, sizeof wanted, expected) == NULL;
}

static void test_program(const char *qemu, const char *name)
{
    struct rv64_regs r;
    char command[1024];
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    bool ended = run_program(name, &r);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    machine.output[machine.output_size] = '\0';

    snprintf(command, sizeof command, "exec %s %s", qemu, name);
    FILE *pipe = popen(command, "r");
    if (pipe == NULL)
        fatal("QEMU does not start");
    bool same = same_lines(machine.output, pipe);
    result(pclose(pipe) == 0 && ended && same, "every instruction gives what it gives in QEMU");
    printf("# %.1f million instructions a second\n", (double)r.retired / seconds / 1e6);
}

/* ---- Stops ---- */

#define CODE (BASE + RV64_PAGE)     /* read and execute; the page behind it is not there */
#define DATA (BASE + 4 * RV64_PAGE) /* read and write; the page behind it is read only */
#define NOWHERE (BASE - RV64_PAGE)

struct stop_case {
    const char *name;
    uint32_t insn;
    uint64_t a0; /* x10 */
    enum rv64_stop stop;
    uint64_t tval; /* where the stop has one */
    bool fp_off;
};

static const struct stop_case stop_cases[] = {
    {"ecall", 0x00000073, 0, RV64_ECALL, 0, false},
    {"ebreak", 0x00100073, 0, RV64_BREAK, 0, false},
    {"c.ebreak", 0x9002, 0, RV64_BREAK, 0, false},
    {"all zero", 0x0000, 0, RV64_ILLEGAL, 0, false},
    {"all ones", 0xffffffff, 0, RV64_ILLEGAL, 0xffffffff, false},
    {"unimp", 0xc0001073, 0, RV64_ILLEGAL, 0xc0001073, false},
    {"c.lui 0", 0x6081, 0, RV64_ILLEGAL, 0x6081, false},
    {"sret", 0x10200073, 0, RV64_ILLEGAL, 0x10200073, false},
    {"wfi", 0x10500073, 0, RV64_ILLEGAL, 0x10500073, false},
    {"sfence.vma", 0x12000073, 0, RV64_ILLEGAL, 0x12000073, false},
    {"csrr a0, sstatus", 0x10002573, 0, RV64_ILLEGAL, 0x10002573, false},
    {"csrw cycle, a0", 0xc0051073, 1, RV64_ILLEGAL, 0xc0051073, false},
    {"csrs time, a0", 0xc0152073, 1, RV64_ILLEGAL, 0xc0152073, false},
    {"fence, funct3 2", 0x0000200f, 0, RV64_ILLEGAL, 0x0000200f, false},
    {"load, funct3 7", 0x00057503, DATA, RV64_ILLEGAL, 0x00057503, false},
    {"store, funct3 4", 0x00a54023, DATA, RV64_ILLEGAL, 0x00a54023, false},
    {"branch, funct3 2", 0x00052063, 0, RV64_ILLEGAL, 0x00052063, false},
    {"jalr, funct3 1", 0x00051067, CODE, RV64_ILLEGAL, 0x00051067, false},
    {"slli, funct6 1", 0x04051513, 0, RV64_ILLEGAL, 0x04051513, false},
    {"srli, funct6 1", 0x04055513, 0, RV64_ILLEGAL, 0x04055513, false},
    {"slliw by 32", 0x0205151b, 0, RV64_ILLEGAL, 0x0205151b, false},
    {"srliw by 32", 0x0205551b, 0, RV64_ILLEGAL, 0x0205551b, false},
    {"op-imm-32, funct3 2", 0x0005251b, 0, RV64_ILLEGAL, 0x0005251b, false},
    {"op, funct7 2", 0x04a50533, 0, RV64_ILLEGAL, 0x04a50533, false},
    {"op-32, funct3 2", 0x00a5253b, 0, RV64_ILLEGAL, 0x00a5253b, false},
    {"lr.w with rs2", 0x10b5252f, DATA, RV64_ILLEGAL, 0x10b5252f, false},
    {"amo of a byte", 0x00b5052f, DATA, RV64_ILLEGAL, 0x00b5052f, false},
    {"amo, funct5 5", 0x28b5252f, DATA, RV64_ILLEGAL, 0x28b5252f, false},
    {"fadd.h", 0x0415f553, 0, RV64_ILLEGAL, 0x0415f553, false},
    {"fadd.d in rounding mode 5", 0x02b5d553, 0, RV64_ILLEGAL, 0x02b5d553, false},
    {"fadd.d to nearest, ties away", 0x02b5c553, 0, RV64_ILLEGAL, 0x02b5c553, false},
    {"fmadd.d in rounding mode 6", 0x02b5e543, 0, RV64_ILLEGAL, 0x02b5e543, false},
    {"fsqrt.d with rs2", 0x5ab57553, 0, RV64_ILLEGAL, 0x5ab57553, false},
    {"fcvt.d.d", 0x42157553, 0, RV64_ILLEGAL, 0x42157553, false},
    {"fcvt.w.d, type 4", 0xc2457553, 0, RV64_ILLEGAL, 0xc2457553, false},
    {"fcvt.d.w, type 4", 0xd2457553, 0, RV64_ILLEGAL, 0xd2457553, false},
    {"fsgnj, funct3 3", 0x22b53553, 0, RV64_ILLEGAL, 0x22b53553, false},
    {"fmin, funct3 2", 0x2ab52553, 0, RV64_ILLEGAL, 0x2ab52553, false},
    {"fcmp, funct3 3", 0xa2b53553, 0, RV64_ILLEGAL, 0xa2b53553, false},
    {"fmv.x.d, funct3 2", 0xe2052553, 0, RV64_ILLEGAL, 0xe2052553, false},
    {"fmv.d.x, funct3 1", 0xf2051553, 0, RV64_ILLEGAL, 0xf2051553, false},
    {"op-fp, funct5 6", 0x32b50553, 0, RV64_ILLEGAL, 0x32b50553, false},
    {"load-fp of a half", 0x00051507, DATA, RV64_ILLEGAL, 0x00051507, false},
    {"store-fp of a quad", 0x00a54027, DATA, RV64_ILLEGAL, 0x00a54027, false},
    {"fadd.d while off", 0x02b57553, 0, RV64_FP_OFF, 0, true},
    {"fld while off", 0x00053507, DATA, RV64_FP_OFF, 0, true},
    {"c.fsd while off", 0xa108, DATA, RV64_FP_OFF, 0, true},
    {"fmadd.s while off", 0x00b57543, 0, RV64_FP_OFF, 0, true},
    {"csrr a0, fcsr while off", 0x00302573, 0, RV64_FP_OFF, 0, true},
    {"lw from nowhere", 0x00452503, NOWHERE, RV64_LOAD_FAULT, NOWHERE + 4, false},
    {"fld from nowhere", 0x00053507, NOWHERE, RV64_LOAD_FAULT, NOWHERE, false},
    {"ld across the end", 0x00053503, STACK_TOP - 3, RV64_LOAD_FAULT, STACK_TOP, false},
    {"lh from nowhere, misaligned", 0x00051503, NOWHERE + 1, RV64_LOAD_FAULT, NOWHERE + 1, false},
    {"sd to nowhere", 0x00a53023, NOWHERE, RV64_STORE_FAULT, NOWHERE, false},
    {"sd to a page that is read only", 0x00a53023, DATA + RV64_PAGE, RV64_STORE_FAULT, DATA + RV64_PAGE,
     false},
    {"sd into such a page", 0x00a53023, DATA + RV64_PAGE - 5, RV64_STORE_FAULT, DATA + RV64_PAGE, false},
    {"fsd to nowhere", 0x00a53027, NOWHERE, RV64_STORE_FAULT, NOWHERE, false},
    {"amoadd.w on a page that is read only", 0x00a5252f, DATA + RV64_PAGE, RV64_STORE_FAULT, DATA + RV64_PAGE,
     false},
    {"lr.d from nowhere", 0x1005352f, NOWHERE, RV64_LOAD_FAULT, NOWHERE, false},
    {"lr.d, misaligned", 0x1005352f, DATA + 4, RV64_LOAD_MISALIGNED, DATA + 4, false},
    {"sc.w, misaligned", 0x18a5252f, DATA + 2, RV64_STORE_MISALIGNED, DATA + 2, false},
    {"amoswap.d, misaligned", 0x08a5352f, DATA + 1, RV64_STORE_MISALIGNED, DATA + 1, false},
};

static void make_pages(void)
{
    memset(machine.rights, RV64_READ | RV64_WRITE, sizeof machine.rights);
    machine.rights[(CODE - BASE) / RV64_PAGE] = RV64_READ | RV64_FETCH;
    machine.rights[(CODE - BASE) / RV64_PAGE + 1] = 0;
    machine.rights[(DATA - BASE) / RV64_PAGE + 1] = RV64_READ;
    memset(machine.memory + (DATA - BASE), 0x5a, 2 * RV64_PAGE);
}

static void put_code(uint64_t va, const uint32_t *insns, size_t size)
{
    memcpy(machine.memory + (va - BASE), insns, size);
}

static bool has_tval(enum rv64_stop stop)
{
    return stop != RV64_ECALL && stop != RV64_BREAK && stop != RV64_FP_OFF;
}

/* A stop changes nothing but tval: neither registers nor memory. */
static void test_stop(const struct stop_case *c)
{
    static unsigned char before_memory[sizeof machine.memory];
    struct rv64_regs r = {.pc = CODE, .x[10] = c->a0, .x[11] = 0x1111, .fp_on = !c->fp_off, .retired = 77};

    put_code(CODE, &c->insn, sizeof c->insn);
    memcpy(before_memory, machine.memory, sizeof before_memory);
    struct rv64_regs before = r;
    enum rv64_stop stop = rv64_run(&r, &bus, 1);
    bool good = stop == c->stop && (!has_tval(stop) || r.tval == c->tval);
    before.tval = r.tval;
    good = good && memcmp(&r, &before, sizeof r) == 0 &&
           memcmp(before_memory, machine.memory, sizeof before_memory) == 0;
    if (!good)
        printf("# stop %u at pc %llx, value %llx\n", stop, (unsigned long long)r.pc,
               (unsigned long long)r.tval);
    result(good, c->name);
}

static void test_fetch(void)
{
    static const uint32_t nops[2] = {0x00000013, 0x00000013};
    struct rv64_regs r = {.pc = CODE + RV64_PAGE - 6};

    put_code(r.pc, nops, 6); /* the second one goes on in the page that is not there */
    enum rv64_stop stop = rv64_run(&r, &bus, 10);
    result(stop == RV64_FETCH_FAULT && r.pc == CODE + RV64_PAGE - 2 && r.tval == CODE + RV64_PAGE &&
               r.retired == 1,
           "an instruction whose second half can't be fetched");
    r.pc = DATA;
    stop = rv64_run(&r, &bus, 1);
    result(stop == RV64_FETCH_FAULT && r.pc == DATA && r.tval == DATA, "code in a page without the right");
}

static void test_reservation(void)
{
    static const uint32_t code[] = {
        0x1005352f, /* lr.d a0, (a0) */
        0x18b6b62f, /* sc.d a2, a1, (a3) */
    };
    struct rv64_regs r = {.pc = CODE, .x[10] = DATA, .x[11] = 42, .x[12] = 7, .x[13] = DATA};

    put_code(CODE, code, sizeof code);
    bool good = rv64_run(&r, &bus, 1) == RV64_BUDGET && rv64_run(&r, &bus, 1) == RV64_BUDGET;
    result(good && r.x[12] == 0 && machine.memory[DATA - BASE] == 42, "a reservation lasts over runs");

    r.pc = CODE;
    r.x[10] = DATA;
    good = rv64_run(&r, &bus, 1) == RV64_BUDGET;
    machine.memory[DATA - BASE] = 43;
    good = good && rv64_run(&r, &bus, 1) == RV64_BUDGET;
    result(good && r.x[12] == 1 && machine.memory[DATA - BASE] == 43, "another write ends a reservation");

    r.pc = CODE;
    r.x[10] = DATA + 8;
    good = rv64_run(&r, &bus, 2) == RV64_BUDGET;
    result(good && r.x[12] == 1, "sc elsewhere fails");
}

static void test_counters(void)
{
    static const uint32_t code[] = {
        0xc0002573, /* rdcycle a0 */
        0xc01025f3, /* rdtime a1 */
        0xc0202673, /* rdinstret a2 */
        0x0000000f, /* fence */
    };
    struct rv64_regs r = {.pc = CODE, .retired = 100};

    put_code(CODE, code, sizeof code);
    enum rv64_stop stop = rv64_run(&r, &bus, 4);
    result(stop == RV64_BUDGET && r.pc == CODE + sizeof code && r.x[10] == 100 && r.x[11] == 12345 &&
               r.x[12] == 102 && r.retired == 104,
           "counters, and the budget");
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fatal("usage: rv64_test QEMU PROGRAM COMPRESSED EXPANDED");
    test_compressed(argv[3], argv[4]);
    test_reserved();
    test_program(argv[1], argv[2]);
    make_pages();
    for (size_t i = 0; i < sizeof stop_cases / sizeof stop_cases[0]; i++)
        test_stop(&stop_cases[i]);
    test_fetch();
    test_reservation();
    test_counters();
    printf("1..%u\n", tests);
    return failures != 0;
}
