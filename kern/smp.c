/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cross-calls.
 *
 * A CPU has one outgoing request, `call`, and a mailbox, `calls`: the set of CPUs whose request waits for
 * it.  The caller fills its request, sets its bit in each target's mailbox, sends an IPI, and serves its own
 * mailbox until no bit is left in `waiting`.  A target serves either in the handler of the IPI or in whatever
 * spin loop it is in; both come here through smp_poll().  So CPUs that call each other serve each other, and
 * a CPU that holds a lock others spin for may wait here: they answer from their loop.
 *
 * A request is reused only after every target has cleared its bit in `waiting`, which is its last access to
 * it.
 */
#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/panic.h>
#include <kern/smp.h>

struct cpu *cpu_table[HAL_CPU_MAX];

static cpu_mask_t online;
static uint32_t survivor; /* index + 1 of the CPU that panics: all others halt; 0: none does */

static inline cpu_mask_t cpu_bit(uint32_t index)
{
    return (cpu_mask_t)1 << index;
}

cpu_mask_t smp_online(void)
{
    return __atomic_load_n(&online, __ATOMIC_ACQUIRE);
}

void smp_set_online(struct cpu *cpu)
{
    /* release: who sees the bit sees the initialised struct cpu */
    __atomic_fetch_or(&online, cpu_bit(cpu->index), __ATOMIC_RELEASE);
    __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
}

void smp_call(cpu_mask_t mask, smp_function_t function, void *arg)
{
    struct cpu *self = hal_cpu_self();
    cpu_mask_t others = mask & smp_online() & ~cpu_bit(self->index);

    self->call.function = function;
    self->call.arg = arg;
    __atomic_store_n(&self->call.waiting, others, __ATOMIC_RELAXED);
    for (cpu_mask_t rest = others; rest != 0; rest &= rest - 1) {
        struct cpu *target = cpu_table[__builtin_ctzll(rest)];
        /* release: the request is complete before its bit shows */
        __atomic_fetch_or(&target->calls, cpu_bit(self->index), __ATOMIC_RELEASE);
        hal_ipi_send(target->index);
    }
    if ((mask & cpu_bit(self->index)) != 0)
        function(arg);
    /* acquire: what the targets did is visible on return */
    while (__atomic_load_n(&self->call.waiting, __ATOMIC_ACQUIRE) != 0) {
        smp_poll();
        hal_cpu_pause();
    }
}

static void smp_serve(struct cpu *self)
{
    /* acquire: pairs with the release of the bit in smp_call() */
    cpu_mask_t callers = __atomic_exchange_n(&self->calls, 0, __ATOMIC_ACQUIRE);

    for (; callers != 0; callers &= callers - 1) {
        struct smp_request *request = &cpu_table[__builtin_ctzll(callers)]->call;
        request->function(request->arg);
        /* release: the effect comes before the answer */
        __atomic_fetch_and(&request->waiting, ~cpu_bit(self->index), __ATOMIC_RELEASE);
    }
}

void smp_poll(void)
{
    struct cpu *self = hal_cpu_self();

    uint32_t only = __atomic_load_n(&survivor, __ATOMIC_RELAXED);

    if (only != 0 && only != self->index + 1)
        hal_cpu_halt();
    if (__atomic_load_n(&self->calls, __ATOMIC_RELAXED) != 0)
        smp_serve(self);
}

static void smp_nothing(void *arg)
{
    (void)arg;
}

void smp_enter_kernel(cpu_mask_t mask)
{
    if (mask != 0)
        smp_call(mask, smp_nothing, NULL);
}

void smp_quiesce(void)
{
    smp_call(~(cpu_mask_t)0, smp_nothing, NULL);
}

void smp_kick(struct cpu *cpu)
{
    /* The CPU may overwrite this mark with one that it worked out before; the interrupt makes it look anyway.
     */
    __atomic_store_n(&cpu->top_priority, CPU_TOP_URGENT, __ATOMIC_RELAXED);
    if (cpu != hal_cpu_self())
        hal_ipi_send(cpu->index);
}

void smp_interrupt(void)
{
    smp_poll();
}

void smp_halt_others(void)
{
    uint32_t self = hal_cpu_self()->index;

    __atomic_store_n(&survivor, self + 1, __ATOMIC_SEQ_CST);
    for (cpu_mask_t rest = smp_online() & ~cpu_bit(self); rest != 0; rest &= rest - 1)
        hal_ipi_send((uint32_t)__builtin_ctzll(rest));
}
