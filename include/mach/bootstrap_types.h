/* SPDX-License-Identifier: BSD-2-Clause */
/* Names, states and results of the name service (bootstrap.defs). */
#ifndef MACH_BOOTSTRAP_TYPES_H
#define MACH_BOOTSTRAP_TYPES_H

#include <mach/kern_return.h>

#define BOOTSTRAP_MAX_NAME_LEN 128 /* NUL included */

typedef char name_t[BOOTSTRAP_MAX_NAME_LEN];

#define BOOTSTRAP_STATUS_INACTIVE 0
#define BOOTSTRAP_STATUS_ACTIVE 1
#define BOOTSTRAP_STATUS_ON_DEMAND 2 /* declared, not checked in */

#define BOOTSTRAP_SUCCESS 0
#define BOOTSTRAP_NOT_PRIVILEGED 1100
#define BOOTSTRAP_NAME_IN_USE 1101
#define BOOTSTRAP_UNKNOWN_SERVICE 1102
#define BOOTSTRAP_SERVICE_ACTIVE 1103
#define BOOTSTRAP_BAD_COUNT 1104
#define BOOTSTRAP_NO_MEMORY 1105
#define BOOTSTRAP_NO_CHILDREN 1106

#endif
