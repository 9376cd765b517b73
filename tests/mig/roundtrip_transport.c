/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See roundtrip_transport.h.  Header and descriptors change on the way as the kernel changes them; names do
 * not. Every message lives in memory of just its size, so that AddressSanitizer sees an access beyond it.
 */
#include "roundtrip_transport.h"

#include <mach/mig.h>
#include <stdlib.h>
#include <string.h>

#include "sample_server.h"

#define REPLY_PORT 77u

transport_hook_t transport_on_request;
transport_hook_t transport_on_reply;
mach_msg_trailer_size_t transport_trailer_size;
mach_msg_header_t *transport_last_request;
kern_return_t transport_last_result;
mach_msg_option_t transport_last_option;
mach_port_name_t transport_last_reply_port;
unsigned transport_leaks;
unsigned transport_destroyed;

static mach_msg_type_name_t received_as(mach_msg_type_name_t disposition)
{
    switch (disposition) {
    case MACH_MSG_TYPE_MOVE_RECEIVE:
        return MACH_MSG_TYPE_PORT_RECEIVE;
    case MACH_MSG_TYPE_MOVE_SEND:
    case MACH_MSG_TYPE_COPY_SEND:
    case MACH_MSG_TYPE_MAKE_SEND:
        return MACH_MSG_TYPE_PORT_SEND;
    case MACH_MSG_TYPE_MOVE_SEND_ONCE:
    case MACH_MSG_TYPE_MAKE_SEND_ONCE:
        return MACH_MSG_TYPE_PORT_SEND_ONCE;
    default:
        return disposition;
    }
}

/* The right that names the destination becomes the local port, the reply right the remote one. */
static void receive_header(mach_msg_header_t *head)
{
    mach_port_name_t remote = head->msgh_remote_port;

    head->msgh_remote_port = head->msgh_local_port;
    head->msgh_local_port = remote;
    head->msgh_bits = MACH_MSGH_BITS_OTHER(head->msgh_bits) |
                      MACH_MSGH_BITS(received_as(MACH_MSGH_BITS_LOCAL(head->msgh_bits)),
                                     received_as(MACH_MSGH_BITS_REMOTE(head->msgh_bits)));
}

static void receive_descriptors(mach_msg_header_t *head)
{
    mach_msg_base_t *base = (mach_msg_base_t *)head;
    mach_msg_port_descriptor_t *descriptor = (mach_msg_port_descriptor_t *)(base + 1);

    if (!MACH_MSGH_BITS_IS_COMPLEX(head->msgh_bits))
        return;
    for (mach_msg_size_t i = 0; i < base->body.msgh_descriptor_count; i++)
        descriptor[i].disposition = received_as(descriptor[i].disposition) & 0xffu;
}

static void look_for_leaks(const mach_msg_header_t *head)
{
    if (memchr(head + 1, TRANSPORT_FILL, head->msgh_size - sizeof(*head)) != NULL)
        transport_leaks++;
}

static void append_trailer(mach_msg_max_trailer_t *room, mach_msg_trailer_size_t size)
{
    mach_msg_max_trailer_t trailer = {
        .msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0,
        .msgh_trailer_size = size,
        .msgh_seqno = 5,
        .msgh_audit = {{100, 0, 0, 0, 0, 0, 0, 1000}},
    };

    memcpy(room, &trailer, size);
}

/* Copy `message` as the other side gets it, changed by `hook`. */
static mach_msg_header_t *carry(const mach_msg_header_t *message, transport_hook_t hook,
                                mach_msg_trailer_size_t trailer_size)
{
    mach_msg_header_t *room = calloc(1, TRANSPORT_SIZE_MAX);
    mach_msg_header_t *copy;

    memcpy(room, message, message->msgh_size);
    receive_header(room);
    receive_descriptors(room);
    if (hook != NULL)
        hook(room);
    copy = malloc(room->msgh_size + trailer_size);
    memcpy(copy, room, room->msgh_size);
    if (trailer_size > 0)
        append_trailer((mach_msg_max_trailer_t *)((char *)copy + copy->msgh_size), trailer_size);
    free(room);
    return copy;
}

/* Let the server serve `request`. Returns: its reply, or NULL if it sends none. */
static mach_msg_header_t *serve(mach_msg_header_t *request)
{
    mach_msg_header_t *reply = malloc(sample_subsystem.maxsize);
    mig_reply_error_t *error = (mig_reply_error_t *)reply;

    memset(reply, TRANSPORT_FILL, sample_subsystem.maxsize);
    (void)sample_server(request, reply);
    transport_last_result = KERN_SUCCESS;
    if (!MACH_MSGH_BITS_IS_COMPLEX(reply->msgh_bits))
        transport_last_result = error->RetCode;
    look_for_leaks(reply);
    if (transport_last_result == MIG_NO_REPLY) {
        free(reply);
        return NULL;
    }
    return reply;
}

mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_name_t notify)
{
    mach_msg_header_t *request, *answer, *reply;

    (void)timeout;
    (void)notify;
    if (send_size != msg->msgh_size || send_size % 4 != 0)
        return MACH_SEND_MSG_TOO_SMALL;
    transport_last_option = option;
    transport_last_reply_port = rcv_name;
    free(transport_last_request);
    transport_last_request = malloc(send_size);
    memcpy(transport_last_request, msg, send_size);
    look_for_leaks(msg);
    request = carry(msg, transport_on_request, transport_trailer_size);
    answer = serve(request);
    free(request);
    if (!(option & MACH_RCV_MSG)) {
        free(answer);
        return MACH_MSG_SUCCESS;
    }
    if (answer == NULL)
        return MACH_RCV_TIMED_OUT;
    reply = carry(answer, transport_on_reply, 0);
    free(answer);
    if (reply->msgh_size + sizeof(mach_msg_trailer_t) > rcv_size) {
        free(reply);
        return MACH_RCV_TOO_LARGE;
    }
    memset(msg, TRANSPORT_FILL, rcv_size);
    memcpy(msg, reply, reply->msgh_size);
    free(reply);
    return MACH_MSG_SUCCESS;
}

void mach_msg_destroy(mach_msg_header_t *msg)
{
    (void)msg;
    transport_destroyed++;
}

mach_port_t mig_get_reply_port(void)
{
    return REPLY_PORT;
}

void mig_put_reply_port(mach_port_t reply_port)
{
    (void)reply_port;
}

void mig_dealloc_reply_port(mach_port_t reply_port)
{
    (void)reply_port;
}

mach_msg_size_t mig_strncpy(char *dest, const char *src, mach_msg_size_t len)
{
    mach_msg_size_t i;

    for (i = 0; i + 1 < len && src[i] != '\0'; i++)
        dest[i] = src[i];
    dest[i] = '\0';
    return i + 1;
}
