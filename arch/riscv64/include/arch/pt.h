/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ARCH_PT_H
#define ARCH_PT_H

#include <arch/csr.h>
#include <hal/info.h>
#include <hal/types.h>

/*
 * A token is a value of satp: mode (8 for three levels, 9 for four, 10 for five), ASID, page number of the root.
 * hal_info.asid_bits is at most 15, so the top bit of the ASID is free to say that the TLB has none and must be flushed;
 * such a hart ignores it in satp.  The switch then needs no other word of memory.
 */
#define PT_TOKEN_FLUSH (1ull << 59)

static inline uint64_t hal_pt_token(hal_pa_t root, hal_asid_t asid)
{
    uint64_t flush = hal_info.asid_bits == 0 ? PT_TOKEN_FLUSH : 0;

    return (uint64_t)(hal_info.pt_levels - 3 + SATP_SV39) << SATP_MODE_SHIFT | flush |
           (uint64_t)asid << SATP_ASID_SHIFT | root.addr >> HAL_PAGE_SHIFT;
}

static inline void hal_pt_activate(uint64_t token)
{
    ARCH_CSR_WRITE(satp, token);
    if ((token & PT_TOKEN_FLUSH) != 0)
        __asm__ volatile("sfence.vma" ::: "memory");
}

#endif
