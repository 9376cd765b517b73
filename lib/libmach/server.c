/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of a server: receive, demultiplex, reply. */
#include <libmach/service.h>
#include <mach/mach.h>
#include <stdlib.h>

typedef boolean_t (*demux_t)(mach_msg_header_t *request, mach_msg_header_t *reply);

/* Buffers of a server. */
struct buffers {
    mach_msg_header_t *request;
    mach_msg_header_t *reply;
    mach_msg_size_t size; /* of each */
};

static boolean_t buffers_create(struct buffers *b, mach_msg_size_t max_size)
{
    b->size = max_size + MAX_TRAILER_SIZE;
    b->request = malloc(b->size);
    b->reply = malloc(b->size);
    return b->request != NULL && b->reply != NULL;
}

static void buffers_destroy(const struct buffers *b)
{
    free(b->request);
    free(b->reply);
}

#define RECEIVE_FAILED 0x4000 /* in every MACH_RCV_* error, in no MACH_SEND_* */

/* A client that is gone, or whose queue is full, is not waited for: only it is harmed. */
static mach_msg_option_t reply_option(const mach_msg_header_t *reply)
{
    /* A send-once right always has room; over a send right the client could make us wait. */
    return MACH_MSGH_BITS_REMOTE(reply->msgh_bits) == MACH_MSG_TYPE_MOVE_SEND_ONCE
               ? MACH_SEND_MSG
               : MACH_SEND_MSG | MACH_SEND_TIMEOUT;
}

static mach_msg_return_t receive(const struct buffers *b, mach_port_name_t rcv_name,
                                 mach_msg_option_t options)
{
    return mach_msg(b->request, MACH_RCV_MSG | options, 0, b->size, rcv_name, MACH_MSG_TIMEOUT_NONE,
                    MACH_PORT_NULL);
}

/* Send the reply and receive the next request, in one call: the kernel may go from one client straight to the next. */
static mach_msg_return_t reply_and_receive(struct buffers *b, mach_port_name_t rcv_name,
                                           mach_msg_option_t options)
{
    mach_msg_header_t *reply = b->reply;
    mach_msg_return_t result = mach_msg(reply, reply_option(reply) | MACH_RCV_MSG | options, reply->msgh_size,
                                        b->size, rcv_name, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);

    if (result != MACH_MSG_SUCCESS && (result & RECEIVE_FAILED) == 0) {
        mach_msg_destroy(reply); /* it was not sent */
        return receive(b, rcv_name, options);
    }
    b->reply = b->request;
    b->request = reply;
    return result;
}

/* Let `demux` answer the request in b->request, and settle what is left of it. Returns: is there a reply to be sent? */
static boolean_t serve(const struct buffers *b, demux_t demux)
{
    mig_reply_error_t *reply = (mig_reply_error_t *)b->reply;

    *reply = (mig_reply_error_t){0}; /* a simpleroutine leaves it alone */
    (void)demux(b->request, b->reply);
    if (!MACH_MSGH_BITS_IS_COMPLEX(reply->Head.msgh_bits) && reply->RetCode != KERN_SUCCESS) {
        if (reply->RetCode == MIG_NO_REPLY)
            return FALSE; /* the routine keeps the request, and its reply right */
        /* The routine took nothing: destroy all but the reply right, which the error goes over. */
        b->request->msgh_remote_port = MACH_PORT_NULL;
        mach_msg_destroy(b->request);
    }
    if (reply->Head.msgh_remote_port != MACH_PORT_NULL)
        return TRUE;
    mach_msg_destroy(b->reply);
    return FALSE;
}

static void send_reply(mach_msg_header_t *reply)
{
    if (mach_msg(reply, reply_option(reply), reply->msgh_size, 0, MACH_PORT_NULL, MACH_MSG_TIMEOUT_NONE,
                 MACH_PORT_NULL) != MACH_MSG_SUCCESS)
        mach_msg_destroy(reply);
}

mach_msg_return_t mach_msg_server_once(demux_t demux, mach_msg_size_t max_size, mach_port_name_t rcv_name,
                                       mach_msg_option_t options)
{
    struct buffers b;
    mach_msg_return_t result = KERN_RESOURCE_SHORTAGE;

    if (buffers_create(&b, max_size)) {
        result = receive(&b, rcv_name, options);
        if (result == MACH_MSG_SUCCESS && serve(&b, demux))
            send_reply(b.reply);
        else if (result == MACH_RCV_TOO_LARGE)
            result = MACH_MSG_SUCCESS; /* destroyed: no request of ours */
    }
    buffers_destroy(&b);
    return result;
}

mach_msg_return_t mach_msg_server(demux_t demux, mach_msg_size_t max_size, mach_port_name_t rcv_name,
                                  mach_msg_option_t options)
{
    struct buffers b;
    mach_msg_return_t result = KERN_RESOURCE_SHORTAGE;

    if (buffers_create(&b, max_size)) {
        boolean_t answers = FALSE;
        do {
            result = answers ? reply_and_receive(&b, rcv_name, options) : receive(&b, rcv_name, options);
            answers = result == MACH_MSG_SUCCESS && serve(&b, demux);
        } while (result == MACH_MSG_SUCCESS ||
                 result == MACH_RCV_TOO_LARGE); /* (destroyed: no request of ours) */
    }
    buffers_destroy(&b);
    return result;
}
