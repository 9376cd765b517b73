/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERN_IRQ_H
#define KERN_IRQ_H

struct cpu;

/* Take the interrupts that wait for this CPU. Context: upcall level, no lock held. */
void irq_serve(struct cpu *cpu);

#endif
