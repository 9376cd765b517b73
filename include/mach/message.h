/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages.
 *
 *   mach_msg_header_t                  24 bytes
 *   mach_msg_body_t, descriptors       only if msgh_bits has MACH_MSGH_BITS_COMPLEX
 *   inline data                        up to msgh_size, which is a multiple of 4 and counts from the header
 *   trailer                            written by the kernel on receive, behind msgh_size
 *
 * Everything is packed to 4 bytes: a message of the same fields has the same layout everywhere.
 */
#ifndef MACH_MESSAGE_H
#define MACH_MESSAGE_H

#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_types.h>

typedef natural_t mach_msg_timeout_t; /* milliseconds */
#define MACH_MSG_TIMEOUT_NONE ((mach_msg_timeout_t)0)

typedef unsigned int mach_msg_bits_t;
typedef natural_t mach_msg_size_t;
typedef integer_t mach_msg_id_t;
typedef natural_t mach_msg_type_number_t;
typedef unsigned int mach_msg_type_name_t;
typedef unsigned int mach_msg_copy_options_t;
typedef unsigned int mach_msg_descriptor_type_t;
typedef natural_t mach_msg_priority_t;
typedef integer_t mach_msg_option_t;
typedef kern_return_t mach_msg_return_t;

/*
 * msgh_bits: how the rights named in the header travel, and whether there are descriptors.
 */
#define MACH_MSGH_BITS_ZERO 0x00000000u
#define MACH_MSGH_BITS_REMOTE_MASK 0x0000001fu
#define MACH_MSGH_BITS_LOCAL_MASK 0x00001f00u
#define MACH_MSGH_BITS_VOUCHER_MASK 0x001f0000u
#define MACH_MSGH_BITS_PORTS_MASK                                                                            \
    (MACH_MSGH_BITS_REMOTE_MASK | MACH_MSGH_BITS_LOCAL_MASK | MACH_MSGH_BITS_VOUCHER_MASK)
#define MACH_MSGH_BITS_COMPLEX 0x80000000u  /* a mach_msg_body_t follows the header */
#define MACH_MSGH_BITS_CIRCULAR 0x10000000u /* in the kernel only: it may carry a right to its own port */
#define MACH_MSGH_BITS_USER 0x801f1f1fu     /* bits that a sender may set */

#define MACH_MSGH_BITS(remote, local) ((mach_msg_bits_t)((remote) | (local) << 8))
#define MACH_MSGH_BITS_SET_PORTS(remote, local, voucher)                                                     \
    ((((mach_msg_bits_t)(remote)) & MACH_MSGH_BITS_REMOTE_MASK) |                                            \
     (((mach_msg_bits_t)(local) << 8) & MACH_MSGH_BITS_LOCAL_MASK) |                                         \
     (((mach_msg_bits_t)(voucher) << 16) & MACH_MSGH_BITS_VOUCHER_MASK))
#define MACH_MSGH_BITS_REMOTE(bits) ((bits) & MACH_MSGH_BITS_REMOTE_MASK)
#define MACH_MSGH_BITS_LOCAL(bits) (((bits) & MACH_MSGH_BITS_LOCAL_MASK) >> 8)
#define MACH_MSGH_BITS_VOUCHER(bits) (((bits) & MACH_MSGH_BITS_VOUCHER_MASK) >> 16)
#define MACH_MSGH_BITS_PORTS(bits) ((bits) & MACH_MSGH_BITS_PORTS_MASK)
#define MACH_MSGH_BITS_OTHER(bits) ((bits) & ~MACH_MSGH_BITS_PORTS_MASK)
#define MACH_MSGH_BITS_IS_COMPLEX(bits) (((bits) & MACH_MSGH_BITS_COMPLEX) != 0)

/*
 * Dispositions: how a right travels.  In a message to be sent, all of them; in a received one, PORT_RECEIVE,
 * PORT_SEND or PORT_SEND_ONCE: what the receiver now holds.
 */
