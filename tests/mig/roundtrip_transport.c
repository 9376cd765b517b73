/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See roundtrip_transport.h.  Header and descriptors change on the way as the kernel changes them; names do
 * not. Every message lives in memory of just its size, so that AddressSanitizer sees an access beyond it.
 */
#include "roundtrip_transport.h"

#include <mach/mig.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sample_server.h"

#define REPLY_PORT 77u
#define BLOCKS_MAX 64u
#define BLOCK_SIZE_MAX (1u << 20) /* the sender has no more */

transport_hook_t transport_on_request;
transport_hook_t transport_on_reply;
mach_msg_trailer_size_t transport_trailer_size;
mach_msg_trailer_size_t transport_reply_trailer_size;
mach_port_context_t transport_label;
mach_msg_header_t *transport_last_request;
kern_return_t transport_last_result;
mach_msg_option_t transport_last_option;
mach_port_name_t transport_last_reply_port;
unsigned transport_leaks;
unsigned transport_destroyed;
int transport_memory;

static mach_msg_header_t *last_reply; /* as the client got it */

/* Memory that receivers have. */
static struct block {
    void *memory;
    const void *message; /* with which it came */
} blocks[BLOCKS_MAX];

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

/* The descriptor at `offset` of a message, if there is a whole one. */
static mach_msg_descriptor_t *descriptor_at(mach_msg_header_t *head, size_t offset)
{
    mach_msg_descriptor_t *d = (mach_msg_descriptor_t *)(void *)((char *)head + offset);

    if (offset + sizeof(d->port) > head->msgh_size)
        return NULL;
    if (d->type.type == MACH_MSG_PORT_DESCRIPTOR)
        return d;
    if (d->type.type > MACH_MSG_OOL_PORTS_DESCRIPTOR || offset + sizeof(d->out_of_line) > head->msgh_size)
        return NULL;
    return d;
}

static size_t descriptor_size(const mach_msg_descriptor_t *d)
{
    return d->type.type == MACH_MSG_PORT_DESCRIPTOR ? sizeof(d->port) : sizeof(d->out_of_line);
}

static size_t memory_size(const mach_msg_descriptor_t *d)
{
    return d->type.type == MACH_MSG_OOL_PORTS_DESCRIPTOR ? d->ool_ports.count * sizeof(mach_port_name_t)
                                                         : d->out_of_line.size;
}

/* Call `visit` for each descriptor with its offset, until it says no. */
static bool each_descriptor(mach_msg_header_t *head,
                            bool (*visit)(mach_msg_descriptor_t *d, size_t offset, void *argument),
                            void *argument)
{
    const mach_msg_base_t *base = (const mach_msg_base_t *)head;
    mach_msg_descriptor_t *d;
    size_t offset = sizeof(*base);

    if (!MACH_MSGH_BITS_IS_COMPLEX(head->msgh_bits) || head->msgh_size < sizeof(*base))
        return true;
    for (mach_msg_size_t i = 0; i < base->body.msgh_descriptor_count; i++) {
        d = descriptor_at(head, offset);
        if (d == NULL)
            return true;
        if (!visit(d, offset, argument))
            return false;
        offset += descriptor_size(d);
    }
    return true;
}

static void *new_block(size_t size, const void *message)
{
    for (unsigned i = 0; i < BLOCKS_MAX; i++)
        if (blocks[i].memory == NULL) {
            blocks[i] = (struct block){calloc(1, size), message};
            transport_memory++;
            return blocks[i].memory;
        }
    abort();
}

static void free_block(struct block *block)
{
    free(block->memory);
    block->memory = NULL;
    transport_memory--;
}

/* All memory that came with a message. */
static void free_blocks(const void *message)
{
    for (unsigned i = 0; i < BLOCKS_MAX; i++)
        if (blocks[i].memory != NULL && blocks[i].message == message)
            free_block(&blocks[i]);
}

void mig_deallocate(vm_address_t address, vm_size_t size)
{
    (void)size;
    for (unsigned i = 0; i < BLOCKS_MAX; i++)
        if ((vm_address_t)blocks[i].memory == address && address != 0) {
            free_block(&blocks[i]);
            return;
        }
    if (address != 0)
        abort();
}

struct passage {
    const mach_msg_header_t *sent;
    const void *received; /* whose memory it is then */
};

/* The receiver's side of a descriptor: rights in received form, and memory of its own. */
static bool receive_descriptor(mach_msg_descriptor_t *d, size_t offset, void *argument)
{
    const struct passage *passage = argument;
    const mach_msg_descriptor_t *sent = (const void *)((const char *)passage->sent + offset);

    if (d->type.type == MACH_MSG_PORT_DESCRIPTOR) {
        d->port.disposition = received_as(d->port.disposition) & 0xffu;
        return true;
    }
    if (d->type.type == MACH_MSG_OOL_PORTS_DESCRIPTOR)
        d->ool_ports.disposition = received_as(d->ool_ports.disposition) & 0xffu;
    size_t size = memory_size(d);
    if (size > BLOCK_SIZE_MAX)
        return false;
    const void *from = d->out_of_line.address;
    d->out_of_line.address = size > 0 ? new_block(size, passage->received) : NULL;
    if (size > 0 && offset + sizeof(*sent) <= passage->sent->msgh_size && sent->out_of_line.address == from &&
        sent->type.type == d->type.type)
        memcpy(d->out_of_line.address, from, size < memory_size(sent) ? size : memory_size(sent));
    return true;
}

