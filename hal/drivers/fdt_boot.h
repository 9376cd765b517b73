/* SPDX-License-Identifier: BSD-2-Clause */
/* What every ISA that boots from a device tree takes out of it: memory, boot modules, command line, CPUs, console. */
#ifndef HAL_DRIVERS_FDT_BOOT_H
#define HAL_DRIVERS_FDT_BOOT_H

#include <hal/drivers/fdt.h>

/*
 * Hand memory nodes to boot_mem_add(), reservations (the reservation block, /reserved-memory, the boot archive
 * that fdt_boot_chosen() found) to boot_mem_reserve(), `no-map` regions to boot_mem_remove().  An archive outside of
 * memory is dropped, with a message.  The caller reserves the kernel image.  If the tree names no memory, it is
 * the board's (hal/boot/board.h); a board that names none either can't boot: a message, and the end.
 */
void fdt_boot_memory(const struct fdt *t);

/* Reserve the tree, which lies at `pa`, and name it in hal_info if it lies in RAM. After fdt_boot_memory(). */
void fdt_boot_keep(const struct fdt *t, hal_pa_t pa);

/* Command line and boot archive from /chosen to hal_info. A command line that is too long is cut, with a message. */
void fdt_boot_chosen(const struct fdt *t);

/*
 * The next usable CPU after `cpu` (FDT_NONE: the first) and its hardware id (`reg`: hart id, MPIDR).
 * "Usable": enabled, or waiting for an enable-method. Returns FDT_NONE after the last.
 */
fdt_node_t fdt_boot_cpu_next(const struct fdt *t, fdt_node_t cpu, uint64_t *id);

/* The console's node (/chosen stdout-path); FDT_NONE if the tree names none. */
fdt_node_t fdt_boot_console(const struct fdt *t);

#endif
