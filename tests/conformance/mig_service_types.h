/* SPDX-License-Identifier: BSD-2-Clause */
/* C types of mig_service.defs. */
#ifndef MIG_SERVICE_TYPES_H
#define MIG_SERVICE_TYPES_H

#include <mach/port.h>
#include <stdint.h>

typedef uint8_t *data_t;
typedef mach_port_t *few_t;
typedef mach_port_t *many_t;
typedef uint32_t *numbers_t;

#endif
