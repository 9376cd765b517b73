/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads.  A thread is a saved user context and, while it is blocked inside an operation, a continuation.
 * It has no kernel stack.
 *
 * To block: under the lock of the object that is waited for, enqueue the thread there and call
 * thread_block(); then release the lock and return to the upcall level without touching the thread again:
 * from the unlock on, another CPU may run it.  To wake: take the thread off the object's queue under the
 * object's lock (that is the claim: exactly one waker gets it), then thread_wakeup().
 *
 * States (lock: t->lock, but RUNNING <-> RECEIVING in the IPC fast path, which holds the port's rx word
 * instead):
 *   RUNNING    current on t->cpu
 *   READY      in the run queue of t->cpu, or about to be entered there
 *   WAITING    on the queue of wait_object (or a pure sleep); continuation set
 *   RECEIVING  in the rx word of the port or set that it remembers (rcv_rx): the message goes to it as its trap's arguments say
 *   RECEIVING_TIMED  the same, until rcv_wake_time at the latest
 *   STOPPED    runnable but for suspend_count > 0, or not started yet
 *   DEAD       will never run again; memory remains while references do
 */
#ifndef KERN_THREAD_H
#define KERN_THREAD_H

#include <hal/hal.h>
#include <kern/list.h>
#include <kern/spinlock.h>
#include <mach/exception_types.h>
#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_prot.h>
#include <sched/timeout.h>

struct task;
struct thread;
struct ipc_entry;
struct ipc_kmsg;
struct ipc_port;
struct ipc_pset;
struct ipc_space;
struct memory_object;
struct pmap;
struct vm_map_copy;

typedef void (*thread_continuation_t)(struct thread *self);

enum thread_state {
    THREAD_RUNNING,
    THREAD_READY,
    THREAD_WAITING,
    THREAD_RECEIVING,
    THREAD_RECEIVING_TIMED,
    THREAD_STOPPED,
    THREAD_DEAD,
};

/* What a WAITING thread waits for; wait_object is the port or set. */
enum thread_wait {
    THREAD_WAIT_NONE,
    THREAD_WAIT_RECEIVE,     /* a message: on ipc_port.receivers */
    THREAD_WAIT_RECEIVE_SET, /* a message from a member: on ipc_pset.receivers */
    THREAD_WAIT_SEND,        /* room in a queue: on ipc_port.senders */
    THREAD_WAIT_SLEEP,       /* time only; wait_object is NULL; claimed under t->lock */
    THREAD_WAIT_EXCEPTION,   /* the answer to op.exc; wait_object is NULL; claimed under t->lock */
    THREAD_WAIT_PAGE, /* a page that its pager has; wait_object is the vm_object; on a page_request's list */
    THREAD_WAIT_KERNEL, /* an event of a kernel thread; not abortable */
};

/* How a wait ended; set by the waker before thread_wakeup(). */
enum thread_wait_result { THREAD_AWAKENED, THREAD_TIMED_OUT, THREAD_INTERRUPTED, THREAD_OBJECT_DEAD };

/* Requests to a thread, looked at whenever it is about to return to user mode (and, where it can be, while it
 * waits). */
#define THREAD_AST_TERMINATE 1u
#define THREAD_AST_SUSPEND 2u
#define THREAD_AST_GUARD 4u /* it violated a guard: EXC_GUARD (kern/exception.h) */

#define THREAD_RCV_NONE (UINT64_C(1) << 32) /* equals no 32-bit name */
/* With the name of a set in rcv_name: rcv_port is where answers to calls go, not where the thread waits. */
#define THREAD_RCV_APART (UINT64_C(1) << 33)

struct thread {
    struct uctx uctx; /* first: an upcall's context is its thread */

    /* --- what the IPC fast path reads and writes (ipc/ipc_fast.h); owner: the CPU that runs the thread, or
     *     that took it out of an rx word --- */
    struct ipc_entry *call_entry;  /* in space: where its last call went, or &ipc_entry_none */
    struct cpu *cpu;               /* runs, or ran last, here */
    struct ipc_entry *reply_entry; /* entry reserved for the next send-once right, or &ipc_entry_none */
    struct ipc_space *space;       /* of its task; constant */
    struct pmap *pmap;             /* of its task; constant */
    struct ipc_port *rcv_port;     /* cached receive port, or NULL (ipc/port.h: port.cacher) */
    uint64_t *rcv_rx;              /* rx of rcv_set if there is one, else of rcv_port, or NULL */
    uint64_t rcv_idle;             /* its value while that port or set is idle in its present incarnation */
    uint64_t rcv_name;             /* the name of that in space, or THREAD_RCV_NONE */
    uint32_t rcv_loan;             /* send-once rights to rcv_port counted there ahead of use */
    uint32_t state;                /* enum thread_state; atomic: the fast path changes it without t->lock */
    uint32_t ast;                  /* THREAD_AST_*; atomic */
    uint64_t priority;             /* effective: 0 (least) .. SCHED_PRIORITY_MAX */
    uint64_t own_priority;         /* what `priority` is without donation (sched_priority_own()) */

