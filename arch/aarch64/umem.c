/* SPDX-License-Identifier: BSD-2-Clause */
/* User memory: the contract's checks around the copies of copy.S. */
#include <hal/umem.h>
#include <hal/upcall.h>

#include "arch.h"

enum hal_status hal_copyin(void *dst, hal_va_t src, size_t n)
{
    HAL_REQUIRE(HAL_USER_RANGE(src, n));
    return arch_copyin(dst, src, n);
}

enum hal_status hal_copyout(hal_va_t dst, const void *src, size_t n)
{
    HAL_REQUIRE(HAL_USER_RANGE(dst, n));
    return arch_copyout(dst, src, n);
}
