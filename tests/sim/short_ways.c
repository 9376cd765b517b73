/* SPDX-License-Identifier: BSD-2-Clause */
#include "short_ways.h"

#include <stddef.h>

struct short_ways short_ways;

struct direct_message;
struct ipc_kmsg;
struct thread;
struct uctx;
struct uctx *ipc_direct_general(struct thread *self);
struct uctx *__real_ipc_direct_msg(struct thread *self);
struct uctx *__wrap_ipc_direct_msg(struct thread *self);
struct uctx *__real_ipc_direct_rpc(struct thread *self, bool reply);
struct uctx *__wrap_ipc_direct_rpc(struct thread *self, bool reply);
struct uctx *__real_ipc_direct_rights(struct thread *self, struct direct_message *m, uint32_t size);
struct uctx *__wrap_ipc_direct_rights(struct thread *self, struct direct_message *m, uint32_t size);
struct direct;
struct uctx *__real_ipc_direct_member(const struct direct *from, struct direct_message *m, uint64_t rx);
struct uctx *__wrap_ipc_direct_member(const struct direct *from, struct direct_message *m, uint64_t rx);
bool __real_ipc_kernel_rpc_registers(struct thread *self);
bool __wrap_ipc_kernel_rpc_registers(struct thread *self);
bool __real_ipc_simple_send(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver);
bool __wrap_ipc_simple_send(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver);
bool __real_ipc_simple_receive(struct thread *self);
bool __wrap_ipc_simple_receive(struct thread *self);

/* (Rights, sets and the kernel's buffers are behind this one.) */
struct uctx *__wrap_ipc_direct_msg(struct thread *self)
{
    return short_ways.closed ? ipc_direct_general(self) : __real_ipc_direct_msg(self);
}

struct uctx *__wrap_ipc_direct_rpc(struct thread *self, bool reply)
{
    struct uctx *next = short_ways.closed ? NULL : __real_ipc_direct_rpc(self, reply);

    short_ways.tried++;
    short_ways.done += next != NULL;
    return next;
}

struct uctx *__wrap_ipc_direct_rights(struct thread *self, struct direct_message *m, uint32_t size)
{
    struct uctx *next = __real_ipc_direct_rights(self, m, size);

    short_ways.rights += next != NULL;
    return next;
}

struct uctx *__wrap_ipc_direct_member(const struct direct *from, struct direct_message *m, uint64_t rx)
{
    struct uctx *next = __real_ipc_direct_member(from, m, rx);

    short_ways.sets += next != NULL;
    return next;
}

bool __wrap_ipc_kernel_rpc_registers(struct thread *self)
{
    bool served = !short_ways.closed && __real_ipc_kernel_rpc_registers(self);

    short_ways.kernel += served;
    return served;
}

bool __wrap_ipc_simple_send(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver)
{
    bool sent = !short_ways.closed && __real_ipc_simple_send(self, kmsg, receiver);

    short_ways.simple += sent;
    return sent;
}

bool __wrap_ipc_simple_receive(struct thread *self)
{
    bool received = !short_ways.closed && __real_ipc_simple_receive(self);

    short_ways.received += received;
    return received;
}
