/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tasks do to each other: they end while others use them, they answer exceptions with nonsense, and tell who they are.
 */
#include "driver.h"
#include "unit_user.h"

#include <string.h>

/* ---- Objects that end ---- */

#define VICTIMS 30u
#define FEW 16u

static struct {
    mach_port_t task, thread; /* the present victim's; null: none */
    bool stop;
    unsigned ended; /* callers that are done */
} dying;

static void victim(uint64_t arg)
{
    (void)arg;
    for (;;)
        sim_step();
}

/* Ask for everything that a space can do. It may say that there is no such task any more. */
static void use_space(mach_port_t task)
{
    natural_t out, names[FEW], types[FEW];
    mach_msg_type_number_t n;
    mach_port_t port;
    mach_port_context_t context;

    (void)mach_port_type(task, NOBODY, &out);
    (void)mach_port_rename(task, NOBODY, NOBODY + 256);
    (void)mach_port_destroy(task, NOBODY);
    (void)mach_port_get_refs(task, NOBODY, MACH_PORT_RIGHT_SEND, &out);
    (void)mach_port_mod_refs(task, NOBODY, MACH_PORT_RIGHT_SEND, 1);
    (void)mach_port_kernel_object(task, NOBODY, &out, &out);
    (void)mach_port_get_srights(task, NOBODY, &out);
    (void)mach_port_insert_member(task, NOBODY, NOBODY);
    (void)user_set_members(task, NOBODY, names, FEW, &n);
    (void)mach_port_get_context(task, NOBODY, &context);
    (void)user_port_names(task, names, types, FEW, &n);
    (void)mach_port_extract_right(task, NOBODY, MACH_MSG_TYPE_MAKE_SEND, &port, &out);
    (void)mach_port_insert_right(task, NOBODY, own.port, MACH_MSG_TYPE_MAKE_SEND);
    (void)mach_port_request_notification(task, NOBODY, MACH_NOTIFY_DEAD_NAME, 1, own.other,
                                         MACH_MSG_TYPE_MAKE_SEND_ONCE, &port);
}

static void use_task(mach_port_t task)
{
    mach_port_t port;
    mach_vm_address_t va = 0;

    if (task_suspend(task) == KERN_SUCCESS)
        (void)task_resume(task);
    if (thread_create(task, &port) == KERN_SUCCESS)
        (void)mach_port_deallocate(own.task, port);
    if (task_get_special_port(task, TASK_KERNEL_PORT, &port) == KERN_SUCCESS)
        (void)mach_port_deallocate(own.task, port);
    (void)task_set_special_port(task, TASK_BOOTSTRAP_PORT, own.port);
    (void)task_set_exception_ports(task, EXC_MASK_SOFTWARE, own.port, EXCEPTION_DEFAULT, 0);
    (void)mach_vm_allocate(task, &va, 4096, VM_FLAGS_ANYWHERE);
}

static void use_thread(mach_port_t thread)
{
    natural_t state[RISCV64_THREAD_STATE_COUNT];
    mach_msg_type_number_t n = RISCV64_THREAD_STATE_COUNT;
    mach_port_t port;

    if (thread_suspend(thread) == KERN_SUCCESS) {
        if (thread_get_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, &n) == KERN_SUCCESS)
            (void)thread_set_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, n);
        (void)thread_resume(thread);
    }
    (void)thread_abort(thread);
    if (thread_get_special_port(thread, THREAD_KERNEL_PORT, &port) == KERN_SUCCESS)
        (void)mach_port_deallocate(own.task, port);
    (void)thread_set_exception_ports(thread, EXC_MASK_SOFTWARE, own.port, EXCEPTION_DEFAULT, 0);
}

static void caller(uint64_t which)
{
    while (!__atomic_load_n(&dying.stop, __ATOMIC_ACQUIRE)) {
        mach_port_t task = __atomic_load_n(&dying.task, __ATOMIC_ACQUIRE);
        if (task != MACH_PORT_NULL && which == 0)
            use_space(task);
        else if (task != MACH_PORT_NULL && which == 1)
            use_task(task);
        else if (task != MACH_PORT_NULL)
            use_thread(__atomic_load_n(&dying.thread, __ATOMIC_RELAXED));
        user_yield();
    }
    __atomic_fetch_add(&dying.ended, 1, __ATOMIC_RELEASE);
    user_thread_exit();
}

