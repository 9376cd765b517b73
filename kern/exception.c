/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raising exceptions.  The thread is blocked before its message leaves: the answer may come at once, from
 * another CPU.  The reply port is a kernel object that stands for the thread.  The thread keeps it for the next exception only if the
 * right to answer was used; so an answer that comes too late finds a dead port.
 */
#include <hal/hal.h>
#include <ipc/kmsg.h>
#include <ipc/kobject.h>
#include <kern/exception.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <kern/thread_i.h>
#include <mach/exc_kernel.h>
#include <mach/mach_exc_kernel.h>

#define REQUEST_PORTS 2u /* thread and task */

enum { LEVEL_THREAD, LEVEL_TASK, LEVEL_HOST, LEVEL_COUNT };

/* Ids of the requests: exc.defs, mach_exc.defs. */
enum {
    ID_RAISE = 2401,
    ID_RAISE_STATE = 2402,
    ID_RAISE_STATE_IDENTITY = 2403,
    ID_MACH_RAISE = 2405,
    ID_MACH_RAISE_STATE = 2406,
    ID_MACH_RAISE_STATE_IDENTITY = 2407,
    REPLY_ID_OFFSET = 100,
};

struct handler {
    struct ipc_port *port; /* a send right */
    int behavior;
    int flavor;
};

static void exception_try(struct thread *self);

/* Find the first handler from level op.exc.level on. */
static bool handler_find(struct thread *self, struct handler *handler)
{
    int exception = self->op.exc.exception;

    handler->port = NULL;
    for (; self->op.exc.level < LEVEL_COUNT; self->op.exc.level++) {
        struct exception_table table = exception_table(self->op.exc.level < LEVEL_HOST ? self->task : NULL,
                                                       self->op.exc.level == LEVEL_THREAD ? self : NULL);
        spin_lock(table.lock);
        handler->port = ipc_port_copy_send(table.port[exception]);
        handler->behavior = table.behavior[exception];
        handler->flavor = table.flavor[exception];
        spin_unlock(table.lock);
        if (IPC_PORT_VALID(handler->port))
            return true;
    }
    return false;
}

/* --- the request --- */

union request {
    __Request__exception_raise_t raise;
    __Request__exception_raise_state_t state;
    __Request__exception_raise_state_identity_t identity;
    __Request__mach_exception_raise_t mach_raise;
    __Request__mach_exception_raise_state_t mach_state;
    __Request__mach_exception_raise_state_identity_t mach_identity;
};

static uint32_t request_size(int behavior)
{
    return (behavior & ~(int)MACH_EXCEPTION_CODES) == EXCEPTION_DEFAULT
               ? sizeof(__Request__mach_exception_raise_t)
               : sizeof(union request);
}

/* Write the body for a handler that wants 32-bit codes. */
static void request_fill(struct mig_kernel_message *m, struct thread *self, const struct handler *handler,
                         thread_state_t state, mach_msg_type_number_t state_count)
{
    int exception = self->op.exc.exception;
    integer_t code[] = {(integer_t)self->op.exc.code[0], (integer_t)self->op.exc.code[1]};

    switch (handler->behavior) {
    case EXCEPTION_DEFAULT:
        exception_raise_request(m, thread_make_port(self), task_make_port(self->task), exception, code,
                                EXCEPTION_CODE_MAX);
        break;
    case EXCEPTION_STATE:
        exception_raise_state_request(m, exception, code, EXCEPTION_CODE_MAX, handler->flavor, state,
                                      state_count);
        break;
    default:
        exception_raise_state_identity_request(m, thread_make_port(self), task_make_port(self->task),
                                               exception, code, EXCEPTION_CODE_MAX, handler->flavor, state,
                                               state_count);
    }
}

