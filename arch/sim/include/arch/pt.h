/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ARCH_PT_H
#define ARCH_PT_H

#include <hal/types.h>

#define PT_TOKEN_ASID_SHIFT 48

static inline uint64_t hal_pt_token(hal_pa_t root, hal_asid_t asid)
{
    return (uint64_t)asid << PT_TOKEN_ASID_SHIFT | root.addr;
}

void arch_pt_activate(uint64_t token);

static inline void hal_pt_activate(uint64_t token)
{
    arch_pt_activate(token);
}

#endif