    /* --- the rest --- */
    spinlock_t lock;          /* rank LOCK_RANK_THREAD */
    uint64_t refs;            /* kern/ref.h */
    struct ipc_pset *rcv_set; /* cached port set, or NULL (ipc/pset.h: pset.cacher) */
    struct task *task;
    struct list task_link;    /* task->threads; task->lock */
    struct list run_link;     /* run queue; its lock */
    struct list wait_link;    /* queue of wait_object; that object's lock */
    struct thread *kick_next; /* the list of kicked threads that it is on (kern/kick.h) */
    uint32_t kicked;          /* atomic: it is on one, or about to be */

    thread_continuation_t continuation; /* runs before the user context is resumed; NULL: resume */
    enum thread_wait
        wait; /* atomic, as wait_object: a hint for who does not hold the lock that guards the wait */
    enum thread_wait_result wait_result;
    void *wait_object;
    struct timeout timeout;    /* queued or not; while the thread runs, on its CPU if at all */
    hal_ticks_t wake_time;     /* when the present wait ends at the latest; 0: no time is set */
    hal_ticks_t rcv_wake_time; /* the same while the state is RECEIVING_TIMED, and only then */
    uint32_t rcv_timeout_ms;   /* what that was made of */
    uint32_t suspend_count;    /* by users */
    uint32_t kernel_holds;     /* by its task's suspension and by those who look at its registers */
    bool rcv_for_calls;        /* rcv_port was remembered for calls of the kernel, not for receiving */
    bool kernel;               /* a kernel thread: never resumes a user context; its continuation stays */

    /* state of the operation that the continuation finishes */
    union {
        struct {
            struct ipc_kmsg
                *kmsg; /* WAIT_SEND: the message to be sent; after a receive: what arrived, or NULL */
            struct ipc_port *port; /* receive: port it came from; holds a reference */
            hal_va_t buffer;
            uint32_t option;
            uint32_t size; /* receive limit, or size needed */
            mach_port_name_t rcv_name;
            mach_port_name_t reply_name; /* if a call made its reply right of another port: that, else null */
            uint32_t timeout_ms;
            uint32_t seqno;
            mach_port_name_t name;  /* of the port, where the message was taken */
            uint64_t label;         /* its context */
            bool registers;         /* receives in the register form */
            uint32_t result;        /* how the receive failed while kmsg is NULL */
            mach_port_name_t large; /* MACH_RCV_TOO_LARGE: the port that has the message */
            bool room;        /* the message that was taken made room for senders who asked to be told */
            uint32_t mscount; /* for no_senders */
            struct { /* a message with a scatter list that waits for a page to be written (ipc/copy.c) */
                uint32_t next;   /* its first descriptor that is in kernel form, but for ... */
                bool named;      /* ... the names of an array, which it has */
                uint32_t header; /* MACH_MSG_*: shortages met in the header, */
                uint32_t body;   /* and up to that descriptor */
                uint64_t done;   /* bytes of that which are written */
            } copyout;
            struct ipc_kmsg
                *no_senders; /* a notification that fell due when the message was taken, or NULL */
        } ipc;
        struct {
            int exception;
            int64_t code[2];
            uint32_t level; /* which exception port is being tried */
        } exc;
        uint64_t word[12]; /* kernel threads: what they like */
    } op;

    /* the page that it is to wait for, or whose wait failed (vm/memory_object.h); its own */
    struct {
        struct memory_object *pager;  /* a reference, or NULL */
        struct page_request *request; /* that it has in hand; NULL: the object has it, or it is answered */
        uint64_t index;
        hal_va_t va;          /* of the access, where that is what waits */
        vm_prot_t access;     /* the same */
        kern_return_t result; /* KERN_MEMORY_ERROR, KERN_RESOURCE_SHORTAGE: it failed; KERN_PAGE_SYNCED */
        bool sync;            /* the wait is for what was given back, up to `va` (vm/memory_object_sync.c) */
    } page;

    /* of a call of the kernel that is served in parts (vm/vm_server.c), from the second on; its own */
    struct {
        bool begun;               /* there was a part before */
        uint64_t done;            /* bytes */
        struct vm_map_copy *copy; /* where they come from, if nobody else has that; or NULL */
    } work;

