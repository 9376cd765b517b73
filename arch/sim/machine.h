/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of arch/sim share.
 *
 *   machine.c   a run: configuration, snapshot of the kernel's variables, chance, end
 *   boot.c      memory, boot archive, struct hal_info
 *   trace.c     console, events, and the report of a run that failed
 *   cpu.c       one CPU: user mode, entry, upcalls, exit
 *   mmu.c       walker, TLBs, user memory;  irq.c  interrupts and time;  uctx.c  contexts
 *
 * What carries them on the host (host/): user.c  C functions as user programs;  context.c  stacks;  turns.c  CPUs take turns
 * in one host thread (deterministic);  threads.c  CPUs are host threads (TSan).  rv64/ interprets user code.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "host/context.h"

#include <arch/uctx.h>
#include <hal/hal.h>
#include <setjmp.h>
#include <sim/sim.h>

#define TLB_SETS 16u
#define TLB_WAYS 4u
#define WALK_CACHE 8u
#define IRQ_LINES 16u
#define ALARM_ADDRESS 0x101000u /* as on riscv64's virt */
#define NEVER UINT64_MAX
#define FPU_SIZE 320u /* 32 registers and fcsr, a multiple of 64 */

struct tlb_entry {
    bool valid;
    uint16_t asid;
    unsigned attr; /* 0: there is no page (tlb_negative) */
    hal_va_t va;
    uint64_t pa;
    hal_pte_t *slot; /* the entry that was read: where `dirty` is set */
    unsigned level;  /* of its table; of a block, each page that was used has an entry */
};

/* A table of level 0 that the walker found: it does not read the levels above again. */
struct walk_entry {
    bool valid;
    uint16_t asid;
    hal_va_t va; /* of the first page that the table covers */
    uint64_t table;
};

enum event_kind {
    EVENT_BOOT,
    EVENT_START,
    EVENT_TRAP, /* registers: number and arguments; pc behind the instruction */
    EVENT_FAULT,
    EVENT_EXCEPTION,
    EVENT_FPU,
    EVENT_INTERRUPT,
    EVENT_STEP, /* of a C function: nothing but a chance to be interrupted */
};

/* Why a CPU stops what it does outside the kernel. */
struct event {
    enum event_kind kind;
    hal_va_t va; /* FAULT */
    unsigned access;
    int exception; /* EXCEPTION */
    int64_t code, subcode;
};

/* A thread that is a C function: its host stack, and where the thread stands. Found by the context that it belongs to. */
struct fiber {
    struct sim_context context;
    struct fiber *next; /* with the same hash, or of the free ones */
    const struct uctx *owner;
    unsigned program;
    uint64_t arg;
    struct event event; /* why it left */
    uint64_t pc;        /* where it stands */
    bool skip;          /* it was resumed behind that instruction */
};

struct sim_cpu {
    uint32_t index;
    struct cpu *self; /* the kernel's; arch_boot_cpu at first */
    enum sim_cpu_mode mode;
    struct sim_context context; /* of its loop, and of the kernel */
    jmp_buf empty;              /* the loop, with nothing of the kernel on the stack */
    struct uctx *uctx;          /* the context that it runs */
    struct fiber *fiber;        /* ... if that is a C function */
    bool in_fiber;              /* its stack is in use */
    struct rv64_regs regs;      /* the user's registers, while it runs */
    struct event event;

    uint64_t token;
    struct tlb_entry tlb[TLB_SETS][TLB_WAYS];
    struct walk_entry walk[WALK_CACHE];

    uint64_t deadline; /* NEVER: off */
    uint64_t ipi_time; /* when the interrupt that was sent arrives; NEVER: none (atomic) */
    bool spurious;     /* an interrupt that nobody sent arrived */
    uint32_t claimed;  /* HAL_IRQ_NONE: none */
    bool halted;
};

struct irq_line {
    bool enabled;
    bool level;   /* as it is now */
    bool latched; /* an edge arrived and was not taken */
    bool active;  /* claimed, not complete */
    enum hal_irq_mode mode;
    uint32_t cpu;
};

struct sim_machine {
    struct sim_config config;
    bool running;
    struct sim_cpu cpu[HAL_CPU_MAX];
    struct irq_line line[IRQ_LINES];
    struct sim_result result;
    bool armed; /* failures */
};

extern struct sim_machine sim;
extern ARCH_CPU_LOCAL struct sim_cpu *sim_this; /* the CPU that makes the current step */

/* Other CPUs look at a CPU's mode. */
static inline void sim_mode_set(struct sim_cpu *cpu, enum sim_cpu_mode mode)
{
    __atomic_store_n(&cpu->mode, mode, __ATOMIC_RELEASE);
}

static inline enum sim_cpu_mode sim_mode(const struct sim_cpu *cpu)
{
    return __atomic_load_n(&cpu->mode, __ATOMIC_ACQUIRE);
}

/* ---- machine.c ---- */

/* The next number of the machine's own stream: below `n`; true once in n on average (n == 0: never). */
uint64_t sim_below(uint64_t n);
bool sim_one_in(uint64_t n);

