/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/drivers/psci.h>

#define PSCI_CPU_OFF 0x84000002ul
#define PSCI_CPU_ON 0xc4000003ul
#define PSCI_SYSTEM_OFF 0x84000008ul
#define PSCI_SYSTEM_RESET 0x84000009ul
#define PSCI_NOT_SUPPORTED (-1)

static enum psci_conduit conduit;

/* The calling convention (DEN0028) lets the firmware change x0 - x17. */
#define PSCI_CLOBBERS                                                                                        \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory"

static int64_t psci_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    switch (conduit) {
    case PSCI_HVC:
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::PSCI_CLOBBERS);
        break;
    case PSCI_SMC:
        __asm__ volatile(".inst 0xd4000003 // smc #0"
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::PSCI_CLOBBERS);
        break;
    case PSCI_NONE:
        return PSCI_NOT_SUPPORTED;
    }
    return (int64_t)x0;
}

void psci_init(enum psci_conduit how)
{
    conduit = how;
}

bool psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t argument)
{
    return psci_call(PSCI_CPU_ON, mpidr, entry, argument) == 0;
}

void psci_cpu_off(void)
{
    (void)psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

void psci_system_off(void)
{
    (void)psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

void psci_system_reset(void)
{
    (void)psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}