/* The same with 64-bit codes. */
static void request_fill_mach(struct mig_kernel_message *m, struct thread *self,
                              const struct handler *handler, thread_state_t state,
                              mach_msg_type_number_t state_count)
{
    int exception = self->op.exc.exception;
    int64_t *code = self->op.exc.code;

    switch (handler->behavior & ~(int)MACH_EXCEPTION_CODES) {
    case EXCEPTION_DEFAULT:
        mach_exception_raise_request(m, thread_make_port(self), task_make_port(self->task), exception, code,
                                     EXCEPTION_CODE_MAX);
        break;
    case EXCEPTION_STATE:
        mach_exception_raise_state_request(m, exception, code, EXCEPTION_CODE_MAX, handler->flavor, state,
                                           state_count);
        break;
    default:
        mach_exception_raise_state_identity_request(m, thread_make_port(self), task_make_port(self->task),
                                                    exception, code, EXCEPTION_CODE_MAX, handler->flavor,
                                                    state, state_count);
    }
}

/*
 * The request without destination and reply port, or NULL: no memory, or no such state.  Not inlined: its buffer
 * must not lie on the stack while the message is sent or the task ends.
 */
static __attribute__((noinline)) struct ipc_kmsg *request_create(struct thread *self,
                                                                 const struct handler *handler)
{
    natural_t state[THREAD_STATE_MAX];
    mach_msg_type_number_t state_count = THREAD_STATE_MAX;
    struct ipc_port *ports[REQUEST_PORTS] = {NULL};

    if (request_size(handler->behavior) == sizeof(union request) &&
        hal_uctx_get_state(&self->uctx, handler->flavor, state, &state_count) != KERN_SUCCESS)
        return NULL;
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc(request_size(handler->behavior), &self->task->ledger->messages);
    if (kmsg == NULL)
        return NULL;
    kmsg->head = (mach_msg_header_t){0};
    struct mig_kernel_message m = {.head = &kmsg->head, .port = ports};
    if ((handler->behavior & (int)MACH_EXCEPTION_CODES) != 0)
        request_fill_mach(&m, self, handler, state, state_count);
    else
        request_fill(&m, self, handler, state, state_count);
    if (MACH_MSGH_BITS_IS_COMPLEX(kmsg->head.msgh_bits)) {
        _Static_assert(REQUEST_PORTS <= IPC_KMSG_PORTS_INLINE, "they need no memory");
        kmsg->port_count = REQUEST_PORTS;
        memcpy(kmsg->port, ports, sizeof(ports));
    }
    return kmsg;
}

/* --- waiting for the answer --- */

void exception_forget(struct thread *self)
{
    if (self->exception_reply != NULL)
        ipc_kobject_destroy(self->exception_reply);
    self->exception_reply = NULL;
}

static void exception_continue(struct thread *self)
{
    if (self->wait_result == THREAD_INTERRUPTED) /* the answer may be still to come */
        exception_forget(self);
    if (self->wait_result == THREAD_OBJECT_DEAD) {
        self->op.exc.level++;
        exception_try(self);
    }
}

/* Ask the handler; consumes its port. Returns false, with the thread running: it can't be asked. */
static bool exception_ask(struct thread *self, const struct handler *handler) NO_THREAD_SAFETY_ANALYSIS
{
    if (self->exception_reply == NULL)
        self->exception_reply =
            ipc_kobject_create(IPC_KOTYPE_EXCEPTION_REPLY, self, &self->task->ledger->memory);
    struct ipc_kmsg *kmsg = self->exception_reply == NULL ? NULL : request_create(self, handler);

    if (kmsg == NULL) {
        ipc_port_release_send(handler->port);
        return false;
    }
    kmsg->remote = handler->port;
    kmsg->local = ipc_port_make_send_once(self->exception_reply);
    kmsg->head.msgh_bits |= MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND, MACH_MSG_TYPE_PORT_SEND_ONCE);
    spin_lock(&self->lock);
    thread_block(self, THREAD_WAIT_EXCEPTION, NULL, exception_continue); /* unlocks */
    ipc_kmsg_send_and_handoff(kmsg);
    return true;
}

static void exception_unhandled(struct thread *self)
{
    hal_va_t pc, sp;

    if (self->op.exc.exception == EXC_GUARD)
        return;
    hal_uctx_where(&self->uctx, &pc, &sp);
    kprintf(
        "portolan: task %s, thread %lu ends: exception %d, code 0x%lx, subcode 0x%lx, pc 0x%lx, sp 0x%lx\n",
        self->task->name, self->id, self->op.exc.exception, (uint64_t)self->op.exc.code[0],
        (uint64_t)self->op.exc.code[1], pc, sp);
    (void)task_terminate_request(self->task);
}

