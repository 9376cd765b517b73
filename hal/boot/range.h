/* SPDX-License-Identifier: BSD-2-Clause */
/* Small sets of addresses as sorted, disjoint, non-adjacent ranges. For hal/boot only. */
#ifndef HAL_BOOT_RANGE_H
#define HAL_BOOT_RANGE_H

#include <hal/types.h>

#define BOOT_RANGES_MAX 64u

struct boot_range {
    uint64_t base;
    uint64_t end; /* first byte behind; base < end */
};

struct boot_range_set {
    uint32_t count;
    struct boot_range range[BOOT_RANGES_MAX];
};

/* Add [base, end). Returns: false if the set has no room for another range: unchanged. */
HAL_NODISCARD bool boot_range_add(struct boot_range_set *set, uint64_t base, uint64_t end);

/* Take [base, end) out. Returns: false if a range would have to be split and there is no room: unchanged. */
HAL_NODISCARD bool boot_range_remove(struct boot_range_set *set, uint64_t base, uint64_t end);

#endif
