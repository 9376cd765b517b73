/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mach_msg: the buffer form.
 *
 * The trap runs in up to three stretches, each with its state in self->op.ipc: send (may wait for room), receive (may wait for a
 * message), finish (copy the message to the user, in the receiver's own address space).
 */
#include <ipc/entry.h>
#include <ipc/ipc.h>
#include <ipc/kernel_rpc.h>
#include <ipc/kobject.h>
#include <ipc/msg.h>
#include <ipc/pset.h>
#include <ipc/request.h>
#include <ipc/right.h>
#include <ipc/scatter.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/string.h>
#include <kern/task.h>
#include <vm/memory_object.h>
#include <vm/vm_map.h>
#include <vm/vm_map_copy.h>

#define OPTIONS_KNOWN                                                                                        \
    (MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_LARGE_IDENTITY | MACH_SEND_TIMEOUT |           \
     MACH_SEND_INTERRUPT | MACH_SEND_NOTIFY | MACH_RCV_TIMEOUT | MACH_RCV_INTERRUPT | MACH_RCV_OVERWRITE)
#define TRAILER_BITS 0xff000000u

static void set_result(struct thread *self, mach_msg_return_t result)
{
    hal_uctx_set_result(&self->uctx, (uint64_t)(uint32_t)result);
}

/* --- a message on its way to the user's buffer --- */

/* n bytes from or to self's memory; most are there, in one piece. Returns whether it went well. */
static inline bool user_read(const struct thread *self, void *to, hal_va_t from, size_t n)
{
    return (is_user_range(from, n) && hal_copyin(to, from, n) == HAL_OK) ||
           vm_copyin(self->task->map, to, from, n) == KERN_SUCCESS;
}

static inline bool user_write(const struct thread *self, hal_va_t to, const void *from, size_t n)
{
    return (is_user_range(to, n) && hal_copyout(to, from, n) == HAL_OK) ||
           vm_copyout(self->task->map, to, from, n) == KERN_SUCCESS;
}

static void write_note(struct thread *self, struct ipc_kmsg *kmsg, uint32_t size, mach_msg_return_t result)
{
    self->op.ipc.kmsg = kmsg;
    self->op.ipc.size = size;
    self->op.ipc.result = (uint32_t)result;
}

/* The message, which is in the user's form already, is not written. */
static void write_lost(struct thread *self, struct ipc_kmsg *kmsg, mach_msg_return_t failure)
{
    ipc_kmsg_copyout_undo(self->task, kmsg);
    ipc_kmsg_free(kmsg);
    set_result(self, failure);
}

/* The message could not be written: that is done later, by `again`, if a pager has the page. */
static __attribute__((noinline)) void write_failed(struct thread *self, struct ipc_kmsg *kmsg, uint32_t size,
                                                   mach_msg_return_t result, mach_msg_return_t failure,
                                                   thread_continuation_t again)
{
    if (memory_object_must_wait(self)) {
        write_note(self, kmsg, size, result);
        memory_object_wait(self, again);
    } else {
        write_lost(self, kmsg, failure);
    }
}

/* result: if all goes well; failure: else. */
static inline void msg_write(struct thread *self, struct ipc_kmsg *kmsg, uint32_t size,
                             mach_msg_return_t result, mach_msg_return_t failure, thread_continuation_t again)
{
    if (__builtin_expect(!user_write(self, hal_uctx_arg(&self->uctx, 0), &kmsg->head, size), 0)) {
        write_failed(self, kmsg, size, result, failure, again);
        return;
    }
    ipc_kmsg_free(kmsg);
    set_result(self, result);
}

/* self has waited for the page. */
static void write_continue(struct thread *self, mach_msg_return_t failure, thread_continuation_t again)
{
    struct ipc_kmsg *kmsg = self->op.ipc.kmsg;
    const uint32_t size = self->op.ipc.size;
    const mach_msg_return_t result = (mach_msg_return_t)self->op.ipc.result;

    if (memory_object_waited(self) == KERN_ABORTED)
        write_lost(self, kmsg, failure);
    else
        msg_write(self, kmsg, size, result, failure, again);
}

static void msg_write_continue(struct thread *self)
{
    write_continue(self, MACH_RCV_INVALID_DATA, msg_write_continue);
}

static void msg_unsent_continue(struct thread *self)
{
    write_continue(self, MACH_SEND_INVALID_DATA, msg_unsent_continue);
}

void ipc_msg_write_later(struct thread *self, struct ipc_kmsg *kmsg, uint32_t size, mach_msg_return_t result)
{
    write_note(self, kmsg, size, result);
    memory_object_wait(self, msg_write_continue);
}

void ipc_msg_write_again(struct thread *self, struct ipc_kmsg *kmsg, uint32_t size, mach_msg_return_t result)
{
    write_note(self, kmsg, size, result);
    self->wait_result = THREAD_AWAKENED;
    self->continuation = msg_write_continue;
}

/* --- send --- */

/* The kernel's routine needs a page that its pager has: it is called again when that is there. */
static __attribute__((noinline)) void serve_later(struct ipc_kmsg *kmsg)
{
    struct thread *self = thread_current();

    thread_clear_timeout(self); /* of the send, which will not wait */
    self->op.ipc.kmsg = kmsg;
    memory_object_wait(self, self->op.ipc.registers ? ipc_rpc_serve_continue : ipc_msg_serve_continue);
}

/* The call was served: what is left of its parts goes. */
static inline void serve_end(struct thread *self)
{
    if (__builtin_expect(!self->work.begun, 1))
        return;
    vm_map_copy_discard(self->work.copy);
    self->work.copy = NULL;
    self->work.done = 0;
    self->work.begun = false;
}

struct ipc_kmsg *ipc_msg_serve_again(struct thread *self)
{
    struct ipc_kmsg *kmsg = self->op.ipc.kmsg;

    if (memory_object_waited(self) == KERN_ABORTED) {
        serve_end(self);
        return ipc_kobject_refuse(kmsg, KERN_ABORTED);
    }
    self->work.begun = true;
    return kmsg;
}

/* Queue or deliver it: ipc_msg_dispatch(). */
static enum ipc_sent msg_queue(struct ipc_kmsg *kmsg, bool force, struct thread *waiter,
                               thread_continuation_t resume, struct thread **receiver)
{
    if (kmsg->port_count > 0 && !ipc_transit_begin(kmsg)) {
        ipc_kmsg_destroy(kmsg); /* it would keep itself alive */
        return IPC_SENT;
    }
    switch (ipc_mqueue_send(kmsg, force, waiter, resume, receiver)) {
    case IPC_SEND_FULL:
        return IPC_SENT_FULL;
    case IPC_SEND_WAITING:
        return IPC_SENT_WAITING;
    case IPC_SEND_DEAD:
        ipc_kmsg_destroy(kmsg);
        return IPC_SENT;
    default:
        return IPC_SENT;
    }
}

enum ipc_sent ipc_msg_dispatch(struct ipc_kmsg *kmsg, struct thread *waiter, thread_continuation_t resume,
                               struct thread **receiver)
{
    const bool served = IPC_PORT_VALID(kmsg->remote) && ipc_port_kotype(kmsg->remote) != IPC_KOTYPE_NONE;
    struct ipc_kmsg *message = kmsg;
    bool wait = false;

    *receiver = NULL;
    if (served)
        message = ipc_kobject_serve(kmsg, &wait);
    if (__builtin_expect(wait, 0)) {
        serve_later(kmsg);
        return IPC_SENT_WAITING;
    }
    serve_end(thread_current()); /* even if the object has gone since the part before */
    if (message == NULL)
        return IPC_SENT;
    if (!IPC_PORT_VALID(message->remote)) {
        ipc_kmsg_destroy(message); /* died since its name was looked up: sent, and lost with the port */
        return IPC_SENT;
    }
    return msg_queue(message, served, waiter, resume, receiver); /* a reply of the kernel is never held up */
}

/* The bytes of the message, checked for size. */
static mach_msg_return_t msg_get(struct thread *self, hal_va_t address, uint64_t size, struct ipc_kmsg **out)
{
    mach_msg_return_t mr = ipc_check_size(size);
    if (mr != MACH_MSG_SUCCESS)
        return mr;
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc((uint32_t)size, &self->task->ledger->messages);
    if (kmsg == NULL)
        return MACH_SEND_NO_BUFFER;
    if (!user_read(self, &kmsg->head, address, size)) {
        ipc_kmsg_free(kmsg);
        return MACH_SEND_INVALID_DATA;
    }
    kmsg->head.msgh_size = (uint32_t)size;
    if (MACH_MSGH_BITS_LOCAL(kmsg->head.msgh_bits) == MACH_MSG_TYPE_MAKE_SEND_ONCE &&
        kmsg->head.msgh_local_port != self->op.ipc.rcv_name)
        self->op.ipc.reply_name = kmsg->head.msgh_local_port;
    *out = kmsg;
    return MACH_MSG_SUCCESS;
}

/* The message could not be sent: its rights go back, and the buffer says how to try again. */
static void msg_unsent(struct thread *self, struct ipc_kmsg *kmsg, mach_msg_return_t why)
{
    mach_msg_return_t shortage = ipc_kmsg_copyout_unsent(self->task, kmsg);

    if (self->op.ipc.option & MACH_SEND_NOTIFY)
        ipc_request_arm(self->space, kmsg->head.msgh_remote_port);
    msg_write(self, kmsg, kmsg->head.msgh_size, why | (shortage & MACH_MSG_MASK), MACH_SEND_INVALID_DATA,
              msg_unsent_continue);
}

/* The send half is over: go on with the receive half, if there is one. */
static void msg_sent(struct thread *self, struct thread *receiver)
{
    if (self->op.ipc.option & MACH_RCV_MSG) {
        /* nobody took the message: perhaps it is self who does */
        if (receiver != NULL || (self->op.ipc.option & MACH_RCV_OVERWRITE) != 0 || !ipc_simple_receive(self))
            ipc_msg_receive(self, receiver);
        return;
    }
    set_result(self, MACH_MSG_SUCCESS);
    if (receiver != NULL)
        thread_wakeup(receiver, THREAD_AWAKENED);
}

static void msg_send_continue(struct thread *self)
{
    struct ipc_kmsg *kmsg = self->op.ipc.kmsg;

    switch (self->wait_result) {
    case THREAD_TIMED_OUT:
        msg_unsent(self, kmsg, MACH_SEND_TIMED_OUT);
        return;
    case THREAD_INTERRUPTED:
        msg_unsent(self, kmsg, MACH_SEND_INTERRUPTED);
        return;
    case THREAD_OBJECT_DEAD:
        ipc_kmsg_destroy(kmsg);
        break;
    case THREAD_AWAKENED:
        break; /* who made room queued it */
    }
    msg_sent(self, NULL);
}

static void msg_send(struct thread *self, struct ipc_kmsg *kmsg)
{
    struct thread *receiver;
    bool timed = (self->op.ipc.option & MACH_SEND_TIMEOUT) != 0;
    bool may_wait = !timed || self->op.ipc.timeout_ms != 0;

    if (timed && may_wait)
        thread_set_timeout(self, self->op.ipc.timeout_ms);
    switch (ipc_msg_dispatch(kmsg, may_wait ? self : NULL, msg_send_continue, &receiver)) {
    case IPC_SENT:
        if (timed && may_wait)
            thread_clear_timeout(self);
        msg_sent(self, receiver);
        break;
    case IPC_SENT_FULL:
        msg_unsent(self, kmsg, MACH_SEND_TIMED_OUT);
        break;
    case IPC_SENT_WAITING:
        break;
    }
}

void ipc_msg_serve_continue(struct thread *self)
{
    struct ipc_kmsg *kmsg = ipc_msg_serve_again(self);

    if (kmsg != NULL)
        msg_send(self, kmsg);
    else
        msg_sent(self, NULL);
}

/* --- receive --- */

/* Behind the message, as far as the receiver wants it. Returns: its size. */
static uint32_t trailer_write(struct ipc_kmsg *kmsg, uint32_t option, uint32_t seqno, uint64_t label)
{
    mach_msg_max_trailer_t *trailer = ipc_kmsg_trailer(kmsg);
    uint32_t size = (uint32_t)REQUESTED_TRAILER_SIZE(option);

    trailer->msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
    trailer->msgh_trailer_size = size;
    trailer->msgh_seqno = seqno;
    if (!kmsg->from_user)
        kernel_token_get(&trailer->msgh_sender);
    trailer->msgh_context = label;
    return size;
}

/* The scatter list in self's buffer; NULL: there is none. */
static struct ipc_scatter *scatter_get(const struct thread *self, struct ipc_scatter *scatter)
{
    if ((hal_uctx_arg(&self->uctx, 1) & MACH_RCV_OVERWRITE) == 0)
        return NULL;
    ipc_scatter_begin(scatter, self->task->map, hal_uctx_arg(&self->uctx, 0),
                      (uint32_t)hal_uctx_arg(&self->uctx, 6));
    return scatter;
}

/* Its rights have names. mr: how that went. */
static inline void write_named(struct thread *self, struct ipc_kmsg *kmsg, mach_msg_return_t mr,
                               uint64_t label, uint32_t seqno)
{
    const uint32_t size =
        kmsg->head.msgh_size + trailer_write(kmsg, (uint32_t)hal_uctx_arg(&self->uctx, 1), seqno, label);

    msg_write(self, kmsg, size, mr, MACH_RCV_INVALID_DATA, msg_write_continue);
}

/* What is out of line goes on to its places, when the page of one is there; if it is not waited for, to new memory, and the message is lost. */
static void msg_copyout_continue(struct thread *self)
{
    struct ipc_kmsg *kmsg = self->op.ipc.kmsg;
    struct ipc_scatter scatter;
    const bool aborted = memory_object_waited(self) == KERN_ABORTED;
    mach_msg_return_t mr =
        ipc_kmsg_copyout_rest(self->task, kmsg, aborted ? NULL : scatter_get(self, &scatter));

    if (aborted)
        write_lost(self, kmsg, MACH_RCV_INVALID_DATA);
    else if (mr == MACH_RCV_IN_PROGRESS)
        memory_object_wait(self, msg_copyout_continue);
    else
        write_named(self, kmsg, mr, self->op.ipc.label, self->op.ipc.seqno);
}

static __attribute__((noinline)) void copyout_later(struct thread *self, struct ipc_kmsg *kmsg,
                                                    uint64_t label, uint32_t seqno)
{
    self->op.ipc.kmsg = kmsg;
    self->op.ipc.label = label;
    self->op.ipc.seqno = seqno;
    memory_object_wait(self, msg_copyout_continue);
}

/* One with something to be named, or placed. */
static __attribute__((noinline)) void write_parts(struct thread *self, struct ipc_kmsg *kmsg,
                                                  mach_port_name_t name, uint64_t label, uint32_t seqno)
{
    struct ipc_scatter scatter;
    mach_msg_return_t mr = ipc_kmsg_copyout(self->task, kmsg, name, scatter_get(self, &scatter));

    if (__builtin_expect(mr == MACH_RCV_IN_PROGRESS, 0))
        copyout_later(self, kmsg, label, seqno);
    else
        write_named(self, kmsg, mr, label, seqno);
}

void ipc_msg_write(struct thread *self, struct ipc_kmsg *kmsg, mach_port_name_t name, uint64_t label,
                   uint32_t seqno)
{
    if (kmsg->local != NULL || kmsg->port_count != 0) {
        write_parts(self, kmsg, name, label, seqno);
        return;
    }
    ipc_kmsg_head_out(&kmsg->head, MACH_PORT_NULL, name);
    write_named(self, kmsg, MACH_MSG_SUCCESS, label, seqno);
}

/* Can self have the message as it is? MACH_RCV_IN_PROGRESS: its list must come from a pager before that can be said. */
static mach_msg_return_t msg_acceptable(const struct thread *self, struct ipc_kmsg *kmsg)
{
    struct ipc_scatter scatter;

    if (ipc_receive_size(kmsg, self->op.ipc.option) > self->op.ipc.size)
        return MACH_RCV_TOO_LARGE; /* with MACH_RCV_LARGE it would not have been taken */
    if (scatter_get(self, &scatter) == NULL)
        return MACH_MSG_SUCCESS;
    mach_msg_return_t mr = ipc_scatter_check(&scatter, kmsg);
    return scatter.failed && memory_object_must_wait(self) ? MACH_RCV_IN_PROGRESS : mr;
}

/* It can't: the message is lost; the header tells how large it was. */
static void msg_lost(struct thread *self, struct ipc_kmsg *kmsg, mach_msg_return_t why)
{
    mach_msg_header_t head = {.msgh_size = kmsg->head.msgh_size};

    ipc_kmsg_destroy(kmsg);
    if (self->op.ipc.size >= sizeof(head))
        (void)!vm_copyout(self->task->map, self->op.ipc.buffer, &head, sizeof(head));
    set_result(self, why);
}

static void msg_accept_continue(struct thread *self);

/* self has taken the message in op.ipc, and nothing is due any more for that. */
static void msg_accept(struct thread *self)
{
    struct ipc_kmsg *kmsg = self->op.ipc.kmsg;
    mach_msg_return_t mr = msg_acceptable(self, kmsg);

    if (mr == MACH_MSG_SUCCESS)
        ipc_msg_write(self, kmsg, self->op.ipc.name, self->op.ipc.label, self->op.ipc.seqno);
    else if (mr == MACH_RCV_IN_PROGRESS)
        memory_object_wait(self, msg_accept_continue);
    else
        msg_lost(self, kmsg, mr);
}

static void msg_accept_continue(struct thread *self)
{
    if (memory_object_waited(self) == KERN_ABORTED)
        msg_lost(self, self->op.ipc.kmsg, MACH_RCV_INVALID_DATA);
    else
        msg_accept(self);
}

void ipc_msg_finish(struct thread *self)
{
    ipc_mqueue_after_take(self);
    msg_accept(self);
}

/* MACH_RCV_LARGE and the first message does not fit: it stays, the header (if there is room) tells its size, and which
 * port has it if that is asked. */
static void msg_too_large(struct thread *self)
{
    mach_msg_header_t head = {.msgh_size = self->op.ipc.size};

    if (self->op.ipc.option & MACH_RCV_LARGE_IDENTITY)
        head.msgh_local_port = self->op.ipc.large;
    if (!self->op.ipc.registers && (uint32_t)hal_uctx_arg(&self->uctx, 3) >= sizeof(head))
        (void)!vm_copyout(self->task->map, self->op.ipc.buffer, &head, sizeof(head));
    set_result(self, MACH_RCV_TOO_LARGE);
}

void ipc_msg_receive_failed(struct thread *self)
{
    mach_msg_return_t result = (mach_msg_return_t)self->op.ipc.result;

    if (self->wait_result == THREAD_TIMED_OUT)
        result = MACH_RCV_TIMED_OUT;
    else if (self->wait_result == THREAD_INTERRUPTED)
        result = MACH_RCV_INTERRUPTED;
    if (result == MACH_RCV_TOO_LARGE)
        msg_too_large(self);
    else
        set_result(self, result);
}

bool ipc_receive_again(const struct thread *self)
{
    return self->wait_result == THREAD_AWAKENED &&
           (mach_msg_return_t)self->op.ipc.result == MACH_RCV_IN_PROGRESS;
}

void ipc_msg_receive_continue(struct thread *self)
{
    if (self->op.ipc.kmsg != NULL)
        ipc_msg_finish(self);
    else if (ipc_receive_again(self))
        ipc_msg_receive(self, NULL);
    else
        ipc_msg_receive_failed(self);
}

/* --- the trap --- */

static void trap_continue(struct thread *self)
{
    if (memory_object_waited(self) == KERN_ABORTED)
        set_result(self, MACH_SEND_INTERRUPTED);
    else
        ipc_trap_msg(self);
}

/* Nothing was sent: the trap begins again later if a pager has what was to be read. */
static __attribute__((noinline)) void send_failed(struct thread *self, mach_msg_return_t result)
{
    if (memory_object_must_wait(self))
        memory_object_wait(self, trap_continue);
    else
        set_result(self, result);
}

/* Send it by one of the short ways. Returns false: nothing changed. */
static inline bool send_short(struct thread *self, struct ipc_kmsg *kmsg, struct thread **receiver)
{
    if (!MACH_MSGH_BITS_IS_COMPLEX(kmsg->head.msgh_bits))
        return ipc_simple_send(self, kmsg, receiver);
    if (!ipc_kernel_supply(self, &kmsg->head, receiver))
        return ipc_simple_send_memory(self, kmsg, receiver);
    ipc_kmsg_free(kmsg);
    return true;
}

void ipc_trap_msg(struct thread *self)
{
    const struct uctx *u = &self->uctx;
    uint32_t option = (uint32_t)hal_uctx_arg(u, 1);
    struct thread *receiver;
    struct ipc_kmsg *kmsg;

    if ((option & ~TRAILER_BITS & ~(uint32_t)OPTIONS_KNOWN) != 0 ||
        GET_RCV_ELEMENTS(option) > MACH_RCV_TRAILER_CTX) {
        set_result(self, MACH_SEND_INVALID_OPTIONS);
        return;
    }
    self->op.ipc.buffer = hal_uctx_arg(u, 0);
    self->op.ipc.option = option;
    self->op.ipc.size = (uint32_t)hal_uctx_arg(u, 3);
    self->op.ipc.rcv_name = (mach_port_name_t)hal_uctx_arg(u, 4);
    self->op.ipc.timeout_ms = (uint32_t)hal_uctx_arg(u, 5);
    self->op.ipc.registers = false;
    self->op.ipc.reply_name = MACH_PORT_NULL;
    if ((option & MACH_SEND_MSG) == 0) {
        msg_sent(self, NULL);
        return;
    }
    mach_msg_return_t mr = msg_get(self, self->op.ipc.buffer, (uint32_t)hal_uctx_arg(u, 2), &kmsg);
    if (mr == MACH_MSG_SUCCESS && send_short(self, kmsg, &receiver)) {
        msg_sent(self, receiver);
        return;
    }
    if (mr == MACH_MSG_SUCCESS && (mr = ipc_kmsg_copyin(self->task, kmsg)) != MACH_MSG_SUCCESS)
        ipc_kmsg_free(kmsg);
    if (mr != MACH_MSG_SUCCESS)
        send_failed(self, mr);
    else
        msg_send(self, kmsg);
}