static void exception_try(struct thread *self)
{
    struct handler handler;

    while (handler_find(self, &handler)) {
        if (exception_ask(self, &handler))
            return;
        self->op.exc.level++;
    }
    exception_unhandled(self);
}

void exception_raise(struct thread *self, int exception, int64_t code, int64_t subcode)
{
    self->op.exc.exception = exception;
    self->op.exc.code[0] = code;
    self->op.exc.code[1] = subcode;
    self->op.exc.level = LEVEL_THREAD;
    exception_try(self);
}

void exception_guard(uint32_t flavor, mach_port_name_t name, mach_port_context_t guard)
{
    struct thread *self = thread_current();

    self->guard_code[0] =
        (int64_t)((uint64_t)GUARD_TYPE_MACH_PORT << 61 | (uint64_t)flavor << 32 | (uint64_t)name);
    self->guard_code[1] = (int64_t)guard;
    __atomic_fetch_or(&self->ast, THREAD_AST_GUARD, __ATOMIC_RELAXED);
    smp_kick(hal_cpu_self());
}

void exception_guard_raise(struct thread *self)
{
    __atomic_fetch_and(&self->ast, ~THREAD_AST_GUARD, __ATOMIC_RELAXED);
    exception_raise(self, EXC_GUARD, self->guard_code[0], self->guard_code[1]);
}

/* --- the answer --- */

/* Does the reply say that the exception was handled?  Sets the registers that came with it.  Not inlined: its buffer. */
static __attribute__((noinline)) bool reply_accept(struct thread *t, struct mig_kernel_message *m)
{
    natural_t state[THREAD_STATE_MAX];
    mach_msg_type_number_t count = 0;
    int flavor = 0;
    kern_return_t kr;

    switch (m->head->msgh_id - REPLY_ID_OFFSET) {
    case ID_RAISE:
        return exception_raise_reply(m) == KERN_SUCCESS;
    case ID_RAISE_STATE:
        kr = exception_raise_state_reply(m, &flavor, state, &count);
        break;
    case ID_RAISE_STATE_IDENTITY:
        kr = exception_raise_state_identity_reply(m, &flavor, state, &count);
        break;
    case ID_MACH_RAISE:
        return mach_exception_raise_reply(m) == KERN_SUCCESS;
    case ID_MACH_RAISE_STATE:
        kr = mach_exception_raise_state_reply(m, &flavor, state, &count);
        break;
    case ID_MACH_RAISE_STATE_IDENTITY:
        kr = mach_exception_raise_state_identity_reply(m, &flavor, state, &count);
        break;
    default: /* nonsense */
        return false;
    }
    return kr == KERN_SUCCESS && hal_uctx_set_state(&t->uctx, flavor, state, count) == KERN_SUCCESS;
}

static void *ref_thread(void *thread)
{
    thread_ref(thread);
    return thread;
}

struct thread *exception_answer(struct ipc_port *port, struct mig_kernel_message *reply)
{
    struct thread *t = ipc_kobject_get(port, IPC_KOTYPE_EXCEPTION_REPLY, ref_thread);

    if (t == NULL)
        return NULL;
    spin_lock(&t->lock);
    bool expected =
        t->state == THREAD_WAITING && t->wait == THREAD_WAIT_EXCEPTION && t->exception_reply == port;
    bool handled = false;
    if (expected) {
        t->wait = THREAD_WAIT_NONE; /* claimed */
        handled = reply != NULL && reply_accept(t, reply);
    }
    spin_unlock(&t->lock);
    if (expected && !handled)
        thread_wakeup(t, THREAD_OBJECT_DEAD);
    thread_unref(t); /* one that is claimed can't end before it is woken */
    return handled ? t : NULL;
}

void exception_reply(struct ipc_port *port, struct mig_kernel_message *reply)
{
    struct thread *t = exception_answer(port, reply);

    if (t != NULL)
        thread_wakeup(t, THREAD_AWAKENED);
}
