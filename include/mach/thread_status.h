/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thread states: registers by flavor.  <mach/machine/thread_status.h> has the flavors of the ISA; machine-
 * independent kernel code needs this file only.
 */
#ifndef MACH_THREAD_STATUS_H
#define MACH_THREAD_STATUS_H

#include <mach/vm_types.h>

typedef natural_t *thread_state_t;
typedef int thread_state_flavor_t;
typedef thread_state_flavor_t *thread_state_flavor_array_t;

#define THREAD_STATE_NONE 0
#define THREAD_STATE_FLAVOR_GENERAL 1 /* the general registers, on every ISA */

/* Words of 32 bits in the largest state of any flavor. */
#define THREAD_STATE_MAX 614
typedef natural_t thread_state_data_t[THREAD_STATE_MAX];

#ifndef KERNEL
#include <mach/machine/thread_status.h>
#endif

#endif
