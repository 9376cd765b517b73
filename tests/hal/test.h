/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HAL conformance suite: what its files share.  README.md explains how the suite works and how to add a case.
 *
 * The suite stands in the place of the machine-independent kernel.  It answers the upcalls itself (core.c), so a case
 * is straight-line code: test_resume() lets the CPU run a user context and returns the upcall that ended the run.
 */
#ifndef HAL_TEST_H
#define HAL_TEST_H

#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <machine.h>

#define TEST_CPU_MAX 16u /* CPUs that the suite starts */

/* ---- Cases (report.c) ---- */

struct test_case {
    const char *function; /* of the HAL */
    const char *clause;   /* of its contract */
    void (*run)(void);
};

struct test_group {
    const char *name;
    const struct test_case *cases;
    uint32_t count;
};

#define TEST_GROUP(symbol, title, list)                                                                      \
    const struct test_group symbol = {title, list, sizeof(list) / sizeof((list)[0])}

extern const struct test_group test_info, test_console, test_cpu, test_uctx, test_trap, test_registers,
    test_fault, test_fpu, test_umem, test_pte, test_pt, test_protection, test_irq, test_line, test_time,
    test_idle, test_debug, test_contract, test_power;

/* The present case fails unless the condition holds.  The case goes on. */
#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            test_fail(__FILE__, __LINE__, #condition);                                                       \
    } while (0)

