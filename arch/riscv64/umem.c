/* SPDX-License-Identifier: BSD-2-Clause */
/* User memory: both directions are one routine in trap.S. */
#include "machine.h"

enum hal_status hal_copyin(void *dst, hal_va_t src, size_t n)
{
    HAL_REQUIRE(HAL_USER_RANGE(src, n));

    return arch_user_copy(dst, (const void *)(uintptr_t)src, n);
}

enum hal_status hal_copyout(hal_va_t dst, const void *src, size_t n)
{
    HAL_REQUIRE(HAL_USER_RANGE(dst, n));

    return arch_user_copy((void *)(uintptr_t)dst, src, n);
}
