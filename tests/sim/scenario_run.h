/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios: short user programs, each for one service of the kernel.
 *
 * A scenario is a function that uses the service and gives back everything.  It is run twice in one boot: first for what
 * is made once and stays (tables that have grown, pages that were touched), then with the memory in use counted before
 * and after, and, if that is wanted, with the n-th request for memory, or copy from or to user memory, failing.
 *
 * A call that fails for want of memory has changed nothing: CALL() repeats it, and then it must succeed.
 */
#ifndef SCENARIO_RUN_H
#define SCENARIO_RUN_H

#include <stdio.h>

#include <mach/rpc.h>

#include "user.h"

struct scenario {
    const char *name;
    void (*body)(void);
};

/* Each up to one without a name. */
extern const struct scenario scenarios_port[], scenarios_right[], scenarios_message[], scenarios_rpc[],
    scenarios_task[], scenarios_memory[], scenarios_pager[], scenarios_ool[], scenarios_device[];

/* The i-th of all scenarios, or NULL. */
const struct scenario *scenario_get(size_t i);

struct scenario_options {
    uint64_t seed; /* 0: the default machine; else one that the seed chooses */
    uint32_t cpus;
    uint64_t audit_every; /* kernel exits */
    bool failing;         /* points of failure are counted; with one of the next two not 0 it happens */
    uint64_t fail_alloc;
    uint64_t fail_copy;
    bool echo;
    bool trace;
    void (*quiet)(void); /* called at quiet moments of the second pass; NULL: the audit */
};

/* Boot a machine and run the scenario on it. Good: it ends with SIM_POWEROFF. */
struct sim_result scenario_run(const struct scenario *scenario, const struct scenario_options *options);

/* --- for the bodies --- */

/* The host's privileged port. */
extern mach_port_t scenario_host_priv;

/* Are failures injected in this run? */
bool scenario_fails(void);

/* Is `kr` what a call answers for want of memory, and may it be repeated? Counts in *tries. */
bool scenario_again(kern_return_t kr, unsigned *tries);
void scenario_check(kern_return_t kr, kern_return_t expected, const char *call, const char *file, int line);

#define CALL_IS(expected, call)                                                                              \
    do {                                                                                                     \
        unsigned tries_ = 0;                                                                                 \
        kern_return_t kr_;                                                                                   \
        do                                                                                                   \
            kr_ = (call);                                                                                    \
        while (scenario_again(kr_, &tries_));                                                                \
        scenario_check(kr_, expected, #call, __FILE__, __LINE__);                                            \
    } while (0)
#define CALL(call) CALL_IS(KERN_SUCCESS, call)

/* The device master port. */
mach_port_t scenario_device_master(void);

/* A new receive right; the same with a send right under its name. */
mach_port_t scenario_port(void);
mach_port_t scenario_port_send(void);
/* Release the receive right, and all user references of the send right. */
void scenario_port_end(mach_port_t port);
/* Release one user reference. */
void scenario_release(mach_port_t name);
mach_port_t scenario_thread_self(void);
/* Let `make` make something of a name of choice. Returns the first name that was free. */
mach_port_t scenario_named(kern_return_t (*make)(mach_port_t name, mach_port_t arg), mach_port_t arg);
/* For that: give `old_name` the name. */
kern_return_t scenario_rename(mach_port_t name, mach_port_t old_name);

struct scenario_right {
    mach_port_t name;
    mach_msg_type_name_t disposition;
};

#define SCENARIO_RIGHTS_MAX 16u

struct scenario_message {
    mach_msg_base_t base;
    mach_msg_port_descriptor_t right[SCENARIO_RIGHTS_MAX];
    mach_msg_max_trailer_t trailer; /* room; it comes behind the last descriptor */
};

#define SCENARIO_COPY(port) ((struct scenario_right){port, MACH_MSG_TYPE_COPY_SEND})
#define SCENARIO_MAKE(port) ((struct scenario_right){port, MACH_MSG_TYPE_MAKE_SEND})
#define SCENARIO_ONCE(port) ((struct scenario_right){port, MACH_MSG_TYPE_MAKE_SEND_ONCE})
#define SCENARIO_NONE ((struct scenario_right){0, 0})

/* One try to send rights to `to`; without rights the message is simple. reply: may be SCENARIO_NONE. *m is the message
 * afterwards. */
mach_msg_return_t scenario_try(struct scenario_message *m, struct scenario_right to,
                               struct scenario_right reply, mach_msg_id_t id,
                               const struct scenario_right *rights, uint32_t count, mach_msg_option_t option,
                               mach_msg_timeout_t timeout);
mach_msg_return_t scenario_send(struct scenario_right to, struct scenario_right reply, mach_msg_id_t id,
                                const struct scenario_right *rights, uint32_t count, mach_msg_option_t option,
                                mach_msg_timeout_t timeout);
/* The same as CALL(), without options. */
void scenario_post(struct scenario_right to, struct scenario_right reply, mach_msg_id_t id,
                   const struct scenario_right *rights, uint32_t count);
mach_msg_return_t scenario_receive(mach_port_t from, struct scenario_message *m, mach_msg_option_t option,
                                   mach_msg_timeout_t timeout);
/* Receive a message that is there, with this id. */
void scenario_take(mach_port_t from, struct scenario_message *m, mach_msg_id_t id);
/* Receive a notification with this id, or only its number: none gets lost, whatever failed. */
void scenario_received(mach_port_t from, struct scenario_message *m, mach_msg_id_t id);
void scenario_notified(mach_port_t from, mach_msg_id_t id, uint32_t *word);
/* There is no message. */
void scenario_silent(mach_port_t from);

void scenario_sleep(mach_msg_timeout_t ms);

/* A thread with a window; `program` returns at its end. Others may wait for `done`. */
struct scenario_thread {
    mach_port_t task;
    mach_port_t thread;
    mach_vm_address_t window;
    void (*program)(uint64_t arg);
    uint64_t arg;
    bool started; /* it has all that it asks for by itself */
    bool done;
};

void scenario_thread_start(struct scenario_thread *t, mach_port_t task, void (*program)(uint64_t arg),
                           uint64_t arg);
/* Wait until it has returned, and release all that it had. */
void scenario_thread_join(struct scenario_thread *t);
/* End it wherever it is, and release all that it had. */
void scenario_thread_kill(struct scenario_thread *t);
bool scenario_done(const struct scenario_thread *t);
/* Wait until the thread is in a wait (TH_STATE_WAITING), or in another state. */
void scenario_thread_until(const struct scenario_thread *t, int run_state);

/* Memory of a pager, which the caller is: mapped, and ready. Without memory for their names `control` and `name` may be MACH_PORT_NULL. */
struct scenario_pager {
    mach_port_t object, control, name;
    mach_vm_address_t at;
    unsigned pages;
};
void scenario_pager_begin(struct scenario_pager *p, unsigned pages);
/* Let pages [first, first + count) be there, zero. */
void scenario_pager_supply(const struct scenario_pager *p, unsigned first, unsigned count);
/* Unmap it, and end it. */
void scenario_pager_end(const struct scenario_pager *p);
/* Is the page there? */
bool scenario_is_there(mach_vm_address_t at);

/* A task without memory; its end. */
mach_port_t scenario_task(void);
void scenario_task_end(mach_port_t task);
/* Wait until a task has ended by itself, and release it. */
void scenario_task_gone(mach_port_t task);
/* A receive right that `task` has as `name`. Returns a send right of the caller's. */
mach_port_t scenario_port_in(mach_port_t task, mach_port_t name);

#endif
