/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of MIG stubs, and the types that their messages share. */
#ifndef MACH_MIG_ERRORS_H
#define MACH_MIG_ERRORS_H

#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/ndr.h>

#define MIG_TYPE_ERROR (-300)      /* client: the reply is not of the expected form */
#define MIG_REPLY_MISMATCH (-301)  /* client: the reply has the wrong id */
#define MIG_REMOTE_ERROR (-302)    /* server: an error it can't tell */
#define MIG_BAD_ID (-303)          /* server: no routine has this id */
#define MIG_BAD_ARGUMENTS (-304)   /* server: the request is not of the form that the routine wants */
#define MIG_NO_REPLY (-305)        /* server routine: don't reply, it is done or will be done elsewhere */
#define MIG_EXCEPTION (-306)       /* server: raised an exception */
#define MIG_ARRAY_TOO_LARGE (-307) /* client: an array does not fit its bound */
#define MIG_SERVER_DIED (-308)     /* client: the reply right was destroyed unused */
#define MIG_TRAILER_ERROR (-309)   /* server: the trailer has not what the routine wants */

#pragma pack(push, 4)
/* A reply that carries a result and nothing else. */
typedef struct {
    mach_msg_header_t Head;
    NDR_record_t NDR;
    kern_return_t RetCode;
} mig_reply_error_t;
#pragma pack(pop)

_Static_assert(sizeof(mig_reply_error_t) == 36, "ABI");

/*
 * Server stub of one routine: checks a request, calls the routine, writes the reply.
 * Returns: KERN_SUCCESS *reply is complete; else the result to reply with (MIG_NO_REPLY: none).
 */
typedef kern_return_t (*mig_routine_t)(mach_msg_header_t *request, mach_msg_header_t *reply);

/* What a generated server knows of its subsystem. */
typedef struct mig_subsystem {
    mach_msg_id_t start;          /* first id */
    mach_msg_id_t end;            /* last id + 1 */
    mach_msg_size_t maxsize;      /* of any request or reply, trailer not included */
    const mig_routine_t *routine; /* [end - start]; NULL: no routine has this id */
} mig_subsystem_t;

#ifndef KERNEL
/* The calling thread's reply port: a port with receive right, made on first use. */
mach_port_t mig_get_reply_port(void);

/* A call over `reply_port` failed in a way that may leave a late reply: never use it again. */
void mig_dealloc_reply_port(mach_port_t reply_port);

/* A call over `reply_port` is done. */
void mig_put_reply_port(mach_port_t reply_port);

/* Give back memory that came with a message. */
void mig_deallocate(vm_address_t address, vm_size_t size);

/*
 * Copy the string src into dest, at most len bytes including the NUL that always ends it.
 * Returns: bytes written, NUL included.
 */
mach_msg_size_t mig_strncpy(char *dest, const char *src, mach_msg_size_t len);
#endif

#endif
