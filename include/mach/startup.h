/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program finds at its start.  The first argument register of its first thread holds the address of a struct
 * mach_startup on its stack, everything it points to lies above it there.  The kernel makes it for servers/bootstrap;
 * bootstrap makes it for every other program.  The bootstrap port is task special port TASK_BOOTSTRAP_PORT.
 */
#ifndef MACH_STARTUP_H
#define MACH_STARTUP_H

#include <stdint.h>

#define MACH_STARTUP_VERSION 1u

struct mach_startup {
    uint32_t version;       /* MACH_STARTUP_VERSION */
    uint32_t argc;          /* strings in argv */
    uint64_t argv;          /* address of argc + 1 addresses of NUL-terminated strings, the last one 0 */
    uint64_t cmdline;       /* address of the kernel command line, NUL-terminated; 0 but for bootstrap */
    uint64_t archive;       /* address of the boot archive (cpio newc), page aligned; 0 but for bootstrap */
    uint64_t archive_size;  /* bytes */
    uint32_t host_priv;     /* send right for the privileged host port; 0 but for bootstrap */
    uint32_t device_master; /* send right for the device master port (device.defs); the same */
};

#endif