/* Begin a stream of random numbers for this run. */
void sim_chance_seed(uint64_t stream);

/* The run ends. `message` may be NULL. */
_Noreturn void sim_end(enum sim_end end, const char *message);

/* Note an event in trace and hash. */
void sim_trace(const char *what, uint64_t a, uint64_t b);

/* Pass a point that may fail. Returns whether it does. (The other kind is hal_copyin() and hal_copyout().) */
bool sim_alloc_fails(void);
bool sim_copy_fails(void);

/* Set up memory and hal_info for a run. */
void sim_boot_prepare(void);

/* ---- trace.c ---- */

void sim_trace_reset(void);

/* Did the console show a panic?  Then its line. */
bool sim_trace_panicked(char *line, size_t size);

/* Console and hash. */
void sim_trace_result(struct sim_result *result);

/* ---- cpu.c ---- */

/* The loop of a CPU; the argument is its struct sim_cpu. */
void sim_cpu_main(void *cpu);

/* ---- host/user.c ---- */

/* Is `pc` that of a C function? */
bool sim_is_program(uint64_t pc);

/* Run the C function at pc of cpu->regs until something happens. */
struct event sim_program_run(struct sim_cpu *cpu);

/* Forget the threads of a run. */
void sim_fibers_reset(void);

/* ---- mmu.c ---- */

/* Where `cpu` finds user address `va` for `access`, good up to the end of the page; NULL: it faults. */
void *sim_translate(struct sim_cpu *cpu, hal_va_t va, unsigned access);
void sim_tlb_reset(struct sim_cpu *cpu);

/* Lose an entry of each kind by chance. */
void sim_tlb_evict(struct sim_cpu *cpu);

/* ---- irq.c ---- */

void sim_irq_reset(void);

/* The line of the alarm follows its registers, which a user may have written. */
void sim_alarm_update(void);

bool sim_irq_waiting(const struct sim_cpu *cpu);

/* When the next interrupt of `cpu` comes, if no other CPU does anything. NEVER: none will. */
uint64_t sim_irq_next(const struct sim_cpu *cpu);

/* ---- host/turns.c or host/threads.c: whose step is next ---- */

/* Run the machine from kern_boot() to sim_end(). */
void sim_layer_run(void);

/* Is a run's course decided by its seed alone? */
bool sim_layer_deterministic(void);

/* Is the caller the first that ends the run?  Has it ended, so that every CPU returns from its loop? */
bool sim_layer_ends(void);
bool sim_layer_ended(void);

/* Leave the machine for sim_layer_run(). */
_Noreturn void sim_layer_end(void);

/* CPU `cpu` begins. */
void sim_layer_start(struct sim_cpu *cpu);

/* Others may make their steps now: in kernel code, in a turn of hal_cpu_pause(), in user mode. */
void sim_layer_kernel_step(void);
void sim_layer_pause(void);
void sim_layer_user_steps(uint64_t n);

/* Is it time for sim_layer_user_steps() with the steps of a C function that were counted?  Counts one. */
bool sim_layer_user_step(void);

/* User instructions that may be interpreted at a time. */
uint64_t sim_layer_user_budget(void);

/* This CPU waits until an interrupt is there. */
void sim_layer_idle(void);

/* ... for ever. */
_Noreturn void sim_layer_halt(void);

/* Something changed for `cpu`: it may have to leave idle. */
void sim_layer_wake(struct sim_cpu *cpu);

/* Let the CPUs that are inside the kernel leave it. Returns whether all did. */
bool sim_layer_quiet(void);

/* Call a function that may use the kernel's: without anybody else's steps in between. */
void sim_layer_call(void (*function)(void *arg), void *arg);

/* Around what CPUs share in arch/sim, if they can be there at a time. */
void sim_layer_lock(void);
void sim_layer_unlock(void);

/* Progress: a kernel exit. */
void sim_layer_progress(void);

/* Time in ticks (nanoseconds). */
uint64_t sim_layer_now(void);

/* ---- uctx.c ---- */

/* Save the registers of this CPU in a context, as a call frame without (saved_call) and then with its arguments
 * (saved_args), or in full; load them. */
void sim_save_callee(struct uctx *u, const struct rv64_regs *r);
void sim_save_arguments(struct uctx *u, const struct rv64_regs *r);
void sim_save_full(struct uctx *u, const struct rv64_regs *r);
void sim_load_registers(struct rv64_regs *r, const struct uctx *u);

/* ---- fastpath.c ---- */

/* The fast path for the trap of `cpu`. Returns the context to resume, or NULL: it declined. */
struct uctx *sim_fast_call(struct sim_cpu *cpu);
struct uctx *sim_fast_reply_wait(struct sim_cpu *cpu);
/* The same for MACH_TRAP_MSG, all of whose arguments are in the CPU's context. If it declines, the trap that goes on in
 * kern_syscall() may be that of another context, which is the CPU's then. */
struct uctx *sim_fast_message(void);

#endif
