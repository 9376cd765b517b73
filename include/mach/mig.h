/* SPDX-License-Identifier: BSD-2-Clause */
/* What the stubs that MIG generates have in common. */
#ifndef MACH_MIG_H
#define MACH_MIG_H

#include <mach/message.h>
#include <mach/mig_errors.h>
#include <mach/notify.h>

#define MIG_SIZE(object) ((mach_msg_size_t)sizeof(object))

/* Data in messages takes whole words of 4 bytes. */
#define MIG_ROUND(bytes) (((bytes) + 3u) & ~3u)

/*
 * A variable array is declared with room for all that it may hold, but takes only the room that it needs:
 * what follows it moves forward by the gap.  The message as it is to be seen from behind such an array:
 */
static inline void *mig_moved(void *message, mach_msg_size_t gap)
{
    return (char *)message - gap;
}

/* Clear the bytes between `used` and the next whole word at `data`. Returns: `used`, rounded up. */
static inline mach_msg_size_t mig_pad(void *data, mach_msg_size_t used)
{
    char *byte = data;
    mach_msg_size_t end = MIG_ROUND(used);

    for (mach_msg_size_t i = used; i < end; i++)
        byte[i] = 0;
    return end;
}

/* Bytes of the string at `text` with its NUL, or 0 if there is none in the first `room` bytes. */
static inline mach_msg_size_t mig_string_size(const char *text, mach_msg_size_t room)
{
    for (mach_msg_size_t i = 0; i < room; i++)
        if (text[i] == '\0')
            return i + 1;
    return 0;
}

/* End the string at `text` within `room` bytes. Returns: its size with the NUL. */
static inline mach_msg_size_t mig_string_end(char *text, mach_msg_size_t room)
{
    mach_msg_size_t size = mig_string_size(text, room);

    if (size == 0) {
        text[room - 1] = '\0';
        size = room;
    }
    return size;
}

/* Does a request or reply have `descriptors` descriptors (0: it is simple), and from min to max bytes? */
static inline boolean_t mig_has_form(const mach_msg_header_t *head, mach_msg_size_t descriptors,
                                     mach_msg_size_t min, mach_msg_size_t max)
{
    if (head->msgh_size < min || head->msgh_size > max)
        return FALSE;
    if (descriptors == 0)
        return !MACH_MSGH_BITS_IS_COMPLEX(head->msgh_bits);
    return MACH_MSGH_BITS_IS_COMPLEX(head->msgh_bits) &&
           ((const mach_msg_base_t *)head)->body.msgh_descriptor_count == descriptors;
}

/* Is it the descriptor of a right that the receiver holds as `disposition`? */
static inline boolean_t mig_is_port(const mach_msg_port_descriptor_t *descriptor,
                                    mach_msg_type_name_t disposition)
{
    return descriptor->type == MACH_MSG_PORT_DESCRIPTOR && descriptor->disposition == disposition;
}

/* Is it the descriptor of any right? */
static inline boolean_t mig_is_any_port(const mach_msg_port_descriptor_t *descriptor)
{
    return descriptor->type == MACH_MSG_PORT_DESCRIPTOR &&
           MACH_MSG_TYPE_PORT_ANY_RIGHT(descriptor->disposition);
}

/* The same of an array of rights, of which the first `used` of `room` descriptors hold one; the others hold none. */
static inline boolean_t mig_are_ports(const mach_msg_port_descriptor_t *descriptor, mach_msg_size_t used,
                                      mach_msg_size_t room, mach_msg_type_name_t disposition)
{
    for (mach_msg_size_t i = 0; i < room; i++)
        if (!mig_is_port(&descriptor[i], disposition) || (i >= used && descriptor[i].name != 0))
            return FALSE;
    return TRUE;
}

/* Rights of any kind, but all of one. */
static inline boolean_t mig_are_any_ports(const mach_msg_port_descriptor_t *descriptor, mach_msg_size_t used,
                                          mach_msg_size_t room)
{
    return mig_is_any_port(descriptor) &&
           mig_are_ports(descriptor, used, room, (mach_msg_type_name_t)descriptor->disposition);
}

/* Is it the descriptor of `size` bytes of memory? */
static inline boolean_t mig_is_memory(const mach_msg_ool_descriptor_t *descriptor, uint64_t size)
{
    return descriptor->type == MACH_MSG_OOL_DESCRIPTOR && descriptor->size == size;
}

/* Is it the descriptor of `count` rights out of line, which the receiver holds as `disposition`? */
static inline boolean_t mig_is_ool_ports(const mach_msg_ool_ports_descriptor_t *descriptor,
                                         mach_msg_size_t count, mach_msg_type_name_t disposition)
{
    return descriptor->type == MACH_MSG_OOL_PORTS_DESCRIPTOR && descriptor->count == count &&
           descriptor->disposition == disposition;
}