    void *fpu;           /* vector state, hal_info.fpu_size bytes, or NULL: not used yet */
    uint32_t fpu_credit; /* runs for which it is loaded without a fault (kern/fpu.h); 0 while fpu is NULL */

    struct ipc_port *self_port; /* kernel object port; NULL once the thread ends; task->lock */
    struct ipc_port *exception_port[EXC_TYPES_COUNT];
    int exception_behavior[EXC_TYPES_COUNT];
    int exception_flavor[EXC_TYPES_COUNT];
    int64_t guard_code[2]; /* of EXC_GUARD, with THREAD_AST_GUARD; its own */
    /* where answers come; kernel-held, or NULL; no right to it is left while the thread does not wait for one */
    struct ipc_port *exception_reply;

    hal_ticks_t run_time;  /* charged at switches by the general path (cpu->run_start) */
    hal_ticks_t stop_time; /* when it last left a CPU by the general path */
    hal_ticks_t turn_time; /* run_time since it stood at the end of a queue */
    const char *name;      /* of a kernel thread */
    uint64_t id;           /* never used again */

    /* --- scheduling; t->lock, but penalty and boosted: the CPU that runs it, or takes it off its queue ---
     */
    int policy; /* POLICY_* */
    uint32_t quantum_ms;
    uint64_t base_priority;
    uint64_t max_priority;
    uint64_t switches;        /* to it, by the general path */
    uint32_t penalty;         /* levels below base_priority, for using up quanta */
    hal_ticks_t penalty_time; /* when it changed last */
    bool boosted;             /* runs for a quantum above its priority: it waited for long */
    bool depressed;           /* at SCHED_PRIORITY_IDLE until `depression` ends it */
    struct timeout depression;
} __attribute__((aligned(64)));

typedef struct thread *thread_t;

/*
 * A new thread of `task` in state STOPPED with suspend_count 1 and an all-zero full frame.
 * Context: no lock held; the caller has a reference to task.
 * Returns: KERN_SUCCESS: *out with one reference for the caller (the task has another);
 * KERN_RESOURCE_SHORTAGE; KERN_TERMINATED the task is dying: *out unchanged.
 */
HAL_NODISCARD kern_return_t thread_create_in(struct task *task, struct thread **out);

/* A kernel thread that runs `step` again and again: step does bounded work and either returns (it is run
 * again after other threads) or blocks with thread_block(..., THREAD_WAIT_KERNEL, ...). Context: boot. Panics
 * without memory. */
struct thread *thread_create_kernel(const char *name, thread_continuation_t step, int priority);

void thread_ref(struct thread *t);
void thread_unref(struct thread *t); /* frees at the last one */

/*
 * The current thread begins to wait (see the top).  Saves vector state, leaves the CPU without a current
 * thread. With a timeout: arm t->timeout first (thread_set_timeout).
 * Context: current thread; lock of `object` held (SLEEP: t->lock, which is released). `continuation` is NULL
 * for the RECEIVING form only.
 */
void thread_block(struct thread *self, enum thread_wait wait, void *object,
                  thread_continuation_t continuation);

/*
 * The same without the scheduler: `next`, which the caller has claimed, whose state is RUNNING and whose CPU is this one, is current
 * then, with self's priority if that is higher.  The time of both is charged to who stops by the general path next.
 * Context: as above; thread_activate(next) follows when no lock is held.
 */
void thread_block_for(struct thread *self, enum thread_wait wait, void *object,
                      thread_continuation_t continuation, struct thread *next);

/*
 * May a claimed thread, which has waited with a continuation, go on where the current one begins to wait, without the scheduler?
 * And so it does: it is current and its address space active; thread_exit_to_follow() follows.
 * Context: the current thread has begun to wait in an rx word (follow); no lock.
 */
bool thread_may_follow(const struct thread *t);
void thread_follow(struct thread *t);
/* thread_exit_to_user() for the thread that has just become current by one of these, without the look round if nothing asks for it. */
struct uctx *thread_exit_to_follow(void);

/* The address space of `t`, which is current, is the active one; a kernel thread uses any. Context: no lock. */
static inline void thread_activate(const struct thread *t);

/*
 * A claimed thread may run again: WAITING or RECEIVING -> READY (or STOPPED if suspended); wait_result =
 * result. Cancels its timeout.  May preempt this CPU or kick another one.
 * Context: `t` was taken off its wait queue (or rx word) by the caller. Lock of the object may be held.
 */
void thread_wakeup(struct thread *t, enum thread_wait_result result);

