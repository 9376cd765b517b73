/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port names, rights and their attributes.
 *
 * A port name is meaningful in one task.  The kernel's own code handles ports themselves, so there (KERNEL)
 * mach_port_t is a pointer; in user space it is a name.
 */
#ifndef MACH_PORT_H
#define MACH_PORT_H

#include <mach/boolean.h>
#include <mach/vm_types.h>

typedef natural_t mach_port_name_t;
typedef mach_port_name_t *mach_port_name_array_t;

#ifdef KERNEL
struct ipc_port;
typedef struct ipc_port *ipc_port_t;
typedef struct ipc_port *mach_port_t;
#define IPC_PORT_NULL ((struct ipc_port *)0)
#define IPC_PORT_DEAD ((struct ipc_port *)~(uintptr_t)0)
#define IPC_PORT_VALID(port) ((port) != IPC_PORT_NULL && (port) != IPC_PORT_DEAD)
#else
typedef mach_port_name_t mach_port_t;
#endif
typedef mach_port_t *mach_port_array_t;

#define MACH_PORT_NULL ((mach_port_name_t)0)   /* no right at all */
#define MACH_PORT_DEAD ((mach_port_name_t)~0u) /* a right to a port that died on the way */
#define MACH_PORT_VALID(name) ((name) != MACH_PORT_NULL && (name) != MACH_PORT_DEAD)

/* A name is an index into the task's table and a generation that tells a new right from a stale name. */
#define MACH_PORT_INDEX(name) ((name) >> 8)
#define MACH_PORT_GEN(name) (((name) & 0xffu) << 24)
#define MACH_PORT_MAKE(index, gen) ((index) << 8 | (gen) >> 24)

/* Kinds of right. */
typedef natural_t mach_port_right_t;

#define MACH_PORT_RIGHT_SEND ((mach_port_right_t)0)
#define MACH_PORT_RIGHT_RECEIVE ((mach_port_right_t)1)
#define MACH_PORT_RIGHT_SEND_ONCE ((mach_port_right_t)2)
#define MACH_PORT_RIGHT_PORT_SET ((mach_port_right_t)3)
#define MACH_PORT_RIGHT_DEAD_NAME ((mach_port_right_t)4)
#define MACH_PORT_RIGHT_NUMBER ((mach_port_right_t)6)

/* Sets of kinds: what a name denotes. */
typedef natural_t mach_port_type_t;
typedef mach_port_type_t *mach_port_type_array_t;

#define MACH_PORT_TYPE(right) ((mach_port_type_t)1 << ((right) + (mach_port_right_t)16))
#define MACH_PORT_TYPE_NONE ((mach_port_type_t)0)
#define MACH_PORT_TYPE_SEND MACH_PORT_TYPE(MACH_PORT_RIGHT_SEND)
#define MACH_PORT_TYPE_RECEIVE MACH_PORT_TYPE(MACH_PORT_RIGHT_RECEIVE)
#define MACH_PORT_TYPE_SEND_ONCE MACH_PORT_TYPE(MACH_PORT_RIGHT_SEND_ONCE)
#define MACH_PORT_TYPE_PORT_SET MACH_PORT_TYPE(MACH_PORT_RIGHT_PORT_SET)
#define MACH_PORT_TYPE_DEAD_NAME MACH_PORT_TYPE(MACH_PORT_RIGHT_DEAD_NAME)

#define MACH_PORT_TYPE_SEND_RECEIVE (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_RECEIVE)
#define MACH_PORT_TYPE_SEND_RIGHTS (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_SEND_ONCE)
#define MACH_PORT_TYPE_PORT_RIGHTS (MACH_PORT_TYPE_SEND_RIGHTS | MACH_PORT_TYPE_RECEIVE)
#define MACH_PORT_TYPE_PORT_OR_DEAD (MACH_PORT_TYPE_PORT_RIGHTS | MACH_PORT_TYPE_DEAD_NAME)
#define MACH_PORT_TYPE_ALL_RIGHTS (MACH_PORT_TYPE_PORT_OR_DEAD | MACH_PORT_TYPE_PORT_SET)

/* Reported beside the kinds: a notification is requested for the name. */
#define MACH_PORT_TYPE_DNREQUEST ((mach_port_type_t)0x80000000) /* dead name */
#define MACH_PORT_TYPE_SPREQUEST ((mach_port_type_t)0x40000000) /* send possible */

