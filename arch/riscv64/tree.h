/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device tree says of a RISC-V machine. Reads only. */
#ifndef ARCH_RISCV64_TREE_H
#define ARCH_RISCV64_TREE_H

#include <hal/drivers/fdt.h>
#include <hal/types.h>

struct arch_tree_cpus {
    uint64_t hart[HAL_CPU_MAX]; /* by CPU index; the boot hart is CPU 0 */
    uint32_t count;
    uint32_t unused;  /* harts that could be used, but for HAL_CPU_MAX */
    uint32_t time_hz; /* of the time CSR; 0: the tree names none */
    bool sstc;        /* the boot hart has the supervisor timer */
};

struct arch_tree_uart {
    hal_pa_t base;
    uint64_t size;  /* 0: there is none */
    uint32_t shift; /* registers are 1 << shift bytes apart */
    bool wide;      /* registers take 32-bit accesses only */
};

struct arch_tree_plic {
    hal_pa_t base;
    uint64_t size;                 /* 0: there is none */
    uint32_t lines;                /* line 0, which does not exist, included */
    uint32_t context[HAL_CPU_MAX]; /* by CPU index; PLIC_CONTEXT_MAX: none */
};

/* The boot hart, and, if harts can be started, the others with an MMU. */
void arch_tree_cpus(const struct fdt *t, uint64_t boot_hart, bool can_start, struct arch_tree_cpus *cpus);

/* The console, if it is of the 16550 family, else the first ns16550a. */
void arch_tree_uart(const struct fdt *t, struct arch_tree_uart *uart);

void arch_tree_plic(const struct fdt *t, const struct arch_tree_cpus *cpus, struct arch_tree_plic *plic);

#endif
