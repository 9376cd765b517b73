/* SPDX-License-Identifier: BSD-2-Clause */
/* Floating-point state: the parts that need no floating-point registers. */
#include "machine.h"

#include <arch/csr.h>

void hal_fpu_init(void *area)
{
    uint64_t *word = area;

    for (uint32_t i = 0; i < hal_info.fpu_size / sizeof *word; i++)
        word[i] = 0;
}
