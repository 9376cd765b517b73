/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register form of RPC, general path: the message becomes an ordinary one, so that it means the same to every kind of
 * receiver.  ipc/ipc_fast.h handles the common case without coming here.
 */
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/msg.h>
#include <ipc/right.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <kern/task.h>
#include <mach/rpc.h>

static void set_result(struct thread *self, mach_msg_return_t result)
{
    hal_uctx_set_result(&self->uctx, (uint64_t)(uint32_t)result);
}

/* --- receive --- */

/* Kinds of right for the header, if the message is neither a usual call nor a usual answer. */
static uint64_t header_types(const mach_msg_header_t *head)
{
    const mach_msg_bits_t call = MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, MACH_MSG_TYPE_PORT_SEND);
    const mach_msg_bits_t answer = MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE);

    if (head->msgh_bits == (head->msgh_remote_port != MACH_PORT_NULL ? call : answer))
        return 0;
    return (uint64_t)MACH_MSGH_BITS_REMOTE(head->msgh_bits) << MACH_RPC_REMOTE_SHIFT |
           (uint64_t)MACH_MSGH_BITS_LOCAL(head->msgh_bits) << MACH_RPC_LOCAL_SHIFT;
}

void ipc_rpc_write(struct thread *t, const mach_msg_header_t *head, uint64_t label, uint64_t result)
{
    struct hal_rpc rpc = {
        .remote = head->msgh_remote_port,
        .label = label,
        .header = ipc_rpc_header(head) | header_types(head),
    };

    memcpy(rpc.word, head + 1, head->msgh_size - sizeof(*head));
    hal_uctx_set_rpc(&t->uctx, &rpc, result);
}

void ipc_rpc_finish(struct thread *self)
{
    struct ipc_kmsg *kmsg = self->op.ipc.kmsg;
    const uint64_t label = self->op.ipc.label;
    mach_port_name_t name = self->op.ipc.name;

    ipc_mqueue_after_take(self);
    uint64_t result = (uint32_t)ipc_kmsg_copyout(self->task, kmsg, name, NULL);
    if (name != self->op.ipc.rcv_name)
        result |= (uint64_t)name << 32;
    ipc_rpc_write(self, &kmsg->head, label, result);
    ipc_kmsg_free(kmsg);
}

void ipc_rpc_receive_continue(struct thread *self)
{
    if (self->op.ipc.kmsg != NULL)
        ipc_rpc_finish(self);
    else if (ipc_receive_again(self))
        ipc_msg_receive(self, NULL);
    else
        ipc_msg_receive_failed(self);
}

static void rpc_receive(struct thread *self, struct thread *receiver)
{
    self->op.ipc.registers = true;
    self->op.ipc.size = 0;
    ipc_msg_receive(self, receiver);
}

void ipc_rpc_receive_options(struct thread *self)
{
    struct hal_rpc rpc;

    hal_uctx_get_rpc(&self->uctx, &rpc);
    self->op.ipc.rcv_name = rpc.local;
    self->op.ipc.reply_name = MACH_PORT_NULL;
    self->op.ipc.option = MACH_RCV_MSG | MACH_RCV_LARGE;
    if ((rpc.header & MACH_RPC_TIMED) != 0)
        self->op.ipc.option |= MACH_RCV_TIMEOUT;
    self->op.ipc.timeout_ms = rpc.more;
}

/* --- send --- */

static void rpc_send_continue(struct thread *self)
{
    struct ipc_kmsg *kmsg = self->op.ipc.kmsg;

    if (self->wait_result == THREAD_AWAKENED || self->wait_result == THREAD_OBJECT_DEAD) {
        if (kmsg != NULL)
            ipc_kmsg_destroy(kmsg);
        rpc_receive(self, NULL);
        return;
    }
    /* the reply right was made for this call alone: it goes unheard */
    if (IPC_PORT_VALID(kmsg->local))
        ipc_port_drop_send_once(kmsg->local);
    kmsg->local = NULL;
    ipc_kmsg_destroy(kmsg);
    set_result(self, MACH_SEND_INTERRUPTED);
}

