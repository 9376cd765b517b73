/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_HOST_REBOOT_H
#define MACH_HOST_REBOOT_H

/* Options of host_reboot(): restart unless told otherwise. */
#define HOST_REBOOT_HALT 0x8
#define HOST_REBOOT_DEBUGGER 0x1000

#endif
