/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated machine: the machine-independent kernel, compiled as it is, in an ordinary process.
 *
 * sim_run() boots a machine with a seed and returns when it is switched off, panics, gets stuck or fails a check.  It can
 * be called again and again: each run begins with the kernel's variables as they were linked.  One seed decides
 * everything that a real machine leaves open: which CPU makes the next step and for how long, when interrupts arrive,
 * what a TLB replaces.  The same configuration gives the same console and the same hash.
 *
 * A user program is a C function with a host stack of its own, or RISC-V code that is interpreted (rv64.h).  Both use user
 * memory only through the TLB of the CPU that runs them, and enter the kernel by the same trap.
 *
 * docs/design/sim.md tells how to write a scenario.
 */
#ifndef SIM_H
#define SIM_H

#include <sim/rv64/rv64.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- A run ---- */

/* A user program, or the start of a thread: `arg` is the first argument register. To return is an illegal instruction. */
typedef void (*sim_program_t)(uint64_t arg);

/* Zero means the default for every field but those that say otherwise: start from sim_config_default(). */
struct sim_config {
    uint64_t seed;
    uint32_t cpus;
    uint64_t cpus_refused; /* a bit each: hal_cpu_start() fails */
    uint64_t cpus_silent;  /* a bit each: never comes up */

    /* Physical memory. It does not begin at 0, and comes in `memory_ranges` pieces with holes between them. */
    uint64_t memory; /* bytes */
    uint32_t memory_ranges;
    uint8_t memory_fill; /* what every byte is before boot */

    /* Address translation. */
    uint32_t pt_levels; /* 3 to 5 */
    uint32_t asid_bits; /* 0: TLBs without ASIDs */
    bool tlb_broadcast; /* hal_tlb_flush_* reach every CPU (not with CPUs as host threads) */
    bool tlb_negative;  /* TLBs cache that a page is not there, until hal_pt_publish() */
    bool hardware_ad;   /* the walker sets accessed and dirty; else their absence faults */

    uint32_t irq_messages; /* how many of the interrupt lines are messages: the last ones */

    bool fast_path; /* the register fast path of IPC; off: all RPC takes the general path */

    /* Time: it advances by this much with each step of the kernel and each user access or trap. */
    uint64_t step_ns;

    /* What varies, as the mean number of events from one to the next; 0: never. */
    uint32_t switch_mean;    /* steps of kernel code until another CPU makes one; 0: only where a CPU waits */
    uint32_t irq_delay_max;  /* steps by which an interrupt may come late */
    uint32_t spurious_irq;   /* user steps until an interrupt that nobody sent */
    uint32_t spurious_fault; /* user accesses until one faults although its page is mapped */
    uint32_t tlb_evict;      /* user accesses until a TLB entry is lost */

    /* Failures (tests/sim/failure.c): the n-th of these requests fails, counted from 1 and from sim_failures_arm(). */
    uint64_t fail_alloc; /* a request for kernel memory: pages, objects of a cache, or bytes */
    uint64_t fail_copy;  /* hal_copyin() or hal_copyout() */
    uint32_t copy_fault; /* mean number of copies until one faults although its pages are mapped; 0: never */

    /* What is started: the first task runs `program`, or is `bootstrap` of an archive (cpio newc). */
    sim_program_t program;
    const void *archive; /* if not NULL: used instead of `program` */
    size_t archive_size;
    const char *cmdline; /* may be NULL */
    const char *input;   /* what hal_console_getc() returns, then nothing; may be NULL */
    void *user;          /* for the program and the hook: sim_user_data() */

    /*
     * Called on every `quiet_every`-th kernel exit (0: never), at a quiet moment: no CPU is inside the kernel.  The CPUs
     * that are inside when it is due are run until they leave. It may read all of the kernel, and call sim_fail().
     */
    void (*quiet)(void *user);
    uint64_t quiet_every;

    uint64_t steps_max; /* the run fails if it takes more */
    bool echo;          /* the console goes to standard output as well */
    bool trace;         /* every event goes to standard error as it happens */
};

enum sim_end {
    SIM_POWEROFF, /* hal_system_reset(), HAL_RESET_POWEROFF */
    SIM_REBOOT,   /* hal_system_reset(), HAL_RESET_REBOOT */
    SIM_PANIC,    /* the kernel said "panic: " */
    SIM_STUCK,    /* no CPU makes progress, or all wait for ever */
    SIM_FAILED,   /* sim_fail() */
    SIM_STEPS,    /* steps_max */
};

struct sim_result {
    enum sim_end end;
    char message[512]; /* why, unless SIM_POWEROFF or SIM_REBOOT */
    uint64_t hash;     /* of all events and of the console */
    uint64_t steps;
    uint64_t exits;    /* from the kernel to user mode or to idle */
    uint64_t switches; /* of the CPU that makes the next step */
    uint64_t time_ns;
    uint64_t quiet_calls;
    uint64_t
        alloc_points; /* requests for memory, and copies, since sim_failures_arm(): what fail-nth counts through */
    uint64_t copy_points;
    const char *console; /* valid until the next run */
    size_t console_size;
};

/*
 * The defaults: 1 CPU, 16 MiB in 3 ranges, 4 levels, ASIDs of 3 bits, hardware_ad, the fast path, 10 ns a step, another
 * CPU every 200 steps; no delays, no failures.
 */
struct sim_config sim_config_default(void);

/* The defaults, with all that may vary chosen by `seed`: MMU, number of memory ranges, rates, the fast path. */
struct sim_config sim_config_random(uint64_t seed, uint32_t cpus);

/* Boot and run to the end. Not while another run is under way. */
struct sim_result sim_run(const struct sim_config *config);

/* Does the configuration alone decide the course of a run?  Not where CPUs are host threads. */
bool sim_deterministic(void);