#define EXPECT_EQ(value, expected)                                                                           \
    do {                                                                                                     \
        uint64_t value_ = (uint64_t)(value), expected_ = (uint64_t)(expected);                               \
        if (value_ != expected_)                                                                             \
            test_fail_value(__FILE__, __LINE__, #value, value_, expected_);                                  \
    } while (0)

void test_fail(const char *file, int line, const char *text);
void test_fail_value(const char *file, int line, const char *text, uint64_t value, uint64_t expected);

/* This machine lacks what the case is about. */
void test_skip(const char *why);

/* Has the present case failed?  For loops that would repeat themselves. */
bool test_failed(void);

/* Run every group on the boot CPU, report, switch the machine off. */
HAL_NORETURN void test_main(void);
HAL_NORETURN void test_power_off(void); /* power.c */

/* A line that ends the boot in failure: the suite itself can't go on. */
HAL_NORETURN void test_bail_out(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- Upcalls (core.c) ---- */

enum test_kind {
    TEST_BOOT,
    TEST_CPU_MAIN,
    TEST_TRAP,
    TEST_PAGE_FAULT,
    TEST_EXCEPTION,
    TEST_FPU_FAULT,
    TEST_INTERRUPT,
    TEST_KINDS
};

struct test_event {
    enum test_kind kind;
    struct uctx *u;
    uint64_t number;       /* TEST_TRAP */
    hal_va_t va;           /* TEST_PAGE_FAULT */
    unsigned access;       /* TEST_PAGE_FAULT */
    int exception;         /* TEST_EXCEPTION */
    int64_t code, subcode; /* TEST_EXCEPTION */
};

/* Let this CPU run `u`; returns the next upcall. */
struct test_event test_resume(struct uctx *u);

/* Let this CPU idle; returns the upcall of the interrupt that ended it. */
struct test_event test_idle_wait(void);

/*
 * While set, `filter` sees this CPU's upcalls first, on the CPU's own stack.  Returns what to resume, or NULL: the upcall
 * goes to the case.
 */
typedef struct uctx *(*test_filter_t)(const struct test_event *event);
void test_filter(test_filter_t filter);

/* Run `function` on the CPU's own stack, at upcall level. */
void test_on_cpu_stack(void (*function)(void));

/* Run `function` on the other CPU `index` / begin that / wait until it is done. Context: the boot CPU. */
void test_cpu_run(uint32_t index, void (*function)(void *arg), void *arg);
void test_cpu_begin(uint32_t index, void (*function)(void *arg), void *arg);
void test_cpu_wait(uint32_t index);

/* CPUs that run the suite: indices 0 .. n - 1. Start the others. */
uint32_t test_cpu_count(void);
void test_cpus_start(void);

/* What kern_cpu_main() and hal_cpu_start() saw of a CPU. */
struct test_start {
    enum hal_status status;
    uint32_t mains;     /* calls of kern_cpu_main() */
    bool self_passed;   /* its argument was the CPU's structure */
    bool self_answered; /* and so was hal_cpu_self() */
};
const struct test_start *test_cpu_started(uint32_t index);
struct cpu *test_cpu_structure(uint32_t index);
uint32_t test_cpu_index(void);

/* What kern_message_right() saw on this CPU, by its step, and whether it lets a right go. */
struct test_right {
    struct uctx *u[HAL_RIGHT_PASS + 1];
    unsigned asked[HAL_RIGHT_PASS + 1];
    bool goes;
};
struct test_right *test_right(void);

/* What kern_boot() saw. */
struct test_boot {
    const struct hal_info *info;
    struct cpu *early_self; /* hal_cpu_self() before hal_cpu_boot_set() */
};
extern struct test_boot test_boot;

/* Of this CPU's upcalls so far: how many, and how many began in a state that hal/upcall.h excludes. */
uint64_t test_upcalls(void);
uint64_t test_upcalls_bad(void);

/* ... of CPU `index`. */
uint64_t test_cpu_upcalls(uint32_t index);

/* ---- Panics ---- */

enum test_panic { TEST_NO_PANIC, TEST_TRAP_PANIC, TEST_CONTRACT_PANIC };

/* Run `function`, which may panic; returns how it did.  *frame: of a TEST_TRAP_PANIC; may be NULL. */
enum test_panic test_panics(void (*function)(uint64_t arg), uint64_t arg, struct hal_trap_frame *frame);

/* For functions that call what is no function: the check of the target's type would read in front of it. */
#define TEST_WILD_CALL __attribute__((no_sanitize("kcfi")))

/* ---- Memory (memory.c) ---- */

void test_memory_init(void);

/* A zeroed page / `bytes` of RAM aligned to their size, a power of two.  Never freed. addr 0: there is none. */
hal_pa_t test_page(void);
hal_pa_t test_block(uint64_t bytes);

#define TEST_ATTR_RX (HAL_ATTR_R | HAL_ATTR_X | HAL_ATTR_U | HAL_ATTR_ACCESSED)
#define TEST_ATTR_R (HAL_ATTR_R | HAL_ATTR_U | HAL_ATTR_ACCESSED)
#define TEST_ATTR_RW (HAL_ATTR_R | HAL_ATTR_W | HAL_ATTR_U | HAL_ATTR_ACCESSED | HAL_ATTR_DIRTY)

/* An address space with the user code at TEST_CODE. */
struct test_space {
    hal_pa_t root;
    hal_asid_t asid;
    uint64_t token;
};

#define TEST_CODE 0x400000ul  /* the user code of machine.S */
#define TEST_DATA 0x600000ul  /* a page, readable and writable */
#define TEST_STACK 0x800000ul /* sp of contexts: nothing is mapped there */
#define TEST_HOLE 0xa00000ul  /* nothing is mapped in this page or the next */
#define TEST_FREE 0xc00000ul  /* where cases map pages of their own */

/* A new space with TEST_CODE and TEST_DATA, not active. */
void test_space_init(struct test_space *space, hal_asid_t asid);

/* The entry for `va` at `level`; its tables are made where they are missing. */
hal_pte_t *test_entry(const struct test_space *space, hal_va_t va, unsigned level);

/* Write a leaf and make it visible to this CPU. */
void test_map(const struct test_space *space, hal_va_t va, hal_pa_t pa, unsigned attr, unsigned level);

/* The kernel's address of the page at `va`. */
void *test_page_at(const struct test_space *space, hal_va_t va);

/* The space of cases that need no other; active on this CPU from here on. */
const struct test_space *test_space(void);
void test_space_activate(const struct test_space *space);

/* Where the user code at `label` (machine.S) is in user space. */
hal_va_t test_code(const char *label);

/* ---- User contexts (user.c) ---- */

/* A thread of the suite: hal_uctx_init() at `label` with TEST_STACK, no thread pointer, and `arg`. */
struct uctx *test_thread(uint32_t n, const char *label, uint64_t arg);
#define TEST_THREADS 4u

/* General registers, as hal_uctx_get_state() gives them. */
struct test_regs {
    uint64_t word[MACHINE_WORDS];
};

/* A different value in every register; a user's stack and thread pointer; pc at `label`. */
struct test_regs test_pattern(uint64_t seed, const char *label);

struct test_regs test_get(const struct uctx *u);
void test_set(struct uctx *u, const struct test_regs *regs);

/* EXPECT that in `regs` the registers of `mask` are as in `expected`. */
void test_same(const struct test_regs *regs, const struct test_regs *expected, uint64_t mask, int line);
/* EXPECT that the registers of `mask` are zero. */
void test_zero(const struct test_regs *regs, uint64_t mask, int line);

#define BIT(n) (UINT64_C(1) << (n))
#define MACHINE_ALL (BIT(MACHINE_WORDS) - 1)

/*
 * The registers of the device at `pa` (always the same page).  The HAL maps no device for the kernel, so this is a kernel
 * page in the user part of test_space(), which must be active.
 */
volatile void *test_device(hal_pa_t pa);

/* A pseudo-random number; the same sequence in every boot. */
uint64_t test_random(void);

/* Spin for that long by the HAL's clock. */
void test_delay_us(uint64_t microseconds);
hal_ticks_t test_ticks(uint64_t microseconds);

/* Take and complete every interrupt that is pending; returns how many there were. */
uint32_t test_drain(void);

/* Resume `u` over and over, completing interrupts, until something else happens. */
struct test_event test_resume_through_interrupts(struct uctx *u);

#endif