/*
 * As thread_wakeup(AWAKENED), but run `t` next on this CPU, with the priority of the caller if that is higher
 * (donation); takes it over from another CPU's affinity. Falls back to thread_wakeup() when t is suspended or
 * this CPU still has a current thread of higher priority ready.
 * Context: claimed as for thread_wakeup(); this CPU's current thread has blocked or is about to return to
 * user mode.
 */
void thread_handoff(struct thread *t);

/* The next wait ends with THREAD_TIMED_OUT after `ms` milliseconds (0: at once, by the caller).
 * Context: current thread, before thread_block(). */
void thread_set_timeout(struct thread *self, uint32_t ms);

/* Take back thread_set_timeout(): the wait does not come about. t->timeout stays as it is. Context: t is current. */
static inline void thread_clear_timeout(struct thread *t)
{
    t->wake_time = 0;
}

/* If self waits in an rx word next (RECEIVING_TIMED), it does so for `ms` milliseconds at most; else this means nothing, so there is
 * nothing to take back. Context: current thread. */
void thread_set_receive_timeout(struct thread *self, uint32_t ms);

/* A thread that waited in an rx word waits on a list from now on, as long as before. Context: it was taken out of the word. */
void thread_receiving_to_wait(struct thread *t);

/* Does a thread in this state wait in an rx word? */
static inline bool thread_state_is_receiving(uint32_t state)
{
    return state == THREAD_RECEIVING || state == THREAD_RECEIVING_TIMED;
}

/* A thread that was woken is about to run on `cpu`: nothing of the time of its last wait meets the next one. */
static inline void thread_settle_timeout(struct thread *t, const struct cpu *cpu);
/* Out of line part of it. */
void thread_settle_timeout_elsewhere(struct thread *t, const struct cpu *cpu);

/* self goes on with `continuation` when this CPU has looked for interrupts, and for who is more urgent. Context: current thread, no lock. */
void thread_pause(struct thread *self, thread_continuation_t continuation);

/* Sleep for `ms`; continuation runs afterwards. Context: current thread, no lock. */
void thread_sleep(struct thread *self, uint32_t ms, thread_continuation_t continuation);

/*
 * The exit of every upcall: handles requests to the current thread, reschedules, runs continuations,
 * activates the address space, loads nothing lazily.  Never called by a jump, so that who rarely needs it makes a stack frame only
 * then.
 * Returns: the context to resume (or does not return: hal_cpu_idle()).
 * Context: no lock held.
 */
__attribute__((not_tail_called)) struct uctx *thread_exit_to_user(void);

/* The current thread of this CPU (may be NULL inside an upcall after it blocked). */
static inline struct thread *thread_current(void);

/* Is the thread at a point where a suspension takes effect, and suspended? Context: t->lock held. */
static inline bool thread_must_stop(const struct thread *t)
{
    return (t->suspend_count > 0 || t->kernel_holds > 0) && t->continuation == NULL &&
           (t->ast & THREAD_AST_TERMINATE) == 0;
}

/* Terminate: sets the request; the thread ends itself when it next leaves the kernel; waits are aborted.
 * Context: caller has a reference; locks of rank < LOCK_RANK_THREAD may be held. Returns at once. */
void thread_terminate_request(struct thread *t);

/* Abort an abortable wait (result INTERRUPTED) and a RECEIVING state; nothing if it does not wait.
 * Context: no lock; caller has a reference. Returns whether a wait was aborted. */
bool thread_abort_wait(struct thread *t);

/* suspend_count +1 / -1. The thread stops before it next returns to user mode; what it does in the kernel it
 * finishes. On return the thread executes no user instruction. Context: caller has a reference; no lock.
 * Returns: KERN_SUCCESS; KERN_FAILURE count at its limit or zero already; KERN_TERMINATED: unchanged. */
kern_return_t thread_hold(struct thread *t);
kern_return_t thread_release(struct thread *t);

/*
 * Registers of a thread that is not the caller's, by flavor.  The thread is held while they are copied.
 * Returns: as hal_uctx_get_state() and hal_uctx_set_state(); KERN_ABORTED the caller itself was asked to stop
 * or end before the thread had stopped; KERN_FAILURE (set only) the thread waits inside an operation: abort
 * that first; KERN_TERMINATED.
 * Context: no lock; caller has a reference.
 */
HAL_NODISCARD kern_return_t thread_state_get(struct thread *t, int flavor, uint32_t *state, uint32_t *count);
HAL_NODISCARD kern_return_t thread_state_set(struct thread *t, int flavor, const uint32_t *state,
                                             uint32_t count);

/* Time that the thread has run, in ticks; of a running one up to its last switch. */
hal_ticks_t thread_run_time(struct thread *t);

/* Boot: caches of the module. */
void thread_init_module(void);

#include <kern/thread_inline.h>

#endif