static inline boolean_t mig_is_any_ool_ports(const mach_msg_ool_ports_descriptor_t *descriptor,
                                             mach_msg_size_t count)
{
    return descriptor->type == MACH_MSG_OOL_PORTS_DESCRIPTOR && descriptor->count == count &&
           MACH_MSG_TYPE_PORT_ANY_RIGHT(descriptor->disposition);
}

/* The trailer behind a message that was received, if it is one of `size` bytes or more; else NULL. */
static inline const mach_msg_max_trailer_t *mig_trailer(const mach_msg_header_t *head,
                                                        mach_msg_trailer_size_t size)
{
    const char *end = (const char *)head + MIG_ROUND(head->msgh_size);
    const mach_msg_max_trailer_t *trailer = (const mach_msg_max_trailer_t *)(const void *)end;

    if (trailer->msgh_trailer_type != MACH_MSG_TRAILER_FORMAT_0 || trailer->msgh_trailer_size < size)
        return (const mach_msg_max_trailer_t *)0;
    return trailer;
}

/* Fill in the descriptor of a right. */
static inline void mig_put_port(mach_msg_port_descriptor_t *descriptor, mach_port_name_t name,
                                mach_msg_type_name_t disposition)
{
    descriptor->name = name;
    descriptor->pad1 = 0;
    descriptor->pad2 = 0;
    descriptor->disposition = disposition & 0xffu;
    descriptor->type = MACH_MSG_PORT_DESCRIPTOR;
}

/* Fill in the descriptors of an array of rights: `used` names, and none in the rest of the `room` descriptors. */
static inline void mig_put_ports(mach_msg_port_descriptor_t *descriptor, const mach_port_name_t *name,
                                 mach_msg_size_t used, mach_msg_size_t room, mach_msg_type_name_t disposition)
{
    for (mach_msg_size_t i = 0; i < room; i++)
        mig_put_port(&descriptor[i], i < used ? name[i] : 0, disposition);
}

/* The names in the first `used` descriptors of an array of rights. */
static inline void mig_get_ports(const mach_msg_port_descriptor_t *descriptor, mach_port_name_t *name,
                                 mach_msg_size_t used)
{
    for (mach_msg_size_t i = 0; i < used; i++)
        name[i] = descriptor[i].name;
}

/* Fill in the descriptor of memory. */
static inline void mig_put_memory(mach_msg_ool_descriptor_t *descriptor, mach_msg_address_t address,
                                  mach_msg_size_t size, boolean_t deallocate, mach_msg_copy_options_t copy)
{
    descriptor->address = address;
    descriptor->deallocate = deallocate != FALSE;
    descriptor->copy = copy & 0xffu;
    descriptor->pad1 = 0;
    descriptor->type = MACH_MSG_OOL_DESCRIPTOR;
    descriptor->size = size;
}

/* Fill in the descriptor of rights out of line. */
static inline void mig_put_ool_ports(mach_msg_ool_ports_descriptor_t *descriptor, mach_msg_address_t address,
                                     mach_msg_size_t count, boolean_t deallocate,
                                     mach_msg_type_name_t disposition)
{
    descriptor->address = address;
    descriptor->deallocate = deallocate != FALSE;
    descriptor->copy = MACH_MSG_VIRTUAL_COPY;
    descriptor->disposition = disposition & 0xffu;
    descriptor->type = MACH_MSG_OOL_PORTS_DESCRIPTOR;
    descriptor->count = count;
}

/*
 * Is it the reply `id` of the form that mig_has_form() would accept, with a good result?
 * Returns: KERN_SUCCESS; the server's result, if that is an error; MIG_SERVER_DIED, MIG_REPLY_MISMATCH,
 * MIG_TYPE_ERROR.
 */
static inline kern_return_t mig_check_reply(const mach_msg_header_t *head, mach_msg_id_t id,
                                            mach_msg_size_t descriptors, mach_msg_size_t min,
                                            mach_msg_size_t max)
{
    const mig_reply_error_t *error = (const mig_reply_error_t *)head;

    if (head->msgh_id != id)
        return head->msgh_id == MACH_NOTIFY_SEND_ONCE ? MIG_SERVER_DIED : MIG_REPLY_MISMATCH;
    if (mig_has_form(head, 0, MIG_SIZE(*error), MIG_SIZE(*error)) && error->RetCode != KERN_SUCCESS)
        return error->RetCode;
    if (!mig_has_form(head, descriptors, min, max))
        return MIG_TYPE_ERROR;
    return descriptors == 0 ? error->RetCode : KERN_SUCCESS;
}

#ifndef KERNEL

#ifdef MIG_REGISTERS /* the library has the register form of RPC */
#include <libmach/mig_call.h>
#endif

/* The label of the port that a request came to, if the receiver asked for it in the trailer; else 0. */
static inline mach_port_context_t mig_label(const mach_msg_header_t *head)
{
    const mach_msg_max_trailer_t *trailer = mig_trailer(head, sizeof(mach_msg_context_trailer_t));

    return trailer ? trailer->msgh_context : 0;
}

