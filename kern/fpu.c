/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/fpu.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/task.h>
#include <kern/thread.h>

static struct cache fpu_cache;

void fpu_init_module(void)
{
    cache_init(&fpu_cache, "fpu", hal_info.fpu_size, 64);
}

int fpu_acquire(struct cpu *cpu, struct thread *self)
{
    KASSERT(cpu->current == self && cpu->fpu_owner == NULL);
    if (self->fpu == NULL) {
        struct ledger_account *payer = &self->task->ledger->memory;
        if (!ledger_charge(payer, hal_info.fpu_size))
            return KERN_RESOURCE_SHORTAGE;
        void *area = cache_alloc(&fpu_cache);
        if (area == NULL) {
            ledger_uncharge(payer, hal_info.fpu_size);
            return KERN_RESOURCE_SHORTAGE;
        }
        hal_fpu_init(area);
        self->fpu = area;
    }
    self->fpu_credit = FPU_CREDIT;
    fpu_load(cpu, self);
    return KERN_SUCCESS;
}

void fpu_load(struct cpu *cpu, struct thread *t)
{
    hal_fpu_load(t->fpu);
    cpu->fpu_owner = t;
    t->fpu_credit--;
}

void fpu_save(struct cpu *cpu)
{
    KASSERT(cpu->fpu_owner == cpu->current);
    hal_fpu_save(cpu->fpu_owner->fpu);
    cpu->fpu_owner = NULL;
}

void fpu_discard(struct thread *t)
{
    struct cpu *cpu = hal_cpu_self();

    if (cpu->fpu_owner == t) {
        hal_fpu_save(NULL);
        cpu->fpu_owner = NULL;
    }
    if (t->fpu != NULL) {
        cache_free(&fpu_cache, t->fpu);
        t->fpu = NULL;
        ledger_uncharge(&t->task->ledger->memory, hal_info.fpu_size);
    }
}
