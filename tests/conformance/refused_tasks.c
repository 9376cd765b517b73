/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task.defs, thread_act.defs and the host's interfaces: every error that a program can cause, and that it changes nothing.  (Want of
 * memory, objects that end meanwhile, the privileged host: tests/sim.)
 */
#include "lib/ports.h"
#include "lib/refused.h"
#include "lib/test.h"

#define SELF mach_task_self()
#define SUSPENSIONS_MAX 127

static mach_port_t host;   /* a port of another kind */
static mach_port_t child;  /* a task */
static mach_port_t thread; /* a thread of it, suspended, without state */
static mach_port_t port;   /* receive and send right */

static integer_t words[128];
static mach_msg_type_number_t few, count;
static mach_port_t out;

static exception_mask_t masks[EXC_TYPES_COUNT];
static mach_port_t handlers[EXC_TYPES_COUNT];
static exception_behavior_t behaviors[EXC_TYPES_COUNT];
static thread_state_flavor_t flavors[EXC_TYPES_COUNT];
#define OLD masks, &count, handlers, behaviors, flavors

/* One that ends while it is named has the name of a dead port. */
static unsigned threads_of_child(void)
{
    mach_port_array_t list;
    unsigned living = 0;

    REQUIRE_OK(task_threads(child, &list, &count));
    for (unsigned i = 0; i < count; i++) {
        if (!MACH_PORT_VALID(list[i]))
            continue;
        living++;
        REQUIRE_OK(mach_port_deallocate(SELF, list[i]));
    }
    test_memory_free(list, count * sizeof(*list));
    return living;
}