/* Move memory that came with a reply to where the caller wants it. */
static inline void mig_overwrite(void *destination, const mach_msg_ool_descriptor_t *descriptor,
                                 mach_msg_size_t size)
{
    if (size == 0)
        return;
    __builtin_memcpy(destination, descriptor->address, size);
    mig_deallocate((vm_address_t)descriptor->address, size);
}

/* A reply that is not as it should be: release what it carries. Returns: result. */
static inline kern_return_t mig_refuse_reply(mach_msg_header_t *head, kern_return_t result)
{
    if (MACH_MSGH_BITS_IS_COMPLEX(head->msgh_bits))
        mach_msg_destroy(head);
    return result;
}

/* What becomes of the reply port after a call that ended with `result`: if an answer may still come, the next call needs another. */
static inline void mig_end_call(mach_port_t reply_port, mach_msg_return_t result)
{
    switch (result) {
    case MACH_MSG_SUCCESS:
    case MACH_SEND_INVALID_DATA:
    case MACH_SEND_INVALID_DEST:
    case MACH_SEND_INVALID_HEADER:
        mig_put_reply_port(reply_port);
        break;
    default:
        mig_dealloc_reply_port(reply_port);
        break;
    }
}

/*
 * Send the request *head over its remote port; the reply, at most reply_size bytes with its trailer, replaces
 * it.
 */
static inline mach_msg_return_t mig_call_options(mach_msg_header_t *head, mach_msg_size_t reply_size,
                                                 mach_msg_option_t option, mach_msg_timeout_t timeout)
{
    mach_port_t reply_port = mig_get_reply_port();
    mach_msg_return_t result;

    if (reply_port == MACH_PORT_NULL)
        return KERN_RESOURCE_SHORTAGE; /* what the server did could not be told */
    head->msgh_local_port = reply_port;
    head->msgh_voucher_port = MACH_PORT_NULL;
    result = mach_msg(head, MACH_SEND_MSG | MACH_RCV_MSG | option, head->msgh_size, reply_size, reply_port,
                      timeout, MACH_PORT_NULL);
    mig_end_call(reply_port, result);
    return result;
}

static inline __attribute__((always_inline)) mach_msg_return_t mig_call(mach_msg_header_t *head,
                                                                        mach_msg_size_t reply_size)
{
#ifdef MIG_REGISTERS
    if (mig_fits_registers(head, reply_size))
        return mig_call_registers(head, reply_size);
#endif
    return mig_call_options(head, reply_size, MACH_MSG_OPTION_NONE, MACH_MSG_TIMEOUT_NONE);
}

/* As mig_call_options(), over a reply port of the caller's that msgh_local_port names. */
static inline mach_msg_return_t mig_call_over(mach_msg_header_t *head, mach_msg_size_t reply_size,
                                              mach_msg_option_t option, mach_msg_timeout_t timeout)
{
    head->msgh_voucher_port = MACH_PORT_NULL;
    return mach_msg(head, MACH_SEND_MSG | MACH_RCV_MSG | option, head->msgh_size, reply_size,
                    head->msgh_local_port, timeout, MACH_PORT_NULL);
}

/* Send the request *head; no reply is awaited. */
static inline mach_msg_return_t mig_send(mach_msg_header_t *head, mach_msg_option_t option,
                                         mach_msg_timeout_t timeout)
{
    head->msgh_voucher_port = MACH_PORT_NULL;
    return mach_msg(head, MACH_SEND_MSG | option, head->msgh_size, 0, MACH_PORT_NULL, timeout,
                    MACH_PORT_NULL);
}

/*
 * Serve one request: the body of every generated NAME_server().
 * Returns: TRUE; FALSE the subsystem has no such id (*reply says MIG_BAD_ID).
 */
static inline boolean_t mig_serve(const mig_subsystem_t *subsystem, mach_msg_header_t *request,
                                  mach_msg_header_t *reply)
{
    mig_reply_error_t *error = (mig_reply_error_t *)reply;
    mach_msg_id_t id = request->msgh_id;
    mig_routine_t routine = (mig_routine_t)0;
    kern_return_t result;

    reply->msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(request->msgh_bits), 0);
    reply->msgh_size = MIG_SIZE(*error);
    reply->msgh_remote_port = request->msgh_remote_port;
    reply->msgh_local_port = MACH_PORT_NULL;
    reply->msgh_voucher_port = MACH_PORT_NULL;
    reply->msgh_id = (mach_msg_id_t)((natural_t)id + 100u);
    if (id >= subsystem->start && id < subsystem->end)
        routine = subsystem->routine[id - subsystem->start];
    result = routine ? routine(request, reply) : MIG_BAD_ID;
    if (result != KERN_SUCCESS) {
        error->NDR = NDR_record;
        error->RetCode = result;
    }
    return routine ? TRUE : FALSE;
}

#endif

#endif
