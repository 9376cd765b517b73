/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults in one map go side by side: what one costs, waiting included, when 8 CPUs fault at once.  A step of the simulated machine is an access to memory, and CPUs take turns every few steps, so that a CPU that waits for a lock makes steps as
 * long as another one holds it.
 */
#include "user.h"

#include <stdio.h>

#define CPUS_MAX 8u
#define FAULTS 200u
#define STEP_NS 10u
#define TURN 8u /* steps */
#define PATIENCE_MS 1u

/* The memory of the threads is one object, if it looks alike and lies side by side; or one each. */
enum memory { ONE_OBJECT, OBJECTS };

static struct {
    uint32_t cpus;
    enum memory kind;
    bool there;               /* the pages are resident, and not mapped writable */
    uint32_t ready, finished; /* threads; atomic */
    mach_vm_address_t memory[CPUS_MAX];
    uint64_t start, end; /* ns */
} f;

static uint64_t now(void)
{
    time_value64_t t;

    SIM_CHECK(host_get_uptime64(mach_host_self(), &t) == KERN_SUCCESS);
    return (uint64_t)t.seconds * 1000000000 + (uint64_t)t.nanoseconds;
}

/* The last thread that is ready begins the time, the last one that is through ends it. */
static void worker(uint64_t index)
{
    if (__atomic_add_fetch(&f.ready, 1, __ATOMIC_ACQ_REL) == f.cpus)
        __atomic_store_n(&f.start, now(), __ATOMIC_RELEASE);
    while (__atomic_load_n(&f.start, __ATOMIC_ACQUIRE) == 0)
        sim_step();
    for (uint32_t i = 0; i < FAULTS; i++)
        sim_store8(f.memory[index] + i * PAGE_SIZE, 1);
    if (__atomic_add_fetch(&f.finished, 1, __ATOMIC_ACQ_REL) == f.cpus)
        __atomic_store_n(&f.end, now(), __ATOMIC_RELEASE);
    user_thread_exit();
}

static void memory_create(uint32_t index)
{
    const mach_port_t self = mach_task_self();
    mach_vm_address_t at = 0;

    SIM_CHECK(mach_vm_allocate(self, &at, FAULTS * PAGE_SIZE, VM_FLAGS_ANYWHERE) == KERN_SUCCESS);
    if (f.kind == OBJECTS)
        SIM_CHECK(mach_vm_inherit(self, at, FAULTS * PAGE_SIZE,
                                  index % 2 == 0 ? VM_INHERIT_NONE : VM_INHERIT_SHARE) == KERN_SUCCESS);
    f.memory[index] = at;
    if (!f.there)
        return;
    for (uint32_t i = 0; i < FAULTS; i++)
        sim_store8(at + i * PAGE_SIZE, 1);
    SIM_CHECK(mach_vm_protect(self, at, FAULTS * PAGE_SIZE, FALSE, VM_PROT_READ) == KERN_SUCCESS);
    SIM_CHECK(mach_vm_protect(self, at, FAULTS * PAGE_SIZE, FALSE, VM_PROT_DEFAULT) == KERN_SUCCESS);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);

    for (uint32_t i = 0; i < f.cpus; i++)
        memory_create(i);
    for (uint32_t i = 0; i < f.cpus; i++)
        SIM_CHECK(user_thread_start(mach_task_self(), worker, i, NULL) == KERN_SUCCESS);
    while (__atomic_load_n(&f.end, __ATOMIC_ACQUIRE) == 0)
        user_sleep(PATIENCE_MS);
    user_power_off(host_priv);
}

/* Steps of all CPUs for one fault, or 0: the run failed. */
static uint64_t steps_of_fault(uint32_t cpus, enum memory kind, bool there)
{
    struct sim_config config = sim_config_default();

    config.cpus = cpus;
    config.asid_bits = 8;
    config.program = first_program;
    config.switch_mean = TURN;
    config.step_ns = STEP_NS;
    f = (__typeof__(f)){.cpus = cpus, .kind = kind, .there = there};
    if (sim_run(&config).end != SIM_POWEROFF) {
        sim_report();
        return 0;
    }
    return (f.end - f.start) / STEP_NS / (cpus * FAULTS);
}

/* A fault on one of CPUS_MAX CPUs costs at most `times` as much as on one that is alone. */
static bool test(unsigned number, enum memory kind, bool there, unsigned times, const char *name)
{
    const uint64_t one = steps_of_fault(1, kind, there), all = steps_of_fault(CPUS_MAX, kind, there);
    const bool good = one > 0 && all > 0 && all <= times * one;

    printf("# steps for a fault: %llu on 1 CPU, %llu on each of %u\n", (unsigned long long)one,
           (unsigned long long)all, CPUS_MAX);
    printf("%s %u - %s\n", good ? "ok" : "not ok", number, name);
    return good;
}

int main(void)
{
    if (!sim_deterministic()) {
        printf("1..0 # SKIP steps of CPUs that are host threads are not counted\n");
        return 0;
    }
    printf("1..4\n");
    bool good = test(1, ONE_OBJECT, false, 2, "pages to be made, of one object");
    good &= test(2, OBJECTS, false, 2, "pages to be made, of an object for each CPU");
    good &= test(3, ONE_OBJECT, true, 3, "pages that are there, of one object");
    good &= test(4, OBJECTS, true, 3, "pages that are there, of an object for each CPU");
    return good ? 0 : 1;
}
