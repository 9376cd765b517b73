/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of lines and who has them.
 *
 * Lock: interrupt_lock, for all lines.  Under it a line is masked or unmasked as its message goes or comes, so that "unmasked" means
 * "there is a message"; nothing else is done under it.
 */
#include <hal/hal.h>
#include <ipc/notify.h>
#include <ipc/port.h>
#include <kern/cache.h>
#include <kern/interrupt.h>
#include <kern/ledger.h>
#include <kern/ref.h>
#include <kern/spinlock.h>

struct interrupt {
    uint64_t refs; /* kern/ref.h */
    struct ledger_account *payer;
    hal_irq_t line;
    struct ipc_kmsg *message; /* to be sent when it interrupts; NULL: masked */
};

static struct cache interrupt_cache;
static spinlock_t interrupt_lock;
static struct interrupt *interrupt_table[HAL_IRQ_MAX] GUARDED_BY(interrupt_lock);

void interrupt_init_module(void)
{
    spin_init(&interrupt_lock, LOCK_RANK_INTERRUPT);
    cache_init(&interrupt_cache, "interrupt", sizeof(struct interrupt), 8);
}

/* --- life ----------------------------------------------------------------------------------------------- */

static struct interrupt *interrupt_alloc(struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct interrupt)))
        return NULL;
    struct interrupt *interrupt = cache_alloc(&interrupt_cache);
    if (interrupt == NULL) {
        ledger_uncharge(payer, sizeof(*interrupt));
        return NULL;
    }
    *interrupt = (struct interrupt){.refs = 1, .payer = payer};
    return interrupt;
}

void interrupt_ref(struct interrupt *interrupt)
{
    ref_get(&interrupt->refs);
}

void interrupt_unref(struct interrupt *interrupt)
{
    if (!ref_put(&interrupt->refs))
        return;
    ledger_uncharge(interrupt->payer, sizeof(*interrupt));
    cache_free(&interrupt_cache, interrupt);
}

/* Enter `interrupt` for its line. Returns as interrupt_take(). */
static kern_return_t table_enter(struct interrupt *interrupt, enum hal_irq_mode mode, uint32_t cpu)
    REQUIRES(interrupt_lock)
{
    if (interrupt_table[interrupt->line] != NULL)
        return KERN_RIGHT_EXISTS;
    switch (hal_irq_route(interrupt->line, mode, cpu)) {
    case HAL_OK:
        interrupt_table[interrupt->line] = interrupt;
        return KERN_SUCCESS;
    case HAL_UNSUPPORTED:
        return KERN_NOT_SUPPORTED;
    default:
        return KERN_INVALID_ARGUMENT;
    }
}

kern_return_t interrupt_take(hal_irq_t line, enum hal_irq_mode mode, uint32_t cpu,
                             struct ledger_account *payer, struct interrupt **interrupt)
{
    if (line >= hal_info.irq_count || cpu >= hal_info.cpu_count ||
        (mode != HAL_IRQ_EDGE && mode != HAL_IRQ_LEVEL))
        return KERN_INVALID_ARGUMENT;
    struct interrupt *taken = interrupt_alloc(payer);
    if (taken == NULL)
        return KERN_RESOURCE_SHORTAGE;
    taken->line = line;
    spin_lock(&interrupt_lock);
    kern_return_t kr = table_enter(taken, mode, cpu);
    spin_unlock(&interrupt_lock);
    if (kr == KERN_SUCCESS)
        *interrupt = taken;
    else
        interrupt_unref(taken);
    return kr;
}

kern_return_t interrupt_take_message(struct ledger_account *payer, hal_irq_t *line,
                                     struct interrupt **interrupt)
{
    kern_return_t kr = KERN_NOT_SUPPORTED;

    for (hal_irq_t n = hal_info.irq_message_first; n < hal_info.irq_count; n++) {
        kr = interrupt_take(n, HAL_IRQ_EDGE, 0, payer, interrupt);
        *line = n;
        if (kr != KERN_RIGHT_EXISTS)
            return kr;
        kr = KERN_NO_SPACE;
    }
    return kr;
}

void interrupt_release(struct interrupt *interrupt)
{
    spin_lock(&interrupt_lock);
    interrupt_table[interrupt->line] = NULL;
    hal_irq_enable(interrupt->line, false);
    struct ipc_kmsg *message = interrupt->message;
    interrupt->message = NULL;
    spin_unlock(&interrupt_lock);
    ipc_notify_unused(message);
    interrupt_unref(interrupt);
}

/* --- interrupts ----------------------------------------------------------------------------------------- */

kern_return_t interrupt_request(struct interrupt *interrupt, struct ipc_port *notify)
{
    kern_return_t kr = KERN_SUCCESS;
    struct ipc_kmsg *message = ipc_notify_reserve(notify, interrupt->payer);

    if (message == NULL)
        return KERN_RESOURCE_SHORTAGE;
    spin_lock(&interrupt_lock);
    if (interrupt_table[interrupt->line] != interrupt)
        kr = KERN_INVALID_ARGUMENT;
    else if (interrupt->message != NULL)
        kr = KERN_ALREADY_WAITING;
    if (kr == KERN_SUCCESS) {
        interrupt->message = message;
        hal_irq_enable(interrupt->line, true);
    }
    spin_unlock(&interrupt_lock);
    if (kr != KERN_SUCCESS)
        (void)ipc_notify_release(message);
    return kr;
}

void interrupt_deliver(hal_irq_t line)
{
    struct ipc_kmsg *message = NULL;

    spin_lock(&interrupt_lock);
    struct interrupt *interrupt = interrupt_table[line];
    if (interrupt != NULL) {
        message = interrupt->message;
        interrupt->message = NULL;
    }
    spin_unlock(&interrupt_lock);
    ipc_notify_interrupt(message, line);
}