/* Tasks that end while others use them, their names and their threads. */
static void dying_objects(uint64_t arg)
{
    unit_begin(arg);
    memset(&dying, 0, sizeof dying);
    for (uint64_t which = 0; which < 3; which++)
        EXPECT(user_thread_start(own.task, caller, which, NULL), KERN_SUCCESS);
    for (unsigned i = 0; i < VICTIMS; i++) {
        mach_port_t task, thread;
        EXPECT(task_create(own.task, i % 2, &task), KERN_SUCCESS);
        EXPECT(user_thread_start(task, victim, 0, &thread), KERN_SUCCESS);
        __atomic_store_n(&dying.thread, thread, __ATOMIC_RELAXED);
        __atomic_store_n(&dying.task, task, __ATOMIC_RELEASE);
        for (uint64_t steps = sim_random() % 64; steps > 0; steps--)
            user_yield();
        EXPECT(task_terminate(task), KERN_SUCCESS);
        __atomic_store_n(&dying.task, MACH_PORT_NULL, __ATOMIC_RELEASE);
        user_sleep(1);
        EXPECT(mach_port_deallocate(own.task, thread), KERN_SUCCESS);
        EXPECT(mach_port_deallocate(own.task, task), KERN_SUCCESS);
    }
    __atomic_store_n(&dying.stop, true, __ATOMIC_RELEASE);
    while (__atomic_load_n(&dying.ended, __ATOMIC_ACQUIRE) < 3)
        user_yield();
    user_power_off(own.host_priv);
}

/* ---- Answers to exceptions that are none ---- */

enum answer { ANSWER_OTHER_ID, ANSWER_SHORT, ANSWER_BAD_PC, ANSWERS };

union exception_message {
    mach_msg_header_t head;
    uint8_t space[2048];
};

struct state_answer {
    mach_msg_header_t head;
    NDR_record_t ndr;
    kern_return_t code;
    int flavor;
    mach_msg_type_number_t count;
    natural_t state[RISCV64_THREAD_STATE_COUNT];
};

static void victim_breaks(uint64_t arg)
{
    (void)arg;
    sim_exception(EXC_BREAKPOINT, 1, 2);
    sim_fail("a nonsensical answer was taken");
}

static void answer_badly(const mach_msg_header_t *request_head, enum answer how)
{
    struct state_answer a = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0),
                 .msgh_size = sizeof a,
                 .msgh_remote_port = request_head->msgh_remote_port,
                 .msgh_id = request_head->msgh_id + 100},
        .flavor = THREAD_STATE_FLAVOR_GENERAL,
        .count = RISCV64_THREAD_STATE_COUNT,
    };

    memset(a.state, 0xff, sizeof a.state); /* pc among them */
    if (how == ANSWER_OTHER_ID)
        a.head.msgh_id = 4711;
    if (how == ANSWER_SHORT)
        a.head.msgh_size = sizeof(mach_msg_header_t);
    EXPECT(mach_msg(&a.head, MACH_SEND_MSG, a.head.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
           MACH_MSG_SUCCESS);
}

static void until_dead(mach_port_t task)
{
    natural_t type;

    do {
        user_sleep(1);
        EXPECT(mach_port_type(own.task, task, &type), KERN_SUCCESS);
    } while ((type & MACH_PORT_TYPE_DEAD_NAME) == 0);
}

/* The task whose exception is not handled ends. */
static void bad_answers(uint64_t arg)
{
    static union exception_message m;

    unit_begin(arg);
    for (enum answer how = 0; how < ANSWERS; how++) {
        mach_port_t task, thread;
        EXPECT(task_create(own.task, false, &task), KERN_SUCCESS);
        EXPECT(task_set_exception_ports(task, EXC_MASK_BREAKPOINT, own.port, EXCEPTION_STATE,
                                        THREAD_STATE_FLAVOR_GENERAL),
               KERN_SUCCESS);
        EXPECT(user_thread_start(task, victim_breaks, 0, &thread), KERN_SUCCESS);
        EXPECT(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof m, own.port, 0, MACH_PORT_NULL), MACH_MSG_SUCCESS);
        answer_badly(&m.head, how);
        until_dead(task);
    }
    user_power_off(own.host_priv);
}

/* Send a message to ourselves. Returns: its trailer. */
static mach_msg_max_trailer_t trailer_of_own(void)
{
    struct {
        mach_msg_header_t head;
        mach_msg_max_trailer_t trailer;
    } m = {.head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), .msgh_remote_port = own.port}};

    EXPECT(mach_msg(&m.head, MACH_SEND_MSG, sizeof m.head, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
           MACH_MSG_SUCCESS);
    EXPECT(mach_msg(&m.head, MACH_RCV_MSG | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX), 0, sizeof m,
                    own.port, 0, MACH_PORT_NULL),
           MACH_MSG_SUCCESS);
    return m.trailer;
}

