/* SPDX-License-Identifier: BSD-2-Clause */
/* What kern/fpu.c needs of the kernel and of the machine, as far as model fpu is concerned. */
#ifndef MODEL_FPU_WORLD_H
#define MODEL_FPU_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUS 2
#define THREADS 2
#define HAL_NODISCARD
#define KERN_SUCCESS 0
#define KERN_RESOURCE_SHORTAGE 6

struct ledger_account {
    uint64_t used;
};

struct ledger {
    struct ledger_account memory;
};

struct task {
    struct ledger *ledger;
};

struct thread {
    struct task *task;
    void *fpu;
    uint32_t fpu_credit;
};

struct cpu {
    struct thread *current;
    struct thread *fpu_owner;
};

struct area {
    uint32_t value;
    bool used;
};

/* All that the model remembers. The vector state of a CPU is one number. */
struct world {
    struct cpu cpu[CPUS];
    struct thread thread[THREADS];
    struct area area[THREADS];
    uint32_t value[CPUS];     /* in the registers */
    bool enabled[CPUS];       /* user code may use them */
    uint32_t expect[THREADS]; /* what a thread must find there */
    uint32_t self;            /* the CPU that executes C code */
    bool broken;              /* an assertion of the C code did not hold */
};

static struct world *world;

#define KASSERT(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            world->broken = true;                                                                            \
    } while (0)

/* All threads are of one task, which may have what it wants: who pays is no part of the model. */
static struct ledger ledger;
static struct task task = {&ledger};

static bool ledger_charge(struct ledger_account *account, uint64_t bytes)
{
    (void)account;
    (void)bytes;
    return true;
}

static void ledger_uncharge(struct ledger_account *account, uint64_t bytes)
{
    (void)account;
    (void)bytes;
}

struct cache {
    char unused;
};

static const struct {
    uint32_t fpu_size;
} hal_info = {sizeof(struct area)};

static void cache_init(struct cache *cache, const char *name, size_t size, size_t align)
{
    (void)cache;
    (void)name;
    (void)size;
    (void)align;
}

static void *cache_alloc(struct cache *cache)
{
    (void)cache;
    for (unsigned i = 0; i < THREADS; i++) {
        if (!world->area[i].used) {
            world->area[i].used = true; /* its contents are those of the last owner */
            return &world->area[i];
        }
    }
    return NULL;
}

static void cache_free(struct cache *cache, void *object)
{
    (void)cache;
    KASSERT(((struct area *)object)->used);
    ((struct area *)object)->used = false;
}

static struct cpu *hal_cpu_self(void)
{
    return &world->cpu[world->self];
}

static void hal_fpu_init(void *area)
{
    ((struct area *)area)->value = 0;
}

static void hal_fpu_load(const void *area)
{
    KASSERT(!world->enabled[world->self]);
    world->value[world->self] = ((const struct area *)area)->value;
    world->enabled[world->self] = true;
}

static void hal_fpu_save(void *area)
{
    KASSERT(world->enabled[world->self]);
    if (area != NULL)
        ((struct area *)area)->value = world->value[world->self];
    world->enabled[world->self] = false;
}

#endif
