/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A board: what the ISA's boot code can't find out by itself.  A device tree or ACPI overrides every address here.  One
 * board is linked into a kernel (meson option `board`); hal/boards/<board>/board.c defines it.
 */
#ifndef HAL_BOOT_BOARD_H
#define HAL_BOOT_BOARD_H

#include <hal/power.h>
#include <hal/types.h>

struct hal_board {
    const char *name; /* of the folder in hal/boards */

    /* Console until the firmware's tables are read, and when they name none. base 0: none. */
    struct {
        const char *compatible; /* as in a device tree: "ns16550a", "arm,pl011" */
        hal_pa_t base;
        uint64_t size;
    } uart;

    /* RAM when the firmware's tables name none. size 0: none. */
    struct {
        hal_pa_t base;
        uint64_t size;
    } ram;

    /* Before the console is set up; MMU on, early map. NULL: nothing to do. */
    void (*early_init)(void);

    /* Tried before the ISA's own way; may return if it fails. NULL: none. */
    void (*reset)(enum hal_reset how);
};

extern const struct hal_board hal_board;

#endif
