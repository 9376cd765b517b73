/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of hal/boot tell each other about RAM. */
#ifndef HAL_BOOT_MEM_H
#define HAL_BOOT_MEM_H

#include <hal/boot/range.h>

/* Range `index` of all RAM, in use or not, by ascending address. Returns: false behind the last: unchanged. */
bool boot_mem_ram(uint32_t index, struct boot_range *range);

/* Enter whole pages into hal_info.taken[]. */
void boot_mem_take(uint64_t base, uint64_t size);

#endif
