/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_THREAD_SWITCH_H
#define MACH_THREAD_SWITCH_H

#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/port.h>

#define SWITCH_OPTION_NONE 0 /* yield */
#define SWITCH_OPTION_DEPRESS                                                                                \
    1 /* lowest priority for option_time milliseconds, or until thread_depress_abort() */
#define SWITCH_OPTION_WAIT 2 /* block for option_time milliseconds */

#define valid_switch_option(option) ((option) >= SWITCH_OPTION_NONE && (option) <= SWITCH_OPTION_WAIT)

#ifndef KERNEL
/*
 * Give up the processor, to `thread` if that is the name of a thread's port and not MACH_PORT_NULL.
 * option_time: milliseconds.
 * Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT `thread` is no thread, or option is unknown.
 */
kern_return_t thread_switch(mach_port_name_t thread, int option, mach_msg_timeout_t option_time);
#endif

#endif
