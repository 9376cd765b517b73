/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C functions as user programs.
 *
 * Function k stands for a piece of code at PROGRAM_BASE + k * PROGRAM_SIZE, of which each kind of instruction has its
 * place.  A thread whose pc is at its start gets a host stack and calls the function.  The function runs on that stack until it needs
 * the kernel; then it leaves for its CPU, with the pc at the instruction in question.  When the CPU resumes a context, its pc
 * tells how the function goes on: at the instruction: again; behind it: with what the registers hold; at the start of a function:
 * from there, and what the thread was doing is forgotten.  Anything else is no instruction.
 */
#include "../machine.h"

#include <mach/exception_types.h>
#include <mach/rpc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM_BASE 0x3f00000000ull
#define PROGRAM_SIZE 128u
#define PROGRAMS_MAX 1024u
#define INSTRUCTION_SIZE 4u
#define CAUSE_ILLEGAL 2

enum place { /* of the instructions of a function */
             PLACE_START = 0,
             PLACE_TRAP = 16,
             PLACE_ACCESS = 32,
             PLACE_FP = 48,
             PLACE_EXCEPTION = 64,
             PLACE_STEP = 80,
             PLACE_END = 96,
};

#define FIBER_HASH 256u

static sim_program_t program[PROGRAMS_MAX];
static unsigned program_count;

static struct fiber *fiber_table[FIBER_HASH]; /* by owner */
static struct fiber *fiber_free;

/* ---- functions ---- */

uint64_t sim_program_pc(sim_program_t function)
{
    unsigned i = 0;

    sim_layer_lock();
    while (i < program_count && program[i] != function)
        i++;
    if (i == PROGRAMS_MAX)
        abort();
    if (i == program_count) {
        program[i] = function;
        __atomic_store_n(&program_count, i + 1, __ATOMIC_RELEASE);
    }
    sim_layer_unlock();
    return PROGRAM_BASE + (uint64_t)i * PROGRAM_SIZE;
}

bool sim_is_program(uint64_t pc)
{
    return pc - PROGRAM_BASE < (uint64_t)__atomic_load_n(&program_count, __ATOMIC_ACQUIRE) * PROGRAM_SIZE;
}

static uint64_t program_pc(unsigned index, enum place place)
{
    return PROGRAM_BASE + (uint64_t)index * PROGRAM_SIZE + (uint64_t)place;
}

/* ---- fibers ---- */

static struct fiber **fiber_bucket(const struct uctx *u)
{
    return &fiber_table[(uintptr_t)u / sizeof(struct uctx) % FIBER_HASH];
}

static struct fiber *fiber_of(const struct uctx *u)
{
    sim_layer_lock();
    struct fiber *f = *fiber_bucket(u);
    while (f != NULL && f->owner != u)
        f = f->next;
    sim_layer_unlock();
    return f;
}

static struct fiber *fiber_create(const struct uctx *u)
{
    struct fiber **bucket = fiber_bucket(u);

    sim_layer_lock();
    struct fiber *f = fiber_free;
    if (f != NULL) {
        fiber_free = f->next;
    } else {
        f = calloc(1, sizeof *f);
        if (f == NULL)
            abort();
        sim_context_init(&f->context);
    }
    f->owner = u;
    f->next = *bucket;
    *bucket = f;
    sim_layer_unlock();
    return f;
}

void sim_fibers_reset(void)
{
    for (unsigned i = 0; i < FIBER_HASH; i++) {
        while (fiber_table[i] != NULL) {
            struct fiber *f = fiber_table[i];
            fiber_table[i] = f->next;
            f->next = fiber_free;
            fiber_free = f;
        }
    }
}

/* The CPU whose user code this is. Not inlined: the code may go on on another CPU after it left. */
static __attribute__((noinline)) struct sim_cpu *here(void)
{
    return sim_this;
}

/* Leave for the CPU with the pc at an instruction. Returns when the thread is resumed there or behind it. */
static void fiber_leave(struct event event, enum place place, unsigned behind)
{
    struct sim_cpu *cpu = here();
    struct fiber *f = cpu->fiber;

    f->event = event;
    f->pc = program_pc(f->program, place) + behind;
    cpu->regs.pc = f->pc;
    cpu->in_fiber = false;
    sim_context_switch(&f->context, &cpu->context);
}

