/* SPDX-License-Identifier: BSD-2-Clause */
/* Floating-point state: the parts that need no floating-point registers. The others are in fpu.S. */
#include "machine.h"

#include <arch/csr.h>

void hal_fpu_init(void *area)
{
    uint64_t *word = area;

    for (uint32_t i = 0; i < hal_info.fpu_size / sizeof *word; i++)
        word[i] = 0;
}

void hal_fpu_load(const void *area)
{
    HAL_REQUIRE((ARCH_CSR_READ(sstatus) & SSTATUS_FS) == 0);
    arch_fpu_load(area);
}

void hal_fpu_save(void *area)
{
    HAL_REQUIRE((ARCH_CSR_READ(sstatus) & SSTATUS_FS) != 0);
    arch_fpu_save(area);
}
