/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel says of itself. */
#ifndef KERN_VERSION_H
#define KERN_VERSION_H

#include <hal/types.h>

#ifdef KERN_CHECKED
#define KERN_FLAVOUR ", checked"
#else
#define KERN_FLAVOUR ""
#endif

/* For ISA and board. */
#define KERN_VERSION_FORMAT "Portolan 0.1.0 (%s, %s" KERN_FLAVOUR ")"

extern hal_ticks_t kern_boot_time; /* when kern_boot() began */

#endif
