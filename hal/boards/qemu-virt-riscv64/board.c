/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU -M virt for riscv64 under OpenSBI.  Its device tree names everything; the firmware does power and, until
 * the tree is read, the console.  The same kernel boots on any machine with SBI, a PLIC and a complete tree.
 */
#include <hal/boot/board.h>

const struct hal_board hal_board = {
    .name = "qemu-virt-riscv64",
    .uart = {.compatible = "ns16550a", .base = {0x10000000}, .size = 0x100},
};