/* Make the message that the registers hold, with these dispositions. */
static mach_msg_return_t rpc_get(struct thread *self, const struct hal_rpc *rpc, mach_msg_bits_t bits,
                                 struct ipc_kmsg **out)
{
    uint32_t size = ipc_rpc_size(rpc->header);

    if (size == 0)
        return MACH_SEND_TOO_LARGE;
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc(size, &self->task->ledger->messages);
    if (kmsg == NULL)
        return MACH_SEND_NO_BUFFER;
    kmsg->head = (mach_msg_header_t){
        .msgh_bits = bits,
        .msgh_size = size,
        .msgh_remote_port = rpc->remote,
        .msgh_local_port = MACH_MSGH_BITS_LOCAL(bits) != 0 ? rpc->local : MACH_PORT_NULL,
        .msgh_id = (mach_msg_id_t)(uint32_t)rpc->header,
    };
    memcpy(&kmsg->head + 1, rpc->word, size - sizeof(mach_msg_header_t));
    *out = kmsg;
    return MACH_MSG_SUCCESS;
}

/* By way of the space: as any message is sent. */
static void rpc_send_any(struct thread *self, struct ipc_kmsg *kmsg)
{
    struct thread *receiver;
    mach_msg_return_t mr = ipc_kmsg_copyin(self->task, kmsg);

    if (mr != MACH_MSG_SUCCESS) {
        ipc_kmsg_free(kmsg);
        set_result(self, mr);
        return;
    }
    self->op.ipc.registers = true;
    if (ipc_msg_dispatch(kmsg, self, rpc_send_continue, &receiver) == IPC_SENT)
        rpc_receive(self, receiver);
}

/* A call that receives from another name than that of the port where its answer goes. */
static void rpc_receive_apart(struct thread *self, struct hal_rpc *rpc)
{
    rpc->header &= ~MACH_RPC_APART;
    self->op.ipc.reply_name = rpc->local;
    self->op.ipc.rcv_name = rpc->more;
}

static void rpc_send(struct thread *self, mach_msg_bits_t bits)
{
    struct ipc_kmsg *kmsg;
    struct thread *receiver;
    struct hal_rpc rpc;

    hal_uctx_get_rpc(&self->uctx, &rpc);
    ipc_rpc_receive_options(self);
    if ((rpc.header & (MACH_RPC_APART | MACH_RPC_TIMED)) == MACH_RPC_APART && MACH_MSGH_BITS_LOCAL(bits) != 0)
        rpc_receive_apart(self, &rpc);
    mach_msg_return_t mr = rpc_get(self, &rpc, bits, &kmsg);
    if (mr != MACH_MSG_SUCCESS)
        set_result(self, mr);
    else if (ipc_simple_send(self, kmsg, &receiver))
        rpc_receive(self, receiver);
    else
        rpc_send_any(self, kmsg);
}

void ipc_rpc_serve_continue(struct thread *self)
{
    struct ipc_kmsg *kmsg = ipc_msg_serve_again(self);
    struct thread *receiver = NULL;

    if (kmsg == NULL || ipc_msg_dispatch(kmsg, self, rpc_send_continue, &receiver) == IPC_SENT)
        rpc_receive(self, receiver);
}

void ipc_trap_rpc_call(struct thread *self)
{
    rpc_send(self, MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE));
}

void ipc_trap_rpc_reply_wait(struct thread *self)
{
    struct hal_rpc rpc;

    hal_uctx_get_rpc(&self->uctx, &rpc);
    if (rpc.remote != MACH_PORT_NULL) {
        rpc_send(self, MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0));
        return;
    }
    ipc_rpc_receive_options(self);
    rpc_receive(self, NULL);
}
