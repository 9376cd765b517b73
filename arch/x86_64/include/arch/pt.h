/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Activation of an address space.  A token is a value of CR3: root, process-context identifier (PCID) as
 * ASID, and bit 63, which keeps the TLB.  Without PCIDs there is one ASID, 0, bit 63 stays clear, and a load
 * of CR3 forgets all that is not global.
 */
#ifndef ARCH_PT_H
#define ARCH_PT_H

#include <hal/types.h>

#define X86_PCID_BITS 12u

/* Bit 63 if the CPU has PCIDs, else 0; constant after boot. */
extern uint64_t x86_cr3_keep;

static inline uint64_t hal_pt_token(hal_pa_t root, hal_asid_t asid)
{
    return root.addr + asid + x86_cr3_keep;
}

static inline void hal_pt_activate(uint64_t token)
{
#ifndef __FRAMAC__
    __asm__ volatile("mov %0, %%cr3" : : "r"(token) : "memory");
#else
    (void)token;
#endif
}

#endif