static void fiber_main(void *arg)
{
    struct fiber *f = arg;

    program[f->program](f->arg);
    for (;;)
        fiber_leave(
            (struct event){.kind = EVENT_EXCEPTION, .exception = EXC_BAD_INSTRUCTION, .code = CAUSE_ILLEGAL},
            PLACE_END, 0);
}

/* Find how the thread goes on. Returns false if there is nothing to execute at its pc. */
static bool fiber_prepare(struct sim_cpu *cpu)
{
    struct fiber *f = fiber_of(cpu->uctx);
    uint64_t pc = cpu->regs.pc;
    uint64_t index = (pc - PROGRAM_BASE) / PROGRAM_SIZE;

    cpu->fiber = f;
    if (pc % PROGRAM_SIZE == PLACE_START) {
        if (f == NULL)
            f = fiber_create(cpu->uctx);
        f->program = (unsigned)index;
        f->arg = cpu->regs.x[UCTX_A0];
        sim_context_start(&f->context, fiber_main, f);
        cpu->fiber = f;
        return true;
    }
    if (f == NULL || f->program != index)
        return false;
    f->skip = pc == f->pc + INSTRUCTION_SIZE && f->event.kind != EVENT_STEP && f->event.kind != EVENT_TRAP;
    return pc == f->pc || f->skip;
}

struct event sim_program_run(struct sim_cpu *cpu)
{
    if (!fiber_prepare(cpu)) {
        struct fiber *f = cpu->fiber;
        if (f != NULL && f->event.kind == EVENT_TRAP && cpu->regs.pc + INSTRUCTION_SIZE == f->pc) {
            cpu->regs.pc = f->pc; /* hal_uctx_restart(): the same trap */
            return f->event;
        }
        return (struct event){
            .kind = EVENT_EXCEPTION, .exception = EXC_BAD_INSTRUCTION, .code = CAUSE_ILLEGAL};
    }
    cpu->in_fiber = true;
    sim_context_switch(&cpu->context, &cpu->fiber->context);
    struct event event = cpu->fiber->event;
    if (event.kind == EVENT_STEP)
        sim_layer_user_steps(1);
    return event;
}

/* ---- what a program can do ---- */

/* One user step: interrupts, and other CPUs, come in between. */
void sim_step(void)
{
    struct sim_cpu *cpu = here();

    if (sim_layer_user_step() || sim_irq_waiting(cpu))
        fiber_leave((struct event){.kind = EVENT_STEP}, PLACE_STEP, 0);
}

struct rv64_regs *sim_registers(void)
{
    return &here()->regs;
}

uint64_t sim_trap(unsigned number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                  uint64_t a5, uint64_t a6)
{
    const uint64_t argument[HAL_UCTX_ARGS] = {a0, a1, a2, a3, a4, a5, a6};

    sim_step();
    uint64_t *x = here()->regs.x;
    for (unsigned i = 0; i < HAL_UCTX_ARGS; i++)
        x[i < 2 ? UCTX_A0 + i : UCTX_A3 + i - 2] = argument[i];
    x[UCTX_A2] = number;
    fiber_leave((struct event){.kind = EVENT_TRAP}, PLACE_TRAP, INSTRUCTION_SIZE);
    return here()->regs.x[UCTX_A2];
}

uint64_t sim_trap_rpc(unsigned number, struct sim_rpc *m)
{
    sim_step();
    uint64_t *x = here()->regs.x;
    x[UCTX_A0] = m->remote;
    x[UCTX_A1] = (uint64_t)m->more << 32 | m->local;
    x[UCTX_A2] = number;
    x[UCTX_T2] = m->header;
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        x[uctx_word(i)] = m->word[i];
    fiber_leave((struct event){.kind = EVENT_TRAP}, PLACE_TRAP, INSTRUCTION_SIZE);
    x = here()->regs.x;
    m->remote = (uint32_t)x[UCTX_A0];
    m->label = x[UCTX_A1];
    m->header = x[UCTX_T2];
    for (unsigned i = 0; i < HAL_RPC_WORDS; i++)
        m->word[i] = x[uctx_word(i)];
    return x[UCTX_A2];
}

void sim_exception(int exception, int64_t code, int64_t subcode)
{
    do
        fiber_leave(
            (struct event){.kind = EVENT_EXCEPTION, .exception = exception, .code = code, .subcode = subcode},
            PLACE_EXCEPTION, 0);
    while (!here()->fiber->skip);
}

