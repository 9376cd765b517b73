/* SPDX-License-Identifier: BSD-2-Clause */
#include "short_ways.h"

#include <stddef.h>

struct short_ways short_ways;

struct direct_message;
struct ipc_kmsg;
struct thread;
struct uctx;
struct uctx *ipc_direct_general(struct thread *self);
struct uctx *__real_ipc_direct_general(struct thread *self);
struct uctx *__wrap_ipc_direct_general(struct thread *self);
struct uctx *__real_ipc_direct_msg(struct thread *self);
struct uctx *__wrap_ipc_direct_msg(struct thread *self);
struct uctx *__real_ipc_direct_rpc(struct thread *self, bool reply);
struct uctx *__wrap_ipc_direct_rpc(struct thread *self, bool reply);
struct uctx *__real_ipc_direct_rights(struct thread *self, struct direct_message *m, uint32_t size);
struct uctx *__wrap_ipc_direct_rights(struct thread *self, struct direct_message *m, uint32_t size);
struct uctx *__real_ipc_direct_memory(struct thread *self, struct direct_message *m, uint32_t size);
struct uctx *__wrap_ipc_direct_memory(struct thread *self, struct direct_message *m, uint32_t size);
/* hal/upcall.h */
#define RIGHT_BEGIN 0u
#define RIGHT_PASS 2u
uint64_t __real_kern_message_right(struct uctx *u, unsigned step);
uint64_t __wrap_kern_message_right(struct uctx *u, unsigned step);
struct ipc_entry;
struct ipc_port;
typedef struct uctx *member_function_t(struct thread *self, struct ipc_entry *entry, struct ipc_port *port,
                                       struct direct_message *m, bool registers, uint64_t rx);
member_function_t __real_ipc_direct_member_call, __wrap_ipc_direct_member_call;
member_function_t __real_ipc_direct_member_reply, __wrap_ipc_direct_member_reply;
struct uctx *__real_ipc_kernel_rpc_own(struct thread *self);
struct uctx *__wrap_ipc_kernel_rpc_own(struct thread *self);
struct uctx *__real_ipc_kernel_rpc_object(struct thread *self, const struct ipc_entry *entry);
struct uctx *__wrap_ipc_kernel_rpc_object(struct thread *self, const struct ipc_entry *entry);
bool __real_ipc_simple_send(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver);
bool __wrap_ipc_simple_send(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver);
bool __real_ipc_simple_send_memory(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver);
bool __wrap_ipc_simple_send_memory(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver);
struct uctx *__real_ipc_simple_send_only(struct thread *self);
struct uctx *__wrap_ipc_simple_send_only(struct thread *self);
struct uctx *__real_ipc_simple_receive_only(struct thread *self);
struct uctx *__wrap_ipc_simple_receive_only(struct thread *self);
bool __real_ipc_simple_receive(struct thread *self);
bool __wrap_ipc_simple_receive(struct thread *self);

/* (Rights, sets, sending or receiving alone, and the kernel's buffers are behind this one.) */
struct uctx *__wrap_ipc_direct_msg(struct thread *self)
{
    short_ways.messages++;
    return short_ways.closed ? ipc_direct_general(self) : __real_ipc_direct_msg(self);
}

struct uctx *__wrap_ipc_direct_rpc(struct thread *self, bool reply)
{
    struct uctx *next = short_ways.closed ? NULL : __real_ipc_direct_rpc(self, reply);

    short_ways.tried++;
    short_ways.done += next != NULL;
    return next;
}

static _Thread_local bool general; /* what was tried last took the general path */

struct uctx *__wrap_ipc_direct_general(struct thread *self)
{
    general = true;
    return __real_ipc_direct_general(self);
}

struct uctx *__wrap_ipc_direct_rights(struct thread *self, struct direct_message *m, uint32_t size)
{
    general = false;
    struct uctx *next = __real_ipc_direct_rights(self, m, size);

    short_ways.rights += !general;
    return next;
}

struct uctx *__wrap_ipc_direct_memory(struct thread *self, struct direct_message *m, uint32_t size)
{
    general = false;
    struct uctx *next = __real_ipc_direct_memory(self, m, size);

    short_ways.memory += !general;
    general = true; /* it has no rights */
    return next;
}

uint64_t __wrap_kern_message_right(struct uctx *u, unsigned step)
{
    if (step == RIGHT_BEGIN && short_ways.closed)
        return 0;
    short_ways.rights += step == RIGHT_PASS;
    return __real_kern_message_right(u, step);
}

struct uctx *__wrap_ipc_direct_member_call(struct thread *self, struct ipc_entry *entry,
                                           struct ipc_port *port, struct direct_message *m, bool registers,
                                           uint64_t rx)
{
    struct uctx *next = __real_ipc_direct_member_call(self, entry, port, m, registers, rx);

    short_ways.sets += next != NULL;
    return next;
}

struct uctx *__wrap_ipc_direct_member_reply(struct thread *self, struct ipc_entry *entry,
                                            struct ipc_port *port, struct direct_message *m, bool registers,
                                            uint64_t rx)
{
    struct uctx *next = __real_ipc_direct_member_reply(self, entry, port, m, registers, rx);

    short_ways.sets += next != NULL;
    return next;
}

struct uctx *__wrap_ipc_kernel_rpc_own(struct thread *self)
{
    struct uctx *next = short_ways.closed ? NULL : __real_ipc_kernel_rpc_own(self);

    short_ways.kernel += next != NULL;
    return next;
}

struct uctx *__wrap_ipc_kernel_rpc_object(struct thread *self, const struct ipc_entry *entry)
{
    struct uctx *next = short_ways.closed ? NULL : __real_ipc_kernel_rpc_object(self, entry);

    short_ways.kernel += next != NULL;
    return next;
}

bool __wrap_ipc_simple_send(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver)
{
    bool sent = !short_ways.closed && __real_ipc_simple_send(self, kmsg, receiver);

    short_ways.simple += sent;
    return sent;
}

bool __wrap_ipc_simple_send_memory(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver)
{
    bool sent = !short_ways.closed && __real_ipc_simple_send_memory(self, kmsg, receiver);

    short_ways.simple += sent;
    return sent;
}

struct uctx *__wrap_ipc_simple_send_only(struct thread *self)
{
    general = false;
    struct uctx *next = __real_ipc_simple_send_only(self);

    short_ways.simple += !general;
    return next;
}

struct uctx *__wrap_ipc_simple_receive_only(struct thread *self)
{
    general = false;
    struct uctx *next = __real_ipc_simple_receive_only(self);

    short_ways.received += !general;
    return next;
}

bool __wrap_ipc_simple_receive(struct thread *self)
{
    bool received = !short_ways.closed && __real_ipc_simple_receive(self);

    short_ways.received += received;
    return received;
}

void short_ways_add(struct short_ways *sum)
{
    sum->tried += short_ways.tried;
    sum->done += short_ways.done;
    sum->messages += short_ways.messages;
    sum->kernel += short_ways.kernel;
    sum->rights += short_ways.rights;
    sum->memory += short_ways.memory;
    sum->sets += short_ways.sets;
    sum->simple += short_ways.simple;
    sum->received += short_ways.received;
}
