/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread state of the ISA that the program is compiled for.  The only public header that asks which one
 * that is: programs are compiled without the project's build files.
 */
#ifndef MACH_MACHINE_THREAD_STATUS_H
#define MACH_MACHINE_THREAD_STATUS_H

#if defined(__x86_64__)
#include <mach/x86_64/thread_status.h>
#elif defined(__aarch64__)
#include <mach/aarch64/thread_status.h>
#elif defined(__riscv) && __riscv_xlen == 64
#include <mach/riscv64/thread_status.h>
#else
#error "unknown instruction set architecture"
#endif

#endif
