/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The round-trip test's stand-in for the kernel: mach_msg() hands a request straight to the server's stubs.
 */
#ifndef ROUNDTRIP_TRANSPORT_H
#define ROUNDTRIP_TRANSPORT_H

#include <mach/message.h>

#define TRANSPORT_FILL 0xa5 /* what fresh memory holds: in a message it is a leak */
#define TRANSPORT_SIZE_MAX 512

/*
 * A message on its way; a test may change it, its size (msgh_size) included, up to TRANSPORT_SIZE_MAX bytes.
 * The other side gets a copy in memory of exactly that size.  What is out of line is copied afterwards, as the
 * descriptors then say; where they differ from what was sent, the other side finds zeroes.
 */
typedef void (*transport_hook_t)(mach_msg_header_t *message);

extern transport_hook_t transport_on_request; /* NULL: nothing to change */
extern transport_hook_t transport_on_reply;

extern mach_msg_trailer_size_t
    transport_trailer_size; /* of requests; 0: none, nothing is behind the message */
extern mach_msg_trailer_size_t transport_reply_trailer_size;
extern mach_port_context_t transport_label; /* that trailers tell */

extern mach_msg_header_t *transport_last_request; /* as it was sent, before the hook */
extern kern_return_t
    transport_last_result; /* of the server: KERN_SUCCESS, or what stands in the error reply */
extern mach_msg_option_t transport_last_option;
extern mach_port_name_t transport_last_reply_port;
extern unsigned transport_leaks;     /* messages in which TRANSPORT_FILL was found */
extern unsigned transport_destroyed; /* calls of mach_msg_destroy() */
extern int transport_memory;         /* pieces of memory that receivers have and did not give back */

#endif
