/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_BOOLEAN_H
#define MACH_BOOLEAN_H

/* Mach's truth value: 32 bits, because it travels in messages. */
typedef int boolean_t;

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

#endif