/* Tokens that the holder of the privileged host port gives to a task are in its messages and go to its children. */
static void tokens(uint64_t arg)
{
    mach_msg_type_number_t count = TASK_AUDIT_TOKEN_COUNT;
    const security_token_t security = {{11, 12}};
    const audit_token_t audit = {{21, 22, 23, 24, 25, 26, 27, 28}};
    audit_token_t told = {{0}};
    mach_port_t child;

    unit_begin(arg);
    EXPECT(host_security_set_task_token(own.host, own.task, security, audit), KERN_INVALID_HOST);
    EXPECT(host_security_set_task_token(own.host_priv, own.port, security, audit), KERN_INVALID_TASK);
    SIM_CHECK(trailer_of_own().msgh_sender.val[0] == 0);
    EXPECT(host_security_set_task_token(own.host_priv, own.task, security, audit), KERN_SUCCESS);
    const mach_msg_max_trailer_t trailer = trailer_of_own();
    SIM_CHECK(memcmp(&trailer.msgh_sender, &security, sizeof security) == 0);
    SIM_CHECK(memcmp(&trailer.msgh_audit, &audit, sizeof audit) == 0);
    EXPECT(task_create(own.task, false, &child), KERN_SUCCESS);
    EXPECT(task_info(child, TASK_AUDIT_TOKEN, (task_info_t)&told, &count), KERN_SUCCESS);
    SIM_CHECK(memcmp(&told, &audit, sizeof audit) == 0);
    EXPECT(task_terminate(child), KERN_SUCCESS);
    user_power_off(own.host_priv);
}

/* An exception that nobody else takes goes to the host's handler; without one the task ends. */
static void host_handler(uint64_t arg)
{
    mach_msg_type_number_t count = EXC_TYPES_COUNT;
    static union exception_message m;
    exception_mask_t masks[EXC_TYPES_COUNT];
    mach_port_t handlers[EXC_TYPES_COUNT], task;
    int behaviors[EXC_TYPES_COUNT], flavors[EXC_TYPES_COUNT];

    unit_begin(arg);
    EXPECT(host_set_exception_ports(own.host, EXC_MASK_BREAKPOINT, own.port, EXCEPTION_STATE,
                                    THREAD_STATE_FLAVOR_GENERAL),
           KERN_INVALID_HOST);
    EXPECT(host_set_exception_ports(own.host_priv, EXC_MASK_BREAKPOINT, own.port, EXCEPTION_STATE,
                                    THREAD_STATE_FLAVOR_GENERAL),
           KERN_SUCCESS);
    EXPECT(task_create(own.task, false, &task), KERN_SUCCESS);
    EXPECT(user_thread_start(task, victim_breaks, 0, NULL), KERN_SUCCESS);
    EXPECT(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof m, own.port, 0, MACH_PORT_NULL), MACH_MSG_SUCCESS);
    EXPECT(host_swap_exception_ports(own.host_priv, EXC_MASK_BREAKPOINT, MACH_PORT_NULL, EXCEPTION_DEFAULT, 0,
                                     masks, &count, handlers, behaviors, flavors),
           KERN_SUCCESS);
    SIM_CHECK(count == 1 && handlers[0] == own.port && masks[0] == EXC_MASK_BREAKPOINT &&
              behaviors[0] == EXCEPTION_STATE);
    answer_badly(&m.head, ANSWER_OTHER_ID);
    until_dead(task);
    count = EXC_TYPES_COUNT;
    EXPECT(host_get_exception_ports(own.host_priv, EXC_MASK_BREAKPOINT, masks, &count, handlers, behaviors,
                                    flavors),
           KERN_SUCCESS);
    SIM_CHECK(count == 1 && handlers[0] == MACH_PORT_NULL);
    user_power_off(own.host_priv);
}

static const struct driver_scenario table[] = {
    {.name = "dying-objects", .program = dying_objects},
    {.name = "bad-answers", .program = bad_answers},
    {.name = "tokens", .program = tokens},
    {.name = "host-handler", .program = host_handler},
};

int main(int argc, char **argv)
{
    return driver_main(argc, argv, table, sizeof table / sizeof table[0]);
}
