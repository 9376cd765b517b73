/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs that take turns in one host thread, deterministically.
 *
 * The kernel's objects are compiled with -fsanitize-coverage: every edge of its control flow, every load and every store
 * calls one of the functions of steps.h.  That is a step.  `fuse` counts steps down; when it has burnt, another CPU goes on,
 * and the random numbers of the run say which, and for how long.  A CPU in user mode is switched between user steps.
 *
 * Time advances by config.step_ns with each step, and jumps when every CPU is idle.  If it has nowhere to jump to, or steps
 * go by without a kernel exit, the machine is stuck.
 */
#include "../machine.h"
#include "steps.h"

#define STUCK_STEPS 100000000u /* of the kernel, without an exit */
#define STUCK_PAUSES 2000000u  /* turns of spin loops, without an exit */
#define SHORT_TURN 8u          /* one turn in so many takes at most so many steps */
#define NO_TURN 1000000u /* steps of a turn if no CPU is to be interrupted: only for time to be looked at */

static struct sim_context outside; /* of sim_layer_run() */

static uint64_t fuse = NEVER; /* steps left of this turn; NEVER outside of a run */
static uint64_t fuse_length;  /* steps of this turn when it began */
static uint64_t steps;        /* of all turns before this one */
static uint64_t idle_ns;      /* time that passed in jumps */
static uint64_t exit_steps;   /* `steps` at the last kernel exit */
static uint64_t pauses;       /* since then */
static struct sim_cpu
    *quieting; /* waits for the others to leave the kernel: who is outside stays there; or NULL */

/* ---- steps ---- */

static uint64_t steps_now(void)
{
    return steps + (fuse_length - fuse);
}

uint64_t sim_layer_now(void)
{
    return steps_now() * sim.config.step_ns + idle_ns;
}

/* A new turn begins: how long? */
static void fuse_light(void)
{
    uint64_t mean = sim.config.switch_mean;

    steps = steps_now();
    if (mean == 0)
        fuse_length = NO_TURN;
    else if (sim_below(SHORT_TURN) == 0)
        fuse_length = 1 + sim_below(SHORT_TURN);
    else
        fuse_length = 1 + sim_below(2 * mean);
    fuse = fuse_length;
    sim.result.steps = steps;
    if (steps > sim.config.steps_max)
        sim_end(SIM_STEPS, "more steps than allowed");
    if (steps - exit_steps > STUCK_STEPS)
        sim_end(SIM_STUCK, "no CPU leaves the kernel");
}

/* ---- turns ---- */

static bool can_run(const struct sim_cpu *cpu)
{
    if (cpu->halted)
        return false;
    switch (cpu->mode) {
    case SIM_CPU_OFF:
        return false;
    case SIM_CPU_KERNEL:
        return true;
    case SIM_CPU_USER:
        return quieting == NULL || sim_irq_waiting(cpu);
    default:
        return sim_irq_waiting(cpu);
    }
}

/* A CPU that can run, by chance; not `except`. NULL: there is none. */
static struct sim_cpu *choose(const struct sim_cpu *except)
{
    struct sim_cpu *found[HAL_CPU_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < sim.config.cpus; i++)
        if (&sim.cpu[i] != except && can_run(&sim.cpu[i]))
            found[count++] = &sim.cpu[i];
    return count > 0 ? found[sim_below(count)] : NULL;
}

static void switch_to(struct sim_cpu *next)
{
    struct sim_cpu *cpu = sim_this;

    if (next == cpu)
        return;
    sim.result.switches++;
    sim_this = next;
    arch_cpu_self = next->self;
    sim_context_switch(&cpu->context, &next->context);
}

/* Some CPU has the next turn, this one included. */
static void turn_over(void)
{
    fuse_light();
    struct sim_cpu *next = choose(NULL);
    if (next != NULL)
        switch_to(next);
}

void sim_layer_kernel_step(void)
{
    if (--fuse > 0)
        return;
    if (sim.config.switch_mean > 0)
        turn_over();
    else
        fuse_light();
}

