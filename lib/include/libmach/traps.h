/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps that only the library itself and tests use. */
#ifndef LIBMACH_TRAPS_H
#define LIBMACH_TRAPS_H

#include <mach/message.h>

/* The trap behind mach_msg_overwrite(), receiving into *msg: as that, but an interrupted wait always comes back. */
mach_msg_return_t mach_msg_trap(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                                mach_msg_size_t rcv_size, mach_port_name_t rcv_name,
                                mach_msg_timeout_t timeout, mach_msg_size_t scatter_size);

/* Nothing: what it costs to enter and leave the kernel. Returns: KERN_SUCCESS. */
kern_return_t mach_null(void);

#endif
