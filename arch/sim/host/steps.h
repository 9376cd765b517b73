/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that the compiler calls at every edge of the kernel's control flow, every load and every store
 * (-fsanitize-coverage): each is a step.  They are in a header so that sim_layer_kernel_step() is inlined, whichever of
 * turns.c and threads.c defines it.
 */
#ifndef ARCH_SIM_HOST_STEPS_H
#define ARCH_SIM_HOST_STEPS_H

#include "../machine.h"

#ifndef SIM_FUZZ /* libFuzzer has its own */
void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop);
void __sanitizer_cov_trace_pc_guard(const uint32_t *guard);

void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop)
{
    (void)start;
    (void)stop;
}

void __sanitizer_cov_trace_pc_guard(const uint32_t *guard)
{
    (void)guard;
    sim_layer_kernel_step();
}
#endif

#define TRACE_ACCESS(name)                                                                                   \
    void __sanitizer_cov_##name(const void *address);                                                        \
    void __sanitizer_cov_##name(const void *address)                                                         \
    {                                                                                                        \
        (void)address;                                                                                       \
        sim_layer_kernel_step();                                                                             \
    }
TRACE_ACCESS(load1)
TRACE_ACCESS(load2)
TRACE_ACCESS(load4)
TRACE_ACCESS(load8)
TRACE_ACCESS(load16)
TRACE_ACCESS(store1)
TRACE_ACCESS(store2)
TRACE_ACCESS(store4)
TRACE_ACCESS(store8)
TRACE_ACCESS(store16)

#endif
