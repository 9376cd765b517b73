/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector state.  The kernel may always touch it; CPACR_EL1 says whether user code may, and stays as it is
 * across resumes.  SVE and SME are never enabled: their instructions are undefined to user code.
 */
#include <arch/sysreg.h>
#include <hal/fpu.h>
#include <hal/info.h>
#include <hal/upcall.h>

#include "arch.h"

/* vector_state.S */
struct arch_fpu_area {
    uint64_t q[32][2];
    uint64_t fpsr, fpcr;
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct arch_fpu_area, fpsr) == 512, "vector_state.S");

const uint32_t arch_fpu_area_size = sizeof(struct arch_fpu_area);

void hal_fpu_init(void *area)
{
    HAL_REQUIRE(area != NULL);
    *(struct arch_fpu_area *)area = (struct arch_fpu_area){0};
}

void hal_fpu_load(const void *area)
{
    HAL_REQUIRE(SYSREG_READ(cpacr_el1) == CPACR_KERNEL_ONLY);
    arch_fpu_fetch(area);
    SYSREG_WRITE(cpacr_el1, CPACR_EVERYBODY);
}

void hal_fpu_save(void *area)
{
    HAL_REQUIRE(SYSREG_READ(cpacr_el1) == CPACR_EVERYBODY);
    if (area != NULL)
        arch_fpu_store(area);
    SYSREG_WRITE(cpacr_el1, CPACR_KERNEL_ONLY);
}