#define MACH_MSG_TYPE_PORT_NONE 0u
#define MACH_MSG_TYPE_PORT_NAME 15u      /* only a name: no right travels */
#define MACH_MSG_TYPE_MOVE_RECEIVE 16u   /* needs and takes the receive right */
#define MACH_MSG_TYPE_MOVE_SEND 17u      /* needs and takes one user reference of a send right */
#define MACH_MSG_TYPE_MOVE_SEND_ONCE 18u /* needs and takes the send-once right */
#define MACH_MSG_TYPE_COPY_SEND 19u      /* needs a send right, takes nothing */
#define MACH_MSG_TYPE_MAKE_SEND 20u      /* needs the receive right, makes a send right */
#define MACH_MSG_TYPE_MAKE_SEND_ONCE 21u /* needs the receive right, makes a send-once right */

#define MACH_MSG_TYPE_PORT_RECEIVE MACH_MSG_TYPE_MOVE_RECEIVE
#define MACH_MSG_TYPE_PORT_SEND MACH_MSG_TYPE_MOVE_SEND
#define MACH_MSG_TYPE_PORT_SEND_ONCE MACH_MSG_TYPE_MOVE_SEND_ONCE
#define MACH_MSG_TYPE_LAST 22u
#define MACH_MSG_TYPE_POLYMORPHIC (~(mach_msg_type_name_t)0)

#define MACH_MSG_TYPE_PORT_ANY(x) ((x) >= MACH_MSG_TYPE_MOVE_RECEIVE && (x) <= MACH_MSG_TYPE_MAKE_SEND_ONCE)
#define MACH_MSG_TYPE_PORT_ANY_SEND(x) ((x) >= MACH_MSG_TYPE_MOVE_SEND && (x) <= MACH_MSG_TYPE_MAKE_SEND_ONCE)
#define MACH_MSG_TYPE_PORT_ANY_RIGHT(x)                                                                      \
    ((x) >= MACH_MSG_TYPE_MOVE_RECEIVE && (x) <= MACH_MSG_TYPE_MOVE_SEND_ONCE)

/* Out-of-line memory: how it is copied. */
#define MACH_MSG_PHYSICAL_COPY 0u
#define MACH_MSG_VIRTUAL_COPY 1u
#define MACH_MSG_ALLOCATE 2u
#define MACH_MSG_OVERWRITE 3u

/* Kinds of descriptor. */
#define MACH_MSG_PORT_DESCRIPTOR 0u
#define MACH_MSG_OOL_DESCRIPTOR 1u
#define MACH_MSG_OOL_PORTS_DESCRIPTOR 2u
#define MACH_MSG_OOL_VOLATILE_DESCRIPTOR 3u

/* Addresses in messages are user addresses: a plain integer in the kernel. */
#ifdef KERNEL
typedef vm_address_t mach_msg_address_t;
#else
typedef void *mach_msg_address_t;
#endif

#pragma pack(push, 4)

typedef struct {
    mach_msg_bits_t msgh_bits;
    mach_msg_size_t msgh_size;          /* bytes, from the header to the end of the inline data */
    mach_port_name_t msgh_remote_port;  /* sent: destination. received: reply right, or null */
    mach_port_name_t msgh_local_port;   /* sent: reply right, or null. received: the port it came to */
    mach_port_name_t msgh_voucher_port; /* reserved: MACH_PORT_NULL */
    mach_msg_id_t msgh_id;
} mach_msg_header_t;

typedef struct {
    mach_msg_size_t msgh_descriptor_count;
} mach_msg_body_t;

typedef struct {
    natural_t pad1;
    mach_msg_size_t pad2;
    unsigned int pad3 : 24;
    mach_msg_descriptor_type_t type : 8;
} mach_msg_type_descriptor_t;

typedef struct {
    mach_port_name_t name;
    mach_msg_size_t pad1;
    unsigned int pad2 : 16;
    mach_msg_type_name_t disposition : 8;
    mach_msg_descriptor_type_t type : 8;
} mach_msg_port_descriptor_t;

typedef struct {
    mach_msg_address_t address;
    boolean_t deallocate : 8; /* sent: take the memory out of the sender's space */
    mach_msg_copy_options_t copy : 8;
    unsigned int pad1 : 8;
    mach_msg_descriptor_type_t type : 8;
    mach_msg_size_t size; /* bytes */
} mach_msg_ool_descriptor_t;

typedef struct {
    mach_msg_address_t address; /* of an array of mach_port_name_t */
    boolean_t deallocate : 8;
    mach_msg_copy_options_t copy : 8;
    mach_msg_type_name_t disposition : 8;
    mach_msg_descriptor_type_t type : 8;
    mach_msg_size_t count; /* ports */
} mach_msg_ool_ports_descriptor_t;