void sim_layer_pause(void)
{
    struct sim_cpu *next = choose(sim_this);

    if (++pauses > STUCK_PAUSES)
        sim_end(SIM_STUCK, "the CPUs that are in the kernel spin for ever");
    fuse = fuse > 1 ? fuse - 1 : 1;
    fuse_light();
    if (next != NULL)
        switch_to(next);
}

void sim_layer_user_steps(uint64_t n)
{
    if (n < fuse) {
        fuse -= n;
        return;
    }
    fuse = 0; /* these steps take time */
    turn_over();
}

bool sim_layer_user_step(void)
{
    if (fuse > 1) {
        fuse--;
        return false;
    }
    return true;
}

uint64_t sim_layer_user_budget(void)
{
    return fuse;
}

void sim_layer_progress(void)
{
    exit_steps = steps_now();
    pauses = 0;
    if (quieting != NULL)
        switch_to(quieting);
}

/* ---- waiting ---- */

/* Every CPU waits: let time pass until an interrupt comes. */
static void time_jump(void)
{
    uint64_t next = NEVER;
    uint64_t now = sim_layer_now();

    for (uint32_t i = 0; i < sim.config.cpus; i++)
        if (!sim.cpu[i].halted && sim.cpu[i].mode != SIM_CPU_OFF && sim_irq_next(&sim.cpu[i]) < next)
            next = sim_irq_next(&sim.cpu[i]);
    if (next == NEVER)
        sim_end(SIM_STUCK, "every CPU is idle and no timer is armed");
    if (next > now)
        idle_ns += next - now;
    exit_steps = steps_now();
}

/* Let others run, until this CPU has a turn. */
static void wait_turn(void)
{
    struct sim_cpu *next = quieting;

    fuse_light();
    while (next == NULL && (next = choose(NULL)) == NULL)
        time_jump();
    switch_to(next);
}

void sim_layer_idle(void)
{
    do
        wait_turn();
    while (!sim_irq_waiting(sim_this));
}

void sim_layer_halt(void)
{
    for (;;)
        wait_turn();
}

void sim_layer_wake(struct sim_cpu *cpu)
{
    (void)cpu; /* who is idle is looked at whenever a turn begins */
}

#define QUIET_TURNS 100000u

bool sim_layer_quiet(void)
{
    bool inside = true;

    quieting = sim_this;
    for (unsigned turn = 0; inside && turn < QUIET_TURNS; turn++) {
        inside = false;
        for (uint32_t i = 0; i < sim.config.cpus; i++)
            inside = inside || (sim.cpu[i].mode == SIM_CPU_KERNEL && !sim.cpu[i].halted);
        struct sim_cpu *next = inside ? choose(quieting) : NULL;
        if (next == NULL)
            break;
        fuse_light();
        switch_to(next);
    }
    quieting = NULL;
    return !inside;
}

void sim_layer_lock(void)
{
}

void sim_layer_unlock(void)
{
}

void sim_layer_call(void (*function)(void *arg), void *arg)
{
    uint64_t left = fuse, length = fuse_length;

    fuse = NEVER;
    function(arg);
    fuse = left;
    fuse_length = length;
}

/* ---- a run ---- */

void sim_layer_start(struct sim_cpu *cpu)
{
    sim_context_init(&cpu->context);
    sim_context_start(&cpu->context, sim_cpu_main, cpu);
    sim_mode_set(cpu, SIM_CPU_KERNEL);
}

void sim_layer_run(void)
{
    steps = exit_steps = pauses = idle_ns = 0;
    quieting = NULL;
    fuse = fuse_length = 0;
    fuse_light();
    sim_this = &sim.cpu[0];
    arch_cpu_self = sim.cpu[0].self;
    sim_layer_start(&sim.cpu[0]);
    sim_context_switch(&outside, &sim.cpu[0].context);
}

bool sim_layer_deterministic(void)
{
    return true;
}

bool sim_layer_ends(void)
{
    return true;
}

bool sim_layer_ended(void)
{
    return false; /* sim_layer_end() left all CPUs as they were */
}

void sim_layer_end(void)
{
    sim.result.steps = steps_now();
    sim.result.time_ns = sim_layer_now();
    fuse = fuse_length = NEVER;
    sim_context_switch(sim_this->in_fiber ? &sim_this->fiber->context : &sim_this->context, &outside);
    __builtin_unreachable();
}
