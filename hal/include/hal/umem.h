/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to the memory of the user address space that is active on this CPU. */
#ifndef HAL_UMEM_H
#define HAL_UMEM_H

#include <hal/info.h>
#include <hal/types.h>

/* Does [va, va + n) lie in user space?  No wrap; n == 0 is inside anywhere in the range. */
#define HAL_USER_RANGE(va, n)                                                                                \
    ((va) >= hal_info.user_base && (va) <= hal_info.user_limit && (n) <= hal_info.user_limit - (va))

/*
 * Copy n bytes from user memory / to user memory.
 * Never panics, blocks or resolves the fault.
 * Context: interrupts masked; HAL_USER_RANGE(src or dst, n).
 * Returns: HAL_OK all copied; HAL_FAULT some byte is not accessible to the user in that way: a prefix of
 * unspecified length was copied.
 */
#define PRE_hal_copyin(dst, src, n) (HAL_USER_RANGE(src, n) && ((n) == 0 || (dst) != NULL))
#define POST_hal_copyin(result) ((result) == HAL_OK || (result) == HAL_FAULT)
/*@ requires PRE_hal_copyin(dst, src, n);
    requires n > 0 ==> \valid((char *)dst + (0 .. n - 1));
    assigns ((char *)dst)[0 .. n - 1];
    ensures POST_hal_copyin(\result); */
HAL_NODISCARD enum hal_status hal_copyin(void *dst, hal_va_t src, size_t n);
#define PRE_hal_copyout(dst, src, n) (HAL_USER_RANGE(dst, n) && ((n) == 0 || (src) != NULL))
#define POST_hal_copyout(result) ((result) == HAL_OK || (result) == HAL_FAULT)
/*@ requires PRE_hal_copyout(dst, src, n);
    requires n > 0 ==> \valid_read((const char *)src + (0 .. n - 1));
    assigns \nothing;
    ensures POST_hal_copyout(\result); */
HAL_NODISCARD enum hal_status hal_copyout(hal_va_t dst, const void *src, size_t n);

#endif