/* Any descriptor, to find out its type; descriptors in a message have their own sizes. */
typedef union {
    mach_msg_port_descriptor_t port;
    mach_msg_ool_descriptor_t out_of_line;
    mach_msg_ool_ports_descriptor_t ool_ports;
    mach_msg_type_descriptor_t type;
} mach_msg_descriptor_t;

typedef struct {
    mach_msg_header_t header;
    mach_msg_body_t body;
} mach_msg_base_t;

/*
 * Trailers, each one the beginning of the next: the receiver asks for as much as it wants to know.
 */
typedef unsigned int mach_msg_trailer_type_t;
typedef unsigned int mach_msg_trailer_size_t;
typedef char *mach_msg_trailer_info_t; /* a trailer as bytes */

#define MACH_MSG_TRAILER_FORMAT_0 0

/* The task that sent a message, as far as the receiver may know. */
typedef struct {
    unsigned int val[2];
} security_token_t;

typedef struct {
    unsigned int val[8];
} audit_token_t;

/* What the kernel's own messages have; tasks begin with zeros (host_security_set_task_token). */
#define KERNEL_SECURITY_TOKEN_VALUE {{0, 1}}

typedef struct {
    mach_msg_trailer_type_t msgh_trailer_type;
    mach_msg_trailer_size_t msgh_trailer_size;
} mach_msg_trailer_t;

typedef struct {
    mach_msg_trailer_type_t msgh_trailer_type;
    mach_msg_trailer_size_t msgh_trailer_size;
    mach_port_seqno_t msgh_seqno;
} mach_msg_seqno_trailer_t;

typedef struct {
    mach_msg_trailer_type_t msgh_trailer_type;
    mach_msg_trailer_size_t msgh_trailer_size;
    mach_port_seqno_t msgh_seqno;
    security_token_t msgh_sender;
} mach_msg_security_trailer_t;

typedef struct {
    mach_msg_trailer_type_t msgh_trailer_type;
    mach_msg_trailer_size_t msgh_trailer_size;
    mach_port_seqno_t msgh_seqno;
    security_token_t msgh_sender;
    audit_token_t msgh_audit;
} mach_msg_audit_trailer_t;

typedef struct {
    mach_msg_trailer_type_t msgh_trailer_type;
    mach_msg_trailer_size_t msgh_trailer_size;
    mach_port_seqno_t msgh_seqno;
    security_token_t msgh_sender;
    audit_token_t msgh_audit;
    mach_port_context_t msgh_context; /* label of the port that the message came to */
} mach_msg_context_trailer_t;

typedef mach_msg_context_trailer_t mach_msg_max_trailer_t;
typedef mach_msg_security_trailer_t mach_msg_format_0_trailer_t;

#define MACH_MSG_TRAILER_MINIMUM_SIZE ((mach_msg_size_t)sizeof(mach_msg_trailer_t))
#define MAX_TRAILER_SIZE ((mach_msg_size_t)sizeof(mach_msg_max_trailer_t))

typedef struct {
    mach_msg_header_t header;
} mach_msg_empty_send_t;

typedef struct {
    mach_msg_header_t header;
    mach_msg_trailer_t trailer;
} mach_msg_empty_rcv_t;

#pragma pack(pop)

_Static_assert(sizeof(mach_msg_header_t) == 24, "ABI");
_Static_assert(sizeof(mach_msg_port_descriptor_t) == 12, "ABI");
_Static_assert(sizeof(mach_msg_ool_descriptor_t) == 16, "ABI");
_Static_assert(sizeof(mach_msg_ool_ports_descriptor_t) == 16, "ABI");
_Static_assert(sizeof(mach_msg_max_trailer_t) == 60, "ABI");

#define MACH_MSG_NULL ((mach_msg_header_t *)0)
#define MACH_MSG_SIZE_MAX ((mach_msg_size_t)~0u)
#define MACH_MSG_SIZE_RELIABLE ((mach_msg_size_t)256 * 1024)

/*
 * Options of mach_msg().
 */
#define MACH_MSG_OPTION_NONE 0x00000000