/* "powered off", "panic", ... */
const char *sim_end_name(enum sim_end end);

/* End the run: a check failed. Context: user program or quiet hook. */
_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define SIM_CHECK(condition)                                                                                 \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            sim_fail("%s:%d: %s", __FILE__, __LINE__, #condition);                                           \
    } while (0)

/* config.user of the run. */
void *sim_user_data(void);

/* A random number of the run (its own stream: asking for one does not change the interleaving). Context: any. */
uint64_t sim_random(void);

/* Begin to count the points of fail_alloc and fail_copy; until then none fails. sim_failures_disarm(): stop. */
void sim_failures_arm(void);
void sim_failures_disarm(void);

/* ---- User programs. Context of all: a C function that runs as a thread of the simulated machine ---- */

/*
 * The pc of a function, for thread_set_state() or hal_uctx_init().  Setting a thread's pc to it abandons what the thread
 * was doing and calls the function with the thread's a0.  Context: any.
 */
uint64_t sim_program_pc(sim_program_t function);

/* A trap instruction (mach/rpc.h): number, arguments 0-6. Returns its result. */
uint64_t sim_trap(unsigned number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                  uint64_t a5, uint64_t a6);

/* The register form of RPC: MACH_TRAP_RPC_CALL or MACH_TRAP_RPC_REPLY_WAIT. Layout of libmach's struct mach_rpc. */
struct sim_rpc {
    uint32_t remote; /* in: destination, or reply right to answer; out: reply right, or null */
    uint32_t local;  /* in: port to receive from */
    uint32_t more;   /* in: what a flag of the header announces */
    uint64_t label;  /* out */
    uint64_t header; /* MACH_RPC_HEADER(id, words) */
    uint64_t word[6];
};
uint64_t sim_trap_rpc(unsigned number, struct sim_rpc *m);

/*
 * Access user memory at `va`; n bytes, in aligned pieces of at most 8.  A piece that faults enters the kernel by
 * kern_page_fault() and is tried again when the thread is resumed.  If the pc was moved on by 4 meanwhile (an exception
 * handler did that), the piece is skipped.
 */
void sim_load(void *to, uint64_t va, size_t n);
void sim_store(uint64_t va, const void *from, size_t n);
uint64_t sim_load64(uint64_t va);
void sim_store64(uint64_t va, uint64_t value);
uint32_t sim_load32(uint64_t va);
void sim_store32(uint64_t va, uint32_t value);
uint8_t sim_load8(uint64_t va);
void sim_store8(uint64_t va, uint8_t value);

/* Fetch an instruction from `va`, that is: be allowed to. */
void sim_execute(uint64_t va);

/* *va = desired if it is `expected`. Returns whether it was. */
bool sim_compare_and_swap64(uint64_t va, uint64_t expected, uint64_t desired);

/* One instruction that does nothing: interrupts are taken here. Every loop that waits needs it (or an access, or a trap). */
void sim_step(void);

/* An instruction that can't be done: EXC_* (mach/exception_types.h). Goes on when a handler has moved pc on by 4. */
void sim_exception(int exception, int64_t code, int64_t subcode);

/* Floating-point register i; using it enters the kernel by kern_fpu_fault() while it is disabled. */
uint64_t sim_fp_get(unsigned i);
void sim_fp_set(unsigned i, uint64_t value);

/* The registers of the running thread, where they matter: x[2] sp, x[4] tp, x[8], x[9], x[18] - x[27] are free for use and are
 * kept over traps; all but arguments, results and those are zero after a trap. */
struct rv64_regs *sim_registers(void);

/* Print on the console of the machine (MACH_TRAP_PRINT), through a buffer at `va` of at least 512 bytes of user memory. */
void sim_print(uint64_t va, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- Inspection. Context: quiet hook, or after sim_run() ---- */

enum sim_cpu_mode {
    SIM_CPU_OFF,    /* not started, or halted */
    SIM_CPU_KERNEL, /* inside the kernel */
    SIM_CPU_USER,
    SIM_CPU_IDLE,
};

struct cpu;
struct uctx;

struct sim_cpu_view {
    enum sim_cpu_mode mode;
    struct cpu *cpu;         /* the kernel's structure; NULL: not started */
    const struct uctx *uctx; /* USER: the context that it runs */
    uint64_t token;          /* of hal_pt_activate(); 0: none yet */
    bool fp_on;
    uint64_t deadline; /* of the timer; UINT64_MAX: off */
    bool ipi_pending;
};

uint32_t sim_cpu_count(void);
struct sim_cpu_view sim_cpu_view(uint32_t index);

/* The CPU that executes the caller. */
uint32_t sim_cpu_index(void);

/* Every translation that the TLB of a CPU holds now. */
struct sim_tlb_view {
    uint64_t va;
    uint64_t pa;
    uint16_t asid;
    unsigned attr; /* HAL_ATTR_*; 0: that there is none (tlb_negative) */
};
void sim_tlb_each(uint32_t cpu, void (*visit)(const struct sim_tlb_view *entry, void *arg), void *arg);

/* The root table's physical address in a token. */
uint64_t sim_token_root(uint64_t token);

/* Tell all about the last run on standard error: why it ended, each CPU with its backtrace, the last events, the console. */
void sim_report(void);

/* What has happened last, on standard error. */
void sim_trace_print(void);

/* Raise or lower interrupt line `line`, one of hal_info.irq_count. Context: any. */
void sim_irq_set(uint32_t line, bool level);

/* Physical address of a page of registers that keep what is written to them (irq.c). */
uint64_t sim_device_address(void);

/* Note an event of a test in the trace and in the hash. Context: any. */
void sim_trace_note(const char *what, uint64_t a, uint64_t b);

#endif
