/* SPDX-License-Identifier: BSD-2-Clause */
/* What the simulated machine has in place of assembly and devices, and what it has not. */
#include <sim/sim.h>
#include <test.h>

void machine_switch(uint64_t *save, uint64_t sp)
{
    sim_stack_switch((uint64_t **)(void *)save, (uint64_t *)(uintptr_t)sp);
}

/* Interrupts come in user mode and idle only, and user memory is never mapped where the kernel looks. */
bool machine_entry_good(void)
{
    return sim_cpu_view(sim_cpu_index()).mode == SIM_CPU_KERNEL;
}

void machine_panic_over(void)
{
}

const char *machine_lacks(const char *function, const char *clause)
{
    if (strcmp(function, "kern_trap_panic") == 0 ||
        strcmp(clause, "a kernel address that faults is a fault of the kernel") == 0)
        return "a fault of the kernel ends the process";
    return NULL;
}

/* It can't reach them at all. */
bool machine_guards_data(void)
{
    return false;
}

bool machine_guards_code(void)
{
    return false;
}

void machine_line_set(bool raised)
{
    sim_irq_set(MACHINE_LINE, raised);
}

/* Not called: MACHINE_LOOPBACK. */
void machine_loopback(bool on)
{
    (void)on;
}