/* ---- memory ---- */

/* Where the host finds `va`; NULL: the access was skipped. */
static void *reach(uint64_t va, unsigned access)
{
    for (;;) {
        sim_step();
        struct sim_cpu *cpu = here();
        if (sim_one_in(sim.config.tlb_evict))
            sim_tlb_evict(cpu);
        void *p = sim_translate(cpu, va, access);
        if (p != NULL && !sim_one_in(sim.config.spurious_fault))
            return p;
        fiber_leave((struct event){.kind = EVENT_FAULT, .va = va, .access = access}, PLACE_ACCESS, 0);
        if (here()->fiber->skip)
            return NULL;
    }
}

/* Between user memory and a variable, in one piece; ThreadSanitizer does not look at what users do. */
__attribute__((no_sanitize("thread"))) static void move(volatile void *to, const volatile void *from,
                                                        size_t n)
{
    switch (n) {
    case 8:
        *(volatile uint64_t *)to = *(const volatile uint64_t *)from;
        break;
    case 4:
        *(volatile uint32_t *)to = *(const volatile uint32_t *)from;
        break;
    default:
        *(volatile uint8_t *)to = *(const volatile uint8_t *)from;
        break;
    }
}

/* The size of the aligned piece that begins at `va`, of n bytes. */
static size_t piece(uint64_t va, size_t n)
{
    return va % 8 == 0 && n >= 8 ? 8 : va % 4 == 0 && n >= 4 ? 4 : 1;
}

void sim_load(void *to, uint64_t va, size_t n)
{
    for (size_t done = 0, part; done < n; done += part) {
        uint64_t value;
        part = piece(va + done, n - done);
        const void *from = reach(va + done, HAL_ACCESS_READ);
        if (from == NULL)
            continue;
        move(&value, from, part);
        memcpy((char *)to + done, &value, part);
    }
}

void sim_store(uint64_t va, const void *from, size_t n)
{
    for (size_t done = 0, part; done < n; done += part) {
        uint64_t value = 0;
        part = piece(va + done, n - done);
        void *to = reach(va + done, HAL_ACCESS_WRITE);
        if (to == NULL)
            continue;
        memcpy(&value, (const char *)from + done, part);
        move(to, &value, part);
    }
}

#define ACCESS(bits)                                                                                         \
    uint##bits##_t sim_load##bits(uint64_t va)                                                               \
    {                                                                                                        \
        uint##bits##_t value = 0;                                                                            \
        sim_load(&value, va, sizeof value);                                                                  \
        return value;                                                                                        \
    }                                                                                                        \
    void sim_store##bits(uint64_t va, uint##bits##_t value)                                                  \
    {                                                                                                        \
        sim_store(va, &value, sizeof value);                                                                 \
    }
ACCESS(64)
ACCESS(32)
ACCESS(8)

void sim_execute(uint64_t va)
{
    (void)reach(va, HAL_ACCESS_EXEC);
}

bool sim_compare_and_swap64(uint64_t va, uint64_t expected, uint64_t desired)
{
    uint64_t *p = reach(va, HAL_ACCESS_WRITE);

    return p != NULL &&
           __atomic_compare_exchange_n(p, &expected, desired, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* ---- floating point ---- */

/* Wait until it is enabled. Returns false if the instruction was skipped. */
static bool fp_ready(void)
{
    sim_step();
    while (!here()->regs.fp_on) {
        fiber_leave((struct event){.kind = EVENT_FPU}, PLACE_FP, 0);
        if (here()->fiber->skip)
            return false;
    }
    return true;
}

uint64_t sim_fp_get(unsigned i)
{
    return fp_ready() ? here()->regs.f[i] : 0;
}

void sim_fp_set(unsigned i, uint64_t value)
{
    if (fp_ready())
        here()->regs.f[i] = value;
}

/* ---- text ---- */

#define PRINT_MAX 512

void sim_print(uint64_t va, const char *format, ...)
{
    char text[PRINT_MAX];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_store(va, text, (size_t)(length < PRINT_MAX ? length : PRINT_MAX - 1) + 1);
    (void)sim_trap(MACH_TRAP_PRINT, va, 0, 0, 0, 0, 0, 0);
}
