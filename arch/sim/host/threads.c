/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs that are host threads, for ThreadSanitizer: what orders the accesses of two CPUs must be the kernel's own locks and
 * atomics, the HAL's interrupts, and nothing here.  Steps of the kernel do nothing but yield to the host's scheduler now and
 * then.  Time is the host's.  Not deterministic: no events, no hash, no quiet moments.
 */
#include "../machine.h"
#include "steps.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_SECOND 1000000000u
#define SILENCE_SECONDS 60 /* without a kernel exit: stuck */
#define USER_BUDGET 1000u

static struct host_cpu {
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* an interrupt may wait, or the run ends */
} host[HAL_CPU_MAX];

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t end_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t end_changed;
static bool ended; /* atomic; set under end_lock */
static uint64_t start_ns;
static _Thread_local uint32_t fuse; /* steps until the next yield */

/*
 * The short ways look at some words that other CPUs write atomically with plain loads: an atomic one clang for x86_64 does not
 * make part of the comparison.  They are top_priority, a pmap's token, the name that is cached and the words of an entry: aligned
 * words, of which a value of a moment ago will do.  And they find an entry by pointers that lead to it, without a barrier between: a load of what another load
 * pointed to is in order on every ISA, which C has no word for.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race_top:ipc_fast_body\nrace_top:ipc_fast_find\nrace_top:ipc_fast_take\nrace_top:ipc_fast_"
           "lookup\n"
           "race_top:find_destination\nrace_top:call_entry\nrace_top:ipc_entry_peek\nrace_top:entry_"
           "holds\nrace_top:ipc_fast_message\n";
}

static uint64_t host_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

static struct timespec host_time(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_SECOND), .tv_nsec = (long)(ns % NS_PER_SECOND)};
}

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

uint64_t sim_layer_now(void)
{
    return host_ns() - start_ns;
}

bool sim_layer_deterministic(void)
{
    return false;
}

void sim_layer_lock(void)
{
    pthread_mutex_lock(&shared_lock);
}

void sim_layer_unlock(void)
{
    pthread_mutex_unlock(&shared_lock);
}

/* ---- steps ---- */

/* Context: this CPU's own stack. */
static void leave_if_ended(void)
{
    if (sim_layer_ended())
        longjmp(sim_this->empty, 1);
}

void sim_layer_kernel_step(void)
{
    if (fuse-- > 0)
        return;
    fuse = (uint32_t)sim_below(2ull * sim.config.switch_mean);
    sched_yield();
}

void sim_layer_pause(void)
{
    leave_if_ended();
    sched_yield();
}

void sim_layer_user_steps(uint64_t n)
{
    (void)n;
    leave_if_ended();
}

bool sim_layer_user_step(void)
{
    return sim_layer_ended();
}

uint64_t sim_layer_user_budget(void)
{
    return USER_BUDGET;
}

void sim_layer_progress(void)
{
}

bool sim_layer_quiet(void)
{
    return false;
}

void sim_layer_call(void (*function)(void *arg), void *arg)
{
    function(arg);
}

/* ---- waiting ---- */

void sim_layer_idle(void)
{
    struct sim_cpu *cpu = sim_this;
    struct host_cpu *h = &host[cpu->index];

    pthread_mutex_lock(&h->lock);
    while (!sim_layer_ended() && !sim_irq_waiting(cpu)) {
        uint64_t next = sim_irq_next(cpu);
        struct timespec until = host_time(start_ns + next);
        if (next == NEVER)
            pthread_cond_wait(&h->changed, &h->lock);
        else
            pthread_cond_timedwait(&h->changed, &h->lock, &until);
    }
    pthread_mutex_unlock(&h->lock);
    leave_if_ended();
}

void sim_layer_halt(void)
{
    struct host_cpu *h = &host[sim_this->index];

    pthread_mutex_lock(&h->lock);
    while (!sim_layer_ended())
        pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
    longjmp(sim_this->empty, 1);
}

void sim_layer_wake(struct sim_cpu *cpu)
{
    struct host_cpu *h = &host[cpu->index];

    pthread_mutex_lock(&h->lock);
    pthread_cond_signal(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

/* ---- a run ---- */

static void *cpu_thread(void *arg)
{
    struct sim_cpu *cpu = arg;

    sim_this = cpu;
    arch_cpu_self = cpu->self;
    sim_chance_seed(cpu->index);
    sim_context_adopt(&cpu->context);
    sim_cpu_main(cpu);
    return NULL;
}

void sim_layer_start(struct sim_cpu *cpu)
{
    struct host_cpu *h = &host[cpu->index];

    sim_mode_set(cpu, SIM_CPU_KERNEL);
    h->started = true;
    if (pthread_create(&h->thread, NULL, cpu_thread, cpu) != 0)
        abort();
}

/* Wait for the end; a machine that does not come to it can't be taken down, and takes the process with it. */
static void wait_end(void)
{
    uint64_t exits = 0;

    pthread_mutex_lock(&end_lock);
    while (!ended) {
        struct timespec until = host_time(host_ns() + SILENCE_SECONDS * (uint64_t)NS_PER_SECOND);
        if (pthread_cond_timedwait(&end_changed, &end_lock, &until) == 0)
            continue;
        uint64_t now = __atomic_load_n(&sim.result.exits, __ATOMIC_RELAXED);
        if (now == exits) {
            (void)fprintf(stderr, "stuck: no CPU left the kernel for %d s\n", SILENCE_SECONDS);
            abort();
        }
        exits = now;
    }
    pthread_mutex_unlock(&end_lock);
}

void sim_layer_run(void)
{
    start_ns = host_ns();
    __atomic_store_n(&ended, false, __ATOMIC_RELAXED);
    cond_init(&end_changed);
    for (uint32_t i = 0; i < sim.config.cpus; i++) {
        host[i].started = false;
        pthread_mutex_init(&host[i].lock, NULL);
        cond_init(&host[i].changed);
    }
    sim_layer_start(&sim.cpu[0]);
    wait_end();
    for (uint32_t i = 0; i < sim.config.cpus; i++)
        if (host[i].started)
            pthread_join(host[i].thread, NULL);
    sim.result.time_ns = sim_layer_now();
}

bool sim_layer_ended(void)
{
    return __atomic_load_n(&ended, __ATOMIC_ACQUIRE);
}

bool sim_layer_ends(void)
{
    static uint64_t run; /* the start of the run that ended last */
    uint64_t this_run = start_ns;

    return __atomic_exchange_n(&run, this_run, __ATOMIC_ACQ_REL) != this_run;
}

void sim_layer_end(void)
{
    struct sim_cpu *cpu = sim_this;

    pthread_mutex_lock(&end_lock);
    __atomic_store_n(&ended, true, __ATOMIC_RELEASE);
    pthread_cond_signal(&end_changed);
    pthread_mutex_unlock(&end_lock);
    for (uint32_t i = 0; i < sim.config.cpus; i++)
        sim_layer_wake(&sim.cpu[i]);
    if (cpu->in_fiber) { /* the CPU goes on there, and leaves */
        cpu->in_fiber = false;
        cpu->fiber->event = (struct event){.kind = EVENT_STEP};
        sim_context_switch(&cpu->fiber->context, &cpu->context);
    }
    longjmp(cpu->empty, 1);
}
