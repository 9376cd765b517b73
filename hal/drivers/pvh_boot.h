/* SPDX-License-Identifier: BSD-2-Clause */
/* What a PVH loader hands over (Xen docs/misc/pvh.pandoc): RAM, command line, boot archive, RSDP. */
#ifndef HAL_DRIVERS_PVH_BOOT_H
#define HAL_DRIVERS_PVH_BOOT_H

#include <hal/types.h>

/*
 * Read the start info at physical address `start_info`: fills hal_info.cmdline and archive_*, adds RAM, reserves the
 * archive.  Nothing at or above physical address `end` is read.  Malformed: a line says how, and the machine halts.
 * Context: boot phase; the direct map covers [0, end).
 * Returns: the physical address of the RSDP, 0 if the loader gives none.
 */
uint64_t pvh_boot_read(uint64_t start_info, uint64_t end);

#endif
