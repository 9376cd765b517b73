/* SPDX-License-Identifier: BSD-2-Clause */
/* Arm Power State Coordination Interface 0.2 and later (DEN0022): firmware calls for CPUs and power. */
#ifndef HAL_DRIVERS_PSCI_H
#define HAL_DRIVERS_PSCI_H

#include <hal/types.h>

/* How the firmware is called: it sits in the hypervisor or in the secure monitor. */
enum psci_conduit { PSCI_NONE, PSCI_HVC, PSCI_SMC };

/* With PSCI_NONE all calls fail. Context: boot CPU, before the others. */
void psci_init(enum psci_conduit conduit);

/*
 * Start the CPU with that affinity (MPIDR) at physical address `entry`, MMU off, x0 = `argument`.
 * Returns: whether the firmware accepted it.
 */
HAL_NODISCARD bool psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t argument);

/* Switch off the calling CPU, the machine, or restart it. Each returns only if the firmware can't. */
void psci_cpu_off(void);
void psci_system_off(void);
void psci_system_reset(void);

#endif
