/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's `virt` machine, AArch64.  Its device tree tells all but where to report that the tree is missing. */
#include <hal/boot/board.h>

const struct hal_board hal_board = {
    .name = "qemu-virt-aarch64",
    .uart = {.compatible = "arm,pl011", .base = {0x09000000}, .size = 0x1000},
};
