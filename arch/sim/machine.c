/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run.  The linker puts all variables of the kernel side by side (kernel_data.ld): what they hold before the first run is
 * kept, and put back before each.
 */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern uint64_t sim_kernel_data_start[], sim_kernel_data_end[]; /* kernel_data.ld */

static ARCH_CPU_LOCAL uint64_t chance;      /* state of the machine's random numbers */
static ARCH_CPU_LOCAL uint64_t user_chance; /* of sim_random() */

/* ---- chance ---- */

/* Weyl sequence with the finaliser of splitmix64. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

uint64_t sim_below(uint64_t n)
{
    return n > 1 ? next_random(&chance) % n : 0;
}

bool sim_one_in(uint64_t n)
{
    return n > 0 && sim_below(n) == 0;
}

uint64_t sim_random(void)
{
    return next_random(&user_chance);
}

void sim_chance_seed(uint64_t stream)
{
    chance = sim.config.seed * 2 + stream * 0x100000001b3;
    user_chance = ~chance;
}

/* ---- configuration ---- */

struct sim_config sim_config_default(void)
{
    return (struct sim_config){
        .cpus = 1,
        .memory = 16u << 20,
        .memory_ranges = 3,
        .pt_levels = 4,
        .asid_bits = 3,
        .hardware_ad = true,
        .irq_messages = 2,
        .fast_path = true,
        .step_ns = 10,
        .switch_mean = 200,
        .steps_max = 2000000000,
    };
}

struct sim_config sim_config_random(uint64_t seed, uint32_t cpus)
{
    static const uint32_t rate[] = {0, 0, 50, 1000};
    struct sim_config c = sim_config_default();
    uint64_t state = seed;

#define BELOW(n) (uint32_t)(next_random(&state) % (n))
    c.seed = seed;
    c.cpus = cpus;
    c.memory_ranges = 1 + BELOW(5);
    c.pt_levels = 3 + BELOW(3);
    c.asid_bits = BELOW(2) == 0 ? 0 : 8;
    if (c.asid_bits != 0 && cpus <= 4 && BELOW(2) == 0)
        c.asid_bits = 3;
    c.tlb_broadcast = BELOW(3) == 0;
    c.tlb_negative = BELOW(2) == 0;
    c.hardware_ad = BELOW(2) == 0;
    c.fast_path = BELOW(4) != 0;
    c.switch_mean = 1u << (3 + BELOW(8));
    c.irq_delay_max = rate[BELOW(4)];
    c.spurious_irq = rate[BELOW(4)];
    c.spurious_fault = rate[BELOW(4)];
    c.tlb_evict = rate[BELOW(4)];
    c.memory_fill = (uint8_t)(BELOW(8) == 0 ? 0xdb : 0);
#undef BELOW
    return c;
}

/* ---- failures ---- */

void sim_failures_arm(void)
{
    sim.result.alloc_points = 0;
    sim.result.copy_points = 0;
    __atomic_store_n(&sim.armed, true, __ATOMIC_RELEASE);
}

void sim_failures_disarm(void)
{
    __atomic_store_n(&sim.armed, false, __ATOMIC_RELEASE);
}

static bool armed(void)
{
    return __atomic_load_n(&sim.armed, __ATOMIC_ACQUIRE);
}

bool sim_alloc_fails(void)
{
    return armed() &&
           __atomic_add_fetch(&sim.result.alloc_points, 1, __ATOMIC_RELAXED) == sim.config.fail_alloc;
}

bool sim_copy_fails(void)
{
    if (armed() && __atomic_add_fetch(&sim.result.copy_points, 1, __ATOMIC_RELAXED) == sim.config.fail_copy)
        return true;
    return sim_one_in(sim.config.copy_fault);
}

/* ---- the kernel's variables ---- */

/* AddressSanitizer keeps its hands off: between variables there are words that nobody may touch. */
__attribute__((no_sanitize("address", "thread"))) static void copy_words(volatile uint64_t *to,
                                                                         const volatile uint64_t *from,
                                                                         size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

static void restore_kernel(void)
{
    static uint64_t *linked;
    size_t n = (size_t)(sim_kernel_data_end - sim_kernel_data_start);

    if (linked == NULL) {
        linked = malloc(n * sizeof *linked);
        if (linked == NULL)
            abort();
        copy_words(linked, sim_kernel_data_start, n);
    }
    copy_words(sim_kernel_data_start, linked, n);
}

/* ---- a run ---- */

static void prepare_cpu(uint32_t index)
{
    static struct hal_cpu boot_cpu; /* until hal_cpu_boot_set() */
    struct sim_cpu *cpu = &sim.cpu[index];

    cpu->index = index;
    cpu->self = (struct cpu *)(void *)&boot_cpu;
    cpu->mode = SIM_CPU_OFF;
    cpu->uctx = NULL;
    cpu->fiber = NULL;
    cpu->in_fiber = false;
    cpu->regs = (struct rv64_regs){0};
    cpu->event = (struct event){.kind = EVENT_BOOT};
    cpu->token = 0;
    cpu->deadline = NEVER;
    cpu->ipi_time = NEVER;
    cpu->spurious = false;
    cpu->claimed = HAL_IRQ_NONE;
    cpu->halted = false;
    sim_tlb_reset(cpu);
}

struct sim_result sim_run(const struct sim_config *config)
{
    sim.config = *config;
    if (!sim_layer_deterministic())
        sim.config.tlb_broadcast = false; /* a CPU may touch its own TLB only */
    sim.result = (struct sim_result){0};
    sim.armed = false;
    sim_chance_seed(0);
    sim_trace_reset();
    sim_fibers_reset();
    for (uint32_t i = 0; i < config->cpus; i++)
        prepare_cpu(i);
    restore_kernel();
    sim_irq_reset();
    sim_boot_prepare();
    sim.running = true;
    sim_layer_run();
    sim.running = false;
    sim_trace_result(&sim.result);
    return sim.result;
}

void sim_end(enum sim_end end, const char *message)
{
    if (sim_layer_ends()) {
        sim.result.end = end;
        if (message != NULL)
            (void)snprintf(sim.result.message, sizeof sim.result.message, "%s", message);
        sim_trace("end", end, 0);
    }
    sim_layer_end();
}

void sim_fail(const char *format, ...)
{
    char text[sizeof sim.result.message];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_end(SIM_FAILED, text);
}

bool sim_deterministic(void)
{
    return sim_layer_deterministic();
}

void *sim_user_data(void)
{
    return sim.config.user;
}

const char *sim_end_name(enum sim_end end)
{
    static const char *const name[] = {
        [SIM_POWEROFF] = "powered off", [SIM_REBOOT] = "restarted", [SIM_PANIC] = "panic",
        [SIM_STUCK] = "stuck",          [SIM_FAILED] = "failed",    [SIM_STEPS] = "too many steps",
    };

    return name[end];
}

void hal_system_reset(enum hal_reset how)
{
    if (sim_trace_panicked(sim.result.message, sizeof sim.result.message))
        sim_end(SIM_PANIC, NULL);
    sim_end(how == HAL_RESET_REBOOT ? SIM_REBOOT : SIM_POWEROFF, NULL);
}
