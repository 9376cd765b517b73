/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ARCH_PT_H
#define ARCH_PT_H

#include <arch/csr.h>
#include <hal/info.h>
#include <hal/types.h>

/* satp: mode (8 for three levels, 9 for four), ASID, page number of the root. */
static inline uint64_t hal_pt_token(hal_pa_t root, hal_asid_t asid)
{
    return (uint64_t)(hal_info.pt_levels - 3 + SATP_SV39) << SATP_MODE_SHIFT |
           (uint64_t)asid << SATP_ASID_SHIFT | root.addr >> HAL_PAGE_SHIFT;
}

static inline void hal_pt_activate(uint64_t token)
{
    ARCH_CSR_WRITE(satp, token);
    if (hal_info.asid_bits == 0)
        __asm__ volatile("sfence.vma" ::: "memory");
}

#endif