static void test_tasks(void)
{
    mach_port_array_t list;

    CHECK_REFUSED(task_create(host, FALSE, &out), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_terminate(thread), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_suspend(thread), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_resume(thread), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_resume(child), KERN_FAILURE, "not suspended");
    CHECK_REFUSED(task_threads(thread, &list, &count), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(thread_create(thread, &out), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(thread_create_running(thread, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)words, 1, &out),
                  KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(thread_create_running(child, 99, (thread_state_t)words, 1, &out), KERN_INVALID_ARGUMENT,
                  "another flavor");
    CHECK_REFUSED(thread_create_running(child, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)words, 1, &out),
                  KERN_INVALID_ARGUMENT, "another size");
    unsigned left = threads_of_child();
    for (uint64_t end = test_now() + TEST_SOON_MS * NSEC_PER_MSEC; left != 1 && test_now() < end;) {
        test_sleep(1);
        left = threads_of_child();
    }
    CHECK_EQUAL(left, 1, "no thread is left of those that were refused");
}

static void test_task_information(void)
{
    few = 1;
    count = 94;
    CHECK_REFUSED(task_info(thread, TASK_BASIC_INFO, words, &count), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_info(child, 99, words, &count), KERN_INVALID_ARGUMENT, "another flavor");
    CHECK_REFUSED(task_info(child, TASK_BASIC_INFO, words, &few), KERN_INVALID_ARGUMENT, "too little room");
    words[0] = 10;
    words[1] = 10;
    CHECK_REFUSED(task_policy(thread, POLICY_FIFO, words, 1, FALSE, FALSE), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_policy(child, POLICY_FIFO, words, 2, FALSE, FALSE), KERN_INVALID_ARGUMENT,
                  "another size");
    CHECK_REFUSED(task_policy(child, 99, words, 1, FALSE, FALSE), KERN_INVALID_POLICY, "another policy");
    words[1] = 1001;
    /* limit: quantum of POLICY_RR */
    CHECK_REFUSED(task_policy(child, POLICY_RR, words, 2, FALSE, FALSE), KERN_INVALID_ARGUMENT,
                  "too long a quantum");
    words[0] = 32;
    CHECK_REFUSED(task_policy(child, POLICY_FIFO, words, 1, FALSE, FALSE), KERN_INVALID_ARGUMENT,
                  "no such priority");
    words[0] = 31;
    CHECK_REFUSED(task_policy(child, POLICY_FIFO, words, 1, FALSE, FALSE), KERN_POLICY_LIMIT,
                  "a priority of the kernel");
    CHECK_REFUSED(task_priority(thread, 10, FALSE), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_priority(child, -1, FALSE), KERN_INVALID_ARGUMENT, "no such priority");
    CHECK_REFUSED(task_priority(child, 31, FALSE), KERN_POLICY_LIMIT, "a priority of the kernel");
}

static void test_limits(void)
{
    CHECK_REFUSED(task_set_limit(thread, LIMIT_NAMES, 1), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_set_limit(child, 99, 1), KERN_INVALID_ARGUMENT, "another limit");
    CHECK_REFUSED(task_set_limit(child, LIMIT_NAMES, UINT64_MAX), KERN_POLICY_LIMIT, "a higher limit");
    CHECK_REFUSED(host_set_task_limit(host, child, LIMIT_NAMES, 1), KERN_INVALID_HOST,
                  "not the privileged port");
}

static void test_special_ports(void)
{
    mach_port_array_t list;
    mach_port_t four[4] = {port, port, port, port};

    CHECK_REFUSED(mach_ports_register(thread, four, 1), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(mach_ports_register(child, four, 4), KERN_INVALID_ARGUMENT, "too many");
    CHECK_REFUSED(mach_ports_lookup(thread, &list, &count), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_get_special_port(thread, TASK_KERNEL_PORT, &out), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_get_special_port(child, 99, &out), KERN_INVALID_ARGUMENT, "another port");
    CHECK_REFUSED(task_set_special_port(thread, TASK_BOOTSTRAP_PORT, port), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_set_special_port(child, TASK_KERNEL_PORT, port), KERN_INVALID_ARGUMENT,
                  "the task's own port");
    CHECK_REFUSED(task_set_special_port(child, TASK_HOST_PORT, port), KERN_INVALID_ARGUMENT, "the host");
    CHECK_REFUSED(thread_get_special_port(SELF, THREAD_KERNEL_PORT, &out), KERN_INVALID_ARGUMENT,
                  "no thread");
    CHECK_REFUSED(thread_get_special_port(thread, 99, &out), KERN_INVALID_ARGUMENT, "another port");
    CHECK_REFUSED(thread_set_special_port(SELF, THREAD_KERNEL_PORT, port), KERN_INVALID_ARGUMENT,
                  "no thread");
    CHECK_REFUSED(thread_set_special_port(thread, 99, port), KERN_INVALID_ARGUMENT, "another port");
    CHECK_REFUSED(thread_set_special_port(thread, THREAD_KERNEL_PORT, port), KERN_NOT_SUPPORTED,
                  "the thread's own port");
    REQUIRE_OK(mach_ports_lookup(child, &list, &count));
    CHECK(count == 3 && list[0] == MACH_PORT_NULL && list[1] == MACH_PORT_NULL && list[2] == MACH_PORT_NULL,
          "nothing was registered");
    test_memory_free(list, count * sizeof(*list));
}

#define ALL EXC_MASK_VALID
#define GENERAL THREAD_STATE_FLAVOR_GENERAL

static void test_exception_ports(void)
{
    CHECK_REFUSED(task_set_exception_ports(thread, ALL, port, EXCEPTION_DEFAULT, 0), KERN_INVALID_ARGUMENT,
                  "no task");
    CHECK_REFUSED(task_set_exception_ports(child, ~0u, port, EXCEPTION_DEFAULT, 0), KERN_INVALID_ARGUMENT,
                  "unknown kinds");
    CHECK_REFUSED(task_set_exception_ports(child, ALL, port, 99, 0), KERN_INVALID_ARGUMENT,
                  "unknown behavior");
    CHECK_REFUSED(task_set_exception_ports(child, ALL, port, EXCEPTION_STATE, 99), KERN_INVALID_ARGUMENT,
                  "unknown state");
    CHECK_REFUSED(task_get_exception_ports(thread, ALL, OLD), KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_get_exception_ports(child, ~0u, OLD), KERN_INVALID_ARGUMENT, "unknown kinds");
    CHECK_REFUSED(task_swap_exception_ports(thread, ALL, port, EXCEPTION_DEFAULT, 0, OLD),
                  KERN_INVALID_ARGUMENT, "no task");
    CHECK_REFUSED(task_swap_exception_ports(child, ALL, port, EXCEPTION_STATE, 99, OLD),
                  KERN_INVALID_ARGUMENT, "unknown state");
    CHECK_REFUSED(thread_set_exception_ports(SELF, ALL, port, EXCEPTION_DEFAULT, 0), KERN_INVALID_ARGUMENT,
                  "no thread");
    CHECK_REFUSED(thread_set_exception_ports(thread, ~0u, port, EXCEPTION_DEFAULT, 0), KERN_INVALID_ARGUMENT,
                  "unknown kinds");
    CHECK_REFUSED(thread_get_exception_ports(SELF, ALL, OLD), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_get_exception_ports(thread, ~0u, OLD), KERN_INVALID_ARGUMENT, "unknown kinds");
    CHECK_REFUSED(thread_swap_exception_ports(SELF, ALL, port, EXCEPTION_DEFAULT, 0, OLD),
                  KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_swap_exception_ports(thread, ALL, port, 99, 0, OLD), KERN_INVALID_ARGUMENT,
                  "unknown behavior");
    count = EXC_TYPES_COUNT;
    REQUIRE_OK(thread_get_exception_ports(thread, ALL, OLD));
    CHECK(count == 1 && handlers[0] == MACH_PORT_NULL, "no handler was set");
    CHECK_REFUSED(host_set_exception_ports(host, ALL, port, EXCEPTION_DEFAULT, 0), KERN_INVALID_HOST,
                  "not the privileged port");
    CHECK_REFUSED(host_get_exception_ports(host, ALL, OLD), KERN_INVALID_HOST, "not the privileged port");
    CHECK_REFUSED(host_swap_exception_ports(host, ALL, port, EXCEPTION_DEFAULT, 0, OLD), KERN_INVALID_HOST,
                  "not the privileged port");
}

static void test_threads(void)
{
    count = 128;
    CHECK_REFUSED(thread_terminate(SELF), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_suspend(SELF), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_resume(SELF), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_abort(SELF), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_abort_safely(SELF), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_depress_abort(SELF), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_depress_abort(thread), KERN_NOT_DEPRESSED, "not depressed");
    CHECK_REFUSED(thread_get_state(SELF, GENERAL, (thread_state_t)words, &count), KERN_INVALID_ARGUMENT,
                  "no thread");
    CHECK_REFUSED(thread_get_state(thread, 99, (thread_state_t)words, &count), KERN_INVALID_ARGUMENT,
                  "another flavor");
    CHECK_REFUSED(thread_set_state(SELF, GENERAL, (thread_state_t)words, 1), KERN_INVALID_ARGUMENT,
                  "no thread");
    CHECK_REFUSED(thread_set_state(thread, GENERAL, (thread_state_t)words, 1), KERN_INVALID_ARGUMENT,
                  "another size");
    CHECK_REFUSED(thread_info(SELF, THREAD_BASIC_INFO, words, &count), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_info(thread, 99, words, &count), KERN_INVALID_ARGUMENT, "another flavor");
    few = 1;
    CHECK_REFUSED(thread_info(thread, THREAD_BASIC_INFO, words, &few), KERN_INVALID_ARGUMENT,
                  "too little room");
    words[0] = 10;
    CHECK_REFUSED(thread_policy(SELF, POLICY_FIFO, words, 1, FALSE), KERN_INVALID_ARGUMENT, "no thread");
    CHECK_REFUSED(thread_policy(thread, POLICY_FIFO, words, 2, FALSE), KERN_INVALID_ARGUMENT, "another size");
    CHECK_REFUSED(thread_policy(thread, 99, words, 1, FALSE), KERN_INVALID_POLICY, "another policy");
    words[0] = 31;
    CHECK_REFUSED(thread_policy(thread, POLICY_FIFO, words, 1, FALSE), KERN_POLICY_LIMIT,
                  "a priority of the kernel");
    CHECK_REFUSED(thread_priority(SELF, 10, FALSE), KERN_INVALID_ARGUMENT, "no thread");
    /* limit: priority */
    CHECK_REFUSED(thread_priority(thread, 32, FALSE), KERN_INVALID_ARGUMENT, "no such priority");
    CHECK_REFUSED(thread_priority(thread, 31, FALSE), KERN_POLICY_LIMIT, "a priority of the kernel");
}

static void test_suspensions(void)
{
    unsigned n;

    for (n = 0; n < SUSPENSIONS_MAX; n++)
        REQUIRE_OK(task_suspend(child));
    /* limit: suspensions of a task or thread */
    CHECK_REFUSED(task_suspend(child), KERN_FAILURE, "too often");
    for (n = 1; n < SUSPENSIONS_MAX; n++) /* it was created with one */
        REQUIRE_OK(thread_suspend(thread));
    CHECK_REFUSED(thread_suspend(thread), KERN_FAILURE, "too often");
    for (n = 0; n < SUSPENSIONS_MAX; n++)
        REQUIRE_OK(thread_resume(thread));
    CHECK_REFUSED(thread_resume(thread), KERN_FAILURE, "not suspended");
    REQUIRE_OK(thread_suspend(thread));
    for (n = 0; n < SUSPENSIONS_MAX; n++)
        REQUIRE_OK(task_resume(child));
}

static volatile mach_msg_return_t received;
static volatile int returned;

static void receive(void *unused)
{
    struct test_message m;

    (void)unused;
    received = test_receive(port, &m, sizeof(m), TEST_SOON_MS);
    returned = 1;
}

/* A thread that waits in a call can't get other registers: the call will write its result there. */
static void test_state_in_call(void)
{
    static natural_t state[THREAD_STATE_MAX];
    mach_msg_type_number_t size = THREAD_STATE_MAX;
    thread_act_t waiter;

    waiter = test_waiting_thread(receive, NULL);
    REQUIRE_OK(thread_get_state(waiter, GENERAL, state, &size));
    CHECK_REFUSED(thread_set_state(waiter, GENERAL, state, size), KERN_FAILURE, "in a call");
    REQUIRE_OK(test_send(port, MACH_MSG_TYPE_COPY_SEND, 1, 0));
    CHECK(test_wait(&returned, TEST_SOON_MS) && received == MACH_MSG_SUCCESS, "the call goes on");
    REQUIRE(test_child_wait(waiter));
}

static void test_host_calls(void)
{
    static kernel_memory_cache_info_t caches[KERNEL_MEMORY_CACHES_MAX];
    security_token_t security = {{0, 0}};
    audit_token_t audit = {{0}};
    kernel_memory_pages_info_t pages;
    processor_info_array_t list;
    kernel_version_t version;
    time_value64_t time;
    natural_t number;
    vm_size_t size;

    few = 1;
    count = 68;
    CHECK_REFUSED(host_info(SELF, HOST_BASIC_INFO, words, &count), KERN_INVALID_HOST, "no host");
    CHECK_REFUSED(host_info(host, 99, words, &count), KERN_INVALID_ARGUMENT, "another flavor");
    CHECK_REFUSED(host_info(host, HOST_BASIC_INFO, words, &few), KERN_INVALID_ARGUMENT, "too little room");
    CHECK_REFUSED(host_kernel_version(SELF, version), KERN_INVALID_HOST, "no host");
    CHECK_REFUSED(host_page_size(SELF, &size), KERN_INVALID_HOST, "no host");
    CHECK_REFUSED(host_processor_info(SELF, PROCESSOR_BASIC_INFO, &number, &list, &count), KERN_INVALID_HOST,
                  "no host");
    CHECK_REFUSED(host_processor_info(host, 99, &number, &list, &count), KERN_INVALID_ARGUMENT,
                  "another flavor");
    count = 128;
    CHECK_REFUSED(host_statistics64(SELF, HOST_VM_INFO64, words, &count), KERN_INVALID_HOST, "no host");
    CHECK_REFUSED(host_statistics64(host, 99, words, &count), KERN_INVALID_ARGUMENT, "another flavor");
    few = 1;
    CHECK_REFUSED(host_statistics64(host, HOST_VM_INFO64, words, &few), KERN_INVALID_ARGUMENT,
                  "too little room");
    CHECK_REFUSED(host_get_uptime64(SELF, &time), KERN_INVALID_HOST, "no host");
    count = KERNEL_MEMORY_CACHES_MAX;
    CHECK_REFUSED(host_kernel_memory_info(SELF, caches, &count, &pages), KERN_INVALID_HOST, "no host");
    CHECK_REFUSED(host_reboot(host, 0), KERN_INVALID_HOST, "not the privileged port");
    CHECK_REFUSED(host_security_set_task_token(host, child, security, audit), KERN_INVALID_HOST,
                  "not the privileged port");
}

int main(void)
{
    test_begin("refused_tasks");
    host = mach_host_self();
    port = test_port_send();
    REQUIRE_OK(task_create(SELF, FALSE, &child));
    REQUIRE_OK(thread_create(child, &thread));
    test_tasks();
    test_task_information();
    test_limits();
    test_special_ports();
    test_exception_ports();
    test_threads();
    test_suspensions();
    test_state_in_call();
    test_host_calls();
    REQUIRE_OK(task_terminate(child));
    REQUIRE(test_child_wait(child));
    return test_end();
}
