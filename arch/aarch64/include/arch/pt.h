/* SPDX-License-Identifier: BSD-2-Clause */
/* TTBR0_EL1: the root of the user half, with its ASID in bits 63:48. */
#ifndef ARCH_PT_H
#define ARCH_PT_H

#include <hal/types.h>

static inline uint64_t hal_pt_token(hal_pa_t root, hal_asid_t asid)
{
    return (uint64_t)asid << 48 | root.addr;
}

static inline void hal_pt_activate(uint64_t token)
{
    __asm__ volatile("msr ttbr0_el1, %0\n\tisb" ::"r"(token) : "memory");
}

#endif