#define MACH_SEND_MSG 0x00000001
#define MACH_RCV_MSG 0x00000002
#define MACH_RCV_LARGE 0x00000004 /* leave a message that does not fit in the queue, and tell its size */
#define MACH_RCV_LARGE_IDENTITY 0x00000008 /* and, in msgh_local_port, the name of its port */
#define MACH_SEND_TIMEOUT 0x00000010
#define MACH_SEND_INTERRUPT 0x00000040 /* return MACH_SEND_INTERRUPTED instead of going on */
#define MACH_SEND_NOTIFY 0x00000080 /* if it can't be sent, the name's send-possible request waits for room */
#define MACH_RCV_TIMEOUT 0x00000100
#define MACH_RCV_INTERRUPT 0x00000400 /* return MACH_RCV_INTERRUPTED instead of going on */
#define MACH_RCV_OVERWRITE 0x00001000 /* the receive buffer says where out-of-line memory goes */
#define MACH_SEND_ALWAYS 0x00010000   /* in the kernel only: whatever the queue limit */
#define MACH_SEND_TRAILER 0x00020000  /* privileged: the sender brings its trailer */

/* What trailer to write: MACH_RCV_TRAILER_TYPE() | MACH_RCV_TRAILER_ELEMENTS(). */
#define MACH_RCV_TRAILER_NULL 0
#define MACH_RCV_TRAILER_SEQNO 1
#define MACH_RCV_TRAILER_SENDER 2
#define MACH_RCV_TRAILER_AUDIT 3
#define MACH_RCV_TRAILER_CTX 4
#define MACH_RCV_TRAILER_TYPE(x) (((x) & 0xf) << 28)
#define MACH_RCV_TRAILER_ELEMENTS(x) (((x) & 0xf) << 24)
#define MACH_RCV_TRAILER_MASK (0xf << 24)
#define GET_RCV_ELEMENTS(option) (((option) >> 24) & 0xf)

#define REQUESTED_TRAILER_SIZE(option)                                                                       \
    ((mach_msg_trailer_size_t)(GET_RCV_ELEMENTS(option) == MACH_RCV_TRAILER_NULL                             \
                                   ? sizeof(mach_msg_trailer_t)                                              \
                               : GET_RCV_ELEMENTS(option) == MACH_RCV_TRAILER_SEQNO                          \
                                   ? sizeof(mach_msg_seqno_trailer_t)                                        \
                               : GET_RCV_ELEMENTS(option) == MACH_RCV_TRAILER_SENDER                         \
                                   ? sizeof(mach_msg_security_trailer_t)                                     \
                               : GET_RCV_ELEMENTS(option) == MACH_RCV_TRAILER_AUDIT                          \
                                   ? sizeof(mach_msg_audit_trailer_t)                                        \
                                   : sizeof(mach_msg_max_trailer_t)))

/*
 * Results of mach_msg().  0x10000000 send, 0x10004000 receive; the low bits 0x3e00 may be or-ed to a result
 * and name the shortage that was in the way of rights or memory of the message.
 */
#define MACH_MSG_SUCCESS 0x00000000

#define MACH_MSG_MASK 0x00003e00
#define MACH_MSG_IPC_SPACE 0x00002000  /* no room in the name space for another right */
#define MACH_MSG_VM_SPACE 0x00001000   /* no room in the address space for out-of-line memory */
#define MACH_MSG_IPC_KERNEL 0x00000800 /* the kernel is short of memory for rights */
#define MACH_MSG_VM_KERNEL 0x00000400  /* the kernel is short of memory for out-of-line memory */

#define MACH_SEND_IN_PROGRESS 0x10000001 /* in the kernel only: the thread waits */
#define MACH_SEND_INVALID_DATA 0x10000002
#define MACH_SEND_INVALID_DEST 0x10000003
#define MACH_SEND_TIMED_OUT 0x10000004
#define MACH_SEND_INVALID_VOUCHER 0x10000005
#define MACH_SEND_INTERRUPTED 0x10000007
#define MACH_SEND_MSG_TOO_SMALL 0x10000008
#define MACH_SEND_INVALID_REPLY 0x10000009
#define MACH_SEND_INVALID_RIGHT 0x1000000a
#define MACH_SEND_INVALID_NOTIFY 0x1000000b
#define MACH_SEND_INVALID_MEMORY 0x1000000c
#define MACH_SEND_NO_BUFFER 0x1000000d
#define MACH_SEND_TOO_LARGE 0x1000000e
#define MACH_SEND_INVALID_TYPE 0x1000000f
#define MACH_SEND_INVALID_HEADER 0x10000010
#define MACH_SEND_INVALID_TRAILER 0x10000011
#define MACH_SEND_INVALID_CONTEXT 0x10000012
#define MACH_SEND_INVALID_OPTIONS 0x10000013

