/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts as messages.  A line that somebody has is unmasked only while a notification waits to be sent for it: the interrupt
 * masks the line and sends the message, and to ask for the next one unmasks it again.  So at most one message is on its way for a
 * line, memory for it is there before the interrupt comes, and a server that does nothing is interrupted by nothing.
 */
#ifndef KERN_INTERRUPT_H
#define KERN_INTERRUPT_H

#include <hal/irq.h>
#include <mach/kern_return.h>

struct interrupt;
struct ipc_port;
struct ledger_account;

void interrupt_init_module(void);

/*
 * Take a line, masked: one reference, charged to `payer`.
 * Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT no such line, mode or CPU; KERN_NOT_SUPPORTED the controller can't; KERN_RIGHT_EXISTS it is
 * taken; KERN_RESOURCE_SHORTAGE.
 * Context: no lock, here and below.
 */
HAL_NODISCARD kern_return_t interrupt_take(hal_irq_t line, enum hal_irq_mode mode, uint32_t cpu,
                                           struct ledger_account *payer, struct interrupt **interrupt);
/* Take any line that is a message. Returns: the same, *line; KERN_NOT_SUPPORTED there is none; KERN_NO_SPACE all are taken. */
HAL_NODISCARD kern_return_t interrupt_take_message(struct ledger_account *payer, hal_irq_t *line,
                                                   struct interrupt **interrupt);
/* Mask the line and let others have it; a notification that was asked for tells that it was not used. Drops a reference. */
void interrupt_release(struct interrupt *interrupt);

void interrupt_ref(struct interrupt *interrupt);
void interrupt_unref(struct interrupt *interrupt);

/*
 * Unmask the line for one interrupt, to be told to `notify`, a send-once right that this takes over.
 * Returns: KERN_SUCCESS; KERN_ALREADY_WAITING; KERN_INVALID_ARGUMENT the line was released; KERN_RESOURCE_SHORTAGE: the right is the caller's.
 */
HAL_NODISCARD kern_return_t interrupt_request(struct interrupt *interrupt, struct ipc_port *notify);

/* The line, which is masked now, has interrupted this CPU. Context: upcall level, no lock. */
void interrupt_deliver(hal_irq_t line);

#endif