typedef natural_t mach_port_urefs_t;    /* user references of a name */
typedef integer_t mach_port_delta_t;    /* a change of them */
typedef natural_t mach_port_seqno_t;    /* sequence number of a message at its port */
typedef natural_t mach_port_mscount_t;  /* make-send count */
typedef natural_t mach_port_msgcount_t; /* messages in a queue */
typedef natural_t mach_port_rights_t;   /* number of rights */
typedef natural_t mach_port_srights_t;  /* are there send rights? */
typedef uint64_t mach_port_context_t;   /* the receiver's own label for a port */

#define MACH_PORT_SRIGHTS_NONE 0
#define MACH_PORT_SRIGHTS_PRESENT 1

/* Attributes: mach_port_get_attributes, mach_port_set_attributes. */
typedef int mach_port_flavor_t;
typedef integer_t *mach_port_info_t;

#define MACH_PORT_LIMITS_INFO 1
#define MACH_PORT_RECEIVE_STATUS 2
#define MACH_PORT_DNREQUESTS_SIZE 3

typedef struct mach_port_limits {
    mach_port_msgcount_t mpl_qlimit;
} mach_port_limits_t;

typedef struct mach_port_status {
    mach_port_rights_t mps_pset; /* number of port sets that it is a member of */
    mach_port_seqno_t mps_seqno; /* of the next message to be received */
    mach_port_mscount_t mps_mscount;
    mach_port_msgcount_t mps_qlimit;
    mach_port_msgcount_t mps_msgcount; /* in the queue now */
    mach_port_rights_t mps_sorights;   /* send-once rights in existence */
    boolean_t mps_srights;             /* are there send rights? */
    boolean_t mps_pdrequest;           /* is a port-destroyed notification requested? */
    boolean_t mps_nsrequest;           /* is a no-senders notification requested? */
    natural_t mps_flags;               /* MACH_PORT_STATUS_FLAG_* */
} mach_port_status_t;

#define MACH_PORT_LIMITS_INFO_COUNT ((natural_t)(sizeof(mach_port_limits_t) / sizeof(natural_t)))
#define MACH_PORT_RECEIVE_STATUS_COUNT ((natural_t)(sizeof(mach_port_status_t) / sizeof(natural_t)))
#define MACH_PORT_DNREQUESTS_SIZE_COUNT 1u

#define MACH_PORT_STATUS_FLAG_GUARDED 0x02
#define MACH_PORT_STATUS_FLAG_STRICT_GUARD 0x04

/* What mach_port_construct() makes. */
typedef struct mach_port_options {
    uint32_t flags; /* MPO_* */
    mach_port_limits_t mpl;
    uint64_t reserved[2]; /* 0 */
} mach_port_options_t;
typedef mach_port_options_t *mach_port_options_ptr_t;
typedef uint64_t *mach_port_options_words_t; /* the same, as a message carries them */

#define MPO_CONTEXT_AS_GUARD 0x01
#define MPO_QLIMIT 0x02
#define MPO_INSERT_SEND_RIGHT 0x10
#define MPO_STRICT 0x20

/* What the exception EXC_GUARD tells of a receive right (mach/exception_types.h). */
#define kGUARD_EXC_DESTROY                                                                                   \
    1 /* destroyed by who does not know the guard: mach_port_destroy, mach_port_destruct */
#define kGUARD_EXC_MOD_REFS 2         /* the same by mach_port_mod_refs */
#define kGUARD_EXC_SET_CONTEXT 4      /* the label of a strict guard changed */
#define kGUARD_EXC_UNGUARDED 8        /* a guard taken off where there is none */
#define kGUARD_EXC_INCORRECT_GUARD 16 /* or another one */

#define MACH_PORT_INFO_MAX 17
typedef integer_t mach_port_info_data_t[MACH_PORT_INFO_MAX];

#define MACH_PORT_QLIMIT_ZERO 0
#define MACH_PORT_QLIMIT_BASIC 5
#define MACH_PORT_QLIMIT_SMALL 16
#define MACH_PORT_QLIMIT_LARGE 1024
#define MACH_PORT_QLIMIT_MIN MACH_PORT_QLIMIT_ZERO
#define MACH_PORT_QLIMIT_DEFAULT MACH_PORT_QLIMIT_BASIC
#define MACH_PORT_QLIMIT_MAX MACH_PORT_QLIMIT_LARGE

#endif
