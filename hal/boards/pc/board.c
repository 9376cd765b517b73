/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PC: anything with the devices that firmware and operating systems of PCs take for granted.  QEMU's machines
 * pc, q35 and microvm are.  CPUs, interrupt controllers, timers and power come from CPUID and ACPI.
 */
#include <hal/boot/board.h>

const struct hal_board hal_board = {
    .name = "pc",
    /* Port I/O: `base` is the port of COM1. */
    .uart = {.compatible = "ns16550-port", .base = {0x3f8}, .size = 8},
};