static bool free_given(mach_msg_descriptor_t *d, size_t offset, void *argument)
{
    (void)offset;
    (void)argument;
    if (d->type.type != MACH_MSG_PORT_DESCRIPTOR && d->out_of_line.deallocate)
        free(d->out_of_line.address);
    return true;
}

/* Addresses have any bytes: they are no leak. */
static bool clear_address(mach_msg_descriptor_t *d, size_t offset, void *argument)
{
    (void)offset;
    (void)argument;
    if (d->type.type != MACH_MSG_PORT_DESCRIPTOR)
        d->out_of_line.address = NULL;
    return true;
}

static void look_for_leaks(const mach_msg_header_t *head)
{
    mach_msg_header_t *copy = malloc(head->msgh_size);

    memcpy(copy, head, head->msgh_size);
    (void)each_descriptor(copy, clear_address, NULL);
    if (memchr(copy + 1, TRANSPORT_FILL, copy->msgh_size - sizeof(*copy)) != NULL)
        transport_leaks++;
    free(copy);
}

static void append_trailer(mach_msg_max_trailer_t *room, mach_msg_trailer_size_t size)
{
    mach_msg_max_trailer_t trailer = {
        .msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0,
        .msgh_trailer_size = size,
        .msgh_seqno = 5,
        .msgh_sender = {{200, 0}},
        .msgh_audit = {{100, 0, 0, 0, 0, 0, 0, 1000}},
        .msgh_context = transport_label,
    };

    memcpy(room, &trailer, size);
}

/*
 * Copy `message` as the other side gets it, changed by `hook`.  Memory that it gives away is gone.
 * Returns: NULL if the sender has not all the memory that it speaks of.
 */
static mach_msg_header_t *carry(mach_msg_header_t *message, transport_hook_t hook,
                                mach_msg_trailer_size_t trailer_size)
{
    mach_msg_header_t *room = calloc(1, TRANSPORT_SIZE_MAX);
    mach_msg_header_t *copy;
    bool whole;

    memcpy(room, message, message->msgh_size);
    if (hook != NULL)
        hook(room);
    copy = malloc(room->msgh_size + trailer_size);
    receive_header(room);
    whole = each_descriptor(room, receive_descriptor, &(struct passage){message, copy});
    memcpy(copy, room, room->msgh_size);
    if (trailer_size > 0)
        append_trailer((mach_msg_max_trailer_t *)((char *)copy + copy->msgh_size), trailer_size);
    (void)each_descriptor(message, free_given, NULL);
    free(room);
    if (!whole) {
        free_blocks(copy);
        free(copy);
        return NULL;
    }
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
    if (transport_last_result != KERN_SUCCESS && transport_last_result != MIG_NO_REPLY)
        free_blocks(request);
    if (transport_last_result == MIG_NO_REPLY) {
        free(reply);
        return NULL;
    }
    look_for_leaks(reply);
    return reply;
}

/* Bring the reply to the client. */
static mach_msg_return_t receive(mach_msg_header_t *msg, mach_msg_size_t rcv_size, mach_msg_header_t *answer)
{
    mach_msg_header_t *reply = carry(answer, transport_on_reply, transport_reply_trailer_size);
    mach_msg_size_t size;

    free(answer);
    if (reply == NULL)
        return MACH_RCV_BODY_ERROR;
    size = reply->msgh_size + transport_reply_trailer_size;
    if (size > rcv_size || reply->msgh_size + sizeof(mach_msg_trailer_t) > rcv_size) {
        free_blocks(reply);
        free(reply);
        return MACH_RCV_TOO_LARGE;
    }
    memset(msg, TRANSPORT_FILL, rcv_size);
    memcpy(msg, reply, size);
    free(last_reply);
    last_reply = reply;
    return MACH_MSG_SUCCESS;
}

mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_name_t notify)
{
    mach_msg_header_t *request, *answer;

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
    if (request == NULL)
        return MACH_SEND_INVALID_MEMORY;
    answer = serve(request);
    free(request);
    if (!(option & MACH_RCV_MSG)) {
        free(answer);
        return MACH_MSG_SUCCESS;
    }
    return answer != NULL ? receive(msg, rcv_size, answer) : MACH_RCV_TIMED_OUT;
}

void mach_msg_destroy(mach_msg_header_t *msg)
{
    (void)msg;
    free_blocks(last_reply); /* only clients call this, with the reply that they refuse */
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