#define MACH_RCV_IN_PROGRESS 0x10004001 /* in the kernel only: the thread waits */
#define MACH_RCV_INVALID_NAME 0x10004002
#define MACH_RCV_TIMED_OUT 0x10004003
#define MACH_RCV_TOO_LARGE 0x10004004
#define MACH_RCV_INTERRUPTED 0x10004005
#define MACH_RCV_PORT_CHANGED 0x10004006
#define MACH_RCV_INVALID_NOTIFY 0x10004007
#define MACH_RCV_INVALID_DATA 0x10004008
#define MACH_RCV_PORT_DIED 0x10004009
#define MACH_RCV_IN_SET 0x1000400a
#define MACH_RCV_HEADER_ERROR 0x1000400b
#define MACH_RCV_BODY_ERROR 0x1000400c
#define MACH_RCV_INVALID_TYPE 0x1000400d
#define MACH_RCV_SCATTER_SMALL 0x1000400e
#define MACH_RCV_INVALID_TRAILER 0x1000400f
#define MACH_RCV_IN_PROGRESS_TIMED 0x10004011

#ifndef KERNEL

/*
 * Send a message, receive a message, or both in one trap.
 *
 * option: MACH_SEND_MSG and MACH_RCV_MSG choose the halves; send_size: bytes of *msg to send; rcv_size: bytes
 * of room in *msg, trailer included; rcv_name: port or port set to receive from; timeout: milliseconds, for
 * MACH_SEND_TIMEOUT and MACH_RCV_TIMEOUT; notify: not used.
 * Returns: MACH_MSG_SUCCESS; MACH_SEND_*: nothing was sent, rights and memory are as before (except after
 * MACH_SEND_TIMED_OUT, MACH_SEND_INTERRUPTED: *msg holds the message in the form in which it can be sent
 * again); MACH_RCV_*: the send half, if any, has happened.
 */
mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_name_t notify);

/*
 * As mach_msg(), but the message is received into *rcv_msg, unless that is NULL.
 * rcv_scatter_size: for MACH_RCV_OVERWRITE, bytes of the scatter list that the receive buffer holds: header, count and descriptors.
 * The n-th of them that is none of a port is for the n-th piece out of line; with MACH_MSG_OVERWRITE that is written to its address, with
 * MACH_MSG_ALLOCATE it comes as new memory, as do those for which there is no descriptor.
 */
mach_msg_return_t mach_msg_overwrite(mach_msg_header_t *msg, mach_msg_option_t option,
                                     mach_msg_size_t send_size, mach_msg_size_t rcv_size,
                                     mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                                     mach_port_name_t notify, mach_msg_header_t *rcv_msg,
                                     mach_msg_size_t rcv_scatter_size);

/* Release the rights and the memory in a received message that nobody wants. */
void mach_msg_destroy(mach_msg_header_t *msg);

/*
 * Receive requests from rcv_name, hand each to `demux`, send the reply; until a receive fails.
 * max_size: of requests and replies, trailer not included.
 * Returns: the receive error, or KERN_RESOURCE_SHORTAGE.
 */
mach_msg_return_t mach_msg_server(boolean_t (*demux)(mach_msg_header_t *request, mach_msg_header_t *reply),
                                  mach_msg_size_t max_size, mach_port_name_t rcv_name,
                                  mach_msg_option_t options);

/* As mach_msg_server(), for one request. Returns: MACH_MSG_SUCCESS after the reply was sent. */
mach_msg_return_t mach_msg_server_once(boolean_t (*demux)(mach_msg_header_t *request,
                                                          mach_msg_header_t *reply),
                                       mach_msg_size_t max_size, mach_port_name_t rcv_name,
                                       mach_msg_option_t options);

#endif

#endif
