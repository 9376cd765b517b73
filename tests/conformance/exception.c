/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions: what a handler is told, what it can do, and what happens without one. */
#include "lib/machine.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/thread.h>
#include <mach/exc.h>
#include <mach/exc_server.h>
#include <mach/mach_exc.h>
#include <mach/mach_exc_server.h>
#include <string.h>

#define SELF mach_task_self()
#define MESSAGE_MAX 8192u

/* What the handler does with an exception. */
enum action {
    ACTION_RECOVER, /* let the thread go on in recovered() */
    ACTION_REPAIR,  /* make the page accessible, and let the instruction be repeated */
    ACTION_GO_ON,   /* let it go on as it is */
    ACTION_REFUSE,
};

static mach_port_t handler;
static enum action action;
static volatile int recoveries;
static volatile int refusals;

/* The last exception. */
static volatile exception_type_t seen;
static volatile int64_t seen_code[2];
static mach_port_t seen_thread, seen_task;

static uint8_t page[4096] __attribute__((aligned(4096)));

/* Where a thread goes on. */
static void recovered(void)
{
    recoveries = recoveries + 1;
    mach_thread_exit();
}

static void note(exception_type_t exception, int64_t code, int64_t subcode)
{
    seen = exception;
    seen_code[0] = code;
    seen_code[1] = subcode;
}

/* Registers with which the thread goes on in recovered(), on the stack that it has. */
static void redirect(thread_state_t state)
{
    vm_address_t pc, sp;

    mach_thread_state_where(state, &pc, &sp);
    mach_thread_state_redirect(state, (vm_address_t)recovered, (sp - 256) & ~UINT64_C(15), 0);
}

static kern_return_t act_on(thread_act_t thread)
{
    thread_state_data_t state;
    mach_msg_type_number_t words = THREAD_STATE_MAX;

    switch (action) {
    case ACTION_REPAIR:
        recoveries = recoveries + 1;
        return mach_vm_protect(SELF, (vm_address_t)page, sizeof(page), FALSE, VM_PROT_READ | VM_PROT_WRITE);
    case ACTION_GO_ON:
        recoveries = recoveries + 1;
        return KERN_SUCCESS;
    case ACTION_RECOVER:
        REQUIRE_OK(thread_get_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, &words));
        redirect(state);
        return thread_set_state(thread, THREAD_STATE_FLAVOR_GENERAL, state, words);
    default:
        refusals = refusals + 1;
        return KERN_FAILURE;
    }
}

/* The rights that came with the exception are ours if we accept it. */
static kern_return_t release(mach_port_t thread, mach_port_t task, kern_return_t result)
{
    if (result == KERN_SUCCESS) {
        REQUIRE_OK(mach_port_deallocate(SELF, thread));
        REQUIRE_OK(mach_port_deallocate(SELF, task));
    }
    return result;
}

static kern_return_t act(mach_port_t thread, mach_port_t task)
{
    seen_thread = thread;
    seen_task = task;
    return release(thread, task, act_on(thread));
}

kern_return_t catch_exception_raise(mach_port_t port, mach_port_t thread, mach_port_t task,
                                    exception_type_t exception, exception_data_t code,
                                    mach_msg_type_number_t count)
{
    (void)port;
    note(exception, count > 0 ? code[0] : 0, count > 1 ? code[1] : 0);
    return act(thread, task);
}

kern_return_t catch_mach_exception_raise(mach_port_t port, mach_port_t thread, mach_port_t task,
                                         exception_type_t exception, mach_exception_data_t code,
                                         mach_msg_type_number_t count)
{
    (void)port;
    note(exception, count > 0 ? code[0] : 0, count > 1 ? code[1] : 0);
    return act(thread, task);
}

/* The forms that carry the registers: the answer brings the new ones. */
static kern_return_t answer_state(int flavor, const natural_t *old, mach_msg_type_number_t old_words,
                                  thread_state_t new_state, mach_msg_type_number_t *new_words)
{
    if (flavor != THREAD_STATE_FLAVOR_GENERAL || action != ACTION_RECOVER)
        return KERN_FAILURE;
    memcpy(new_state, old, old_words * sizeof(old[0]));
    *new_words = old_words;
    redirect(new_state);
    return KERN_SUCCESS;
}

kern_return_t catch_exception_raise_state(mach_port_t port, exception_type_t exception,
                                          const exception_data_t code, mach_msg_type_number_t count,
                                          int *flavor, const thread_state_t old_state,
                                          mach_msg_type_number_t old_words, thread_state_t new_state,
                                          mach_msg_type_number_t *new_words)
{
    (void)port;
    note(exception, count > 0 ? code[0] : 0, count > 1 ? code[1] : 0);
    return answer_state(*flavor, old_state, old_words, new_state, new_words);
}

kern_return_t catch_mach_exception_raise_state(mach_port_t port, exception_type_t exception,
                                               const mach_exception_data_t code, mach_msg_type_number_t count,
                                               int *flavor, const thread_state_t old_state,
                                               mach_msg_type_number_t old_words, thread_state_t new_state,
                                               mach_msg_type_number_t *new_words)
{
    (void)port;
    note(exception, count > 0 ? code[0] : 0, count > 1 ? code[1] : 0);
    return answer_state(*flavor, old_state, old_words, new_state, new_words);
}

kern_return_t catch_exception_raise_state_identity(mach_port_t port, mach_port_t thread, mach_port_t task,
                                                   exception_type_t exception, exception_data_t code,
                                                   mach_msg_type_number_t count, int *flavor,
                                                   thread_state_t old_state, mach_msg_type_number_t old_words,
                                                   thread_state_t new_state,
                                                   mach_msg_type_number_t *new_words)
{
    seen_thread = thread;
    seen_task = task;
    kern_return_t kr = catch_exception_raise_state(port, exception, code, count, flavor, old_state, old_words,
                                                   new_state, new_words);
    return release(thread, task, kr);
}

kern_return_t catch_mach_exception_raise_state_identity(
    mach_port_t port, mach_port_t thread, mach_port_t task, exception_type_t exception,
    mach_exception_data_t code, mach_msg_type_number_t count, int *flavor, thread_state_t old_state,
    mach_msg_type_number_t old_words, thread_state_t new_state, mach_msg_type_number_t *new_words)
{
    seen_thread = thread;
    seen_task = task;
    kern_return_t kr = catch_mach_exception_raise_state(port, exception, code, count, flavor, old_state,
                                                        old_words, new_state, new_words);
    return release(thread, task, kr);
}

static boolean_t demux(mach_msg_header_t *request, mach_msg_header_t *reply)
{
    return exc_server(request, reply) || mach_exc_server(request, reply);
}

static void handle(void *unused)
{
    (void)unused;
    (void)mach_msg_server(demux, MESSAGE_MAX, handler, MACH_MSG_OPTION_NONE);
}

/* Sends each answer by itself, and only then receives. */
static void handle_apart(void *unused)
{
    (void)unused;
    while (mach_msg_server_once(demux, MESSAGE_MAX, handler, MACH_MSG_OPTION_NONE) == MACH_MSG_SUCCESS)
        continue;
}

/* Run `function` in a thread with the handler. Returns: whether the thread came to its end. */
static bool raise(void (*function)(void), enum action what, exception_behavior_t behavior)
{
    thread_act_t thread;

    action = what;
    recoveries = 0;
    seen = 0;
    seen_thread = seen_task = MACH_PORT_NULL;
    REQUIRE_OK(mach_thread_prepare((void (*)(void *))(void (*)(void))function, NULL, &thread));
    REQUIRE_OK(
        thread_set_exception_ports(thread, EXC_MASK_ALL, handler, behavior, THREAD_STATE_FLAVOR_GENERAL));
    REQUIRE_OK(thread_resume(thread));
    bool identity = behavior != (exception_behavior_t)EXCEPTION_STATE;
    bool over = test_child_wait(thread);
    if (over && identity && what != ACTION_REFUSE)
        over = seen_task == SELF && seen_thread != MACH_PORT_NULL;
    return over;
}

static void touch_page(void)
{
    *(volatile uint8_t *)page = 5;
}

static void touch_null(void)
{
    *(volatile uint8_t *)16 = 1;
}

static void touch_kernel(void)
{
    *(volatile uint8_t *)machine_kernel_address = 1;
}

static void jump_to_data(void)
{
    ((void (*)(void))(void *)page)();
}

static void test_kinds(void)
{
    const exception_behavior_t codes64 = (exception_behavior_t)(EXCEPTION_DEFAULT | MACH_EXCEPTION_CODES);

    CHECK(raise(machine_bad_instruction, ACTION_RECOVER, EXCEPTION_DEFAULT) && recoveries == 1,
          "a bad instruction goes to the handler, which lets the thread go on");
    CHECK_EQUAL(seen, EXC_BAD_INSTRUCTION, "as a bad instruction");
    CHECK(raise(machine_breakpoint, ACTION_RECOVER, EXCEPTION_DEFAULT) && recoveries == 1,
          "a breakpoint, too");
    CHECK_EQUAL(seen, EXC_BREAKPOINT, "as a breakpoint");
    if (machine_divide_faults) {
        CHECK(raise(machine_divide_by_zero, ACTION_RECOVER, EXCEPTION_DEFAULT) && recoveries == 1 &&
                  seen == EXC_ARITHMETIC,
              "a division by zero is an arithmetic exception, or none");
    } else {
        CHECK(raise(machine_divide_by_zero, ACTION_RECOVER, EXCEPTION_DEFAULT) || seen == 0,
              "a division by zero is an arithmetic exception, or none");
    }
    CHECK(raise(touch_null, ACTION_RECOVER, codes64) && recoveries == 1, "a bad access, too");
    CHECK_EQUAL(seen, EXC_BAD_ACCESS, "as a bad access");
    CHECK_EQUAL(seen_code[0], KERN_INVALID_ADDRESS, "that tells the reason");
    CHECK_EQUAL(seen_code[1], 16, "and the address");
    CHECK(raise(touch_kernel, ACTION_RECOVER, codes64) && recoveries == 1 && seen == EXC_BAD_ACCESS,
          "memory of the kernel is a bad access");
    CHECK(raise(jump_to_data, ACTION_RECOVER, codes64) && recoveries == 1 && seen == EXC_BAD_ACCESS,
          "data can't be executed");
    CHECK_EQUAL(seen_code[0], KERN_PROTECTION_FAILURE, "for its protection");
}

static void test_repair(void)
{
    REQUIRE_OK(mach_vm_protect(SELF, (vm_address_t)page, sizeof(page), FALSE, VM_PROT_READ));
    CHECK(raise(touch_page, ACTION_REPAIR, (exception_behavior_t)(EXCEPTION_DEFAULT | MACH_EXCEPTION_CODES)),
          "a handler can repair the cause");
    CHECK_EQUAL(seen_code[0], KERN_PROTECTION_FAILURE, "which was the protection");
    CHECK_EQUAL(page[0], 5, "then the instruction is repeated");
    CHECK_EQUAL(recoveries, 1, "and that is all");
}

static void test_behaviors(void)
{
    CHECK(raise(machine_bad_instruction, ACTION_RECOVER, EXCEPTION_STATE) && recoveries == 1,
          "EXCEPTION_STATE lets the thread go on with other registers");
    CHECK(raise(machine_bad_instruction, ACTION_RECOVER, EXCEPTION_STATE_IDENTITY) && recoveries == 1,
          "EXCEPTION_STATE_IDENTITY, too");
    CHECK(raise(machine_bad_instruction, ACTION_RECOVER,
                (exception_behavior_t)(EXCEPTION_STATE | MACH_EXCEPTION_CODES)) ||
              recoveries == 1,
          "EXCEPTION_STATE with 64-bit codes, too");
    CHECK_RESULT(thread_set_exception_ports(SELF, EXC_MASK_ALL, handler, EXCEPTION_DEFAULT, 0),
                 KERN_INVALID_ARGUMENT, "a task is no thread");
    mach_port_t me = mach_thread_self();
    CHECK_RESULT(thread_set_exception_ports(me, ~0u, handler, EXCEPTION_DEFAULT, 0), KERN_INVALID_ARGUMENT,
                 "unknown exceptions are refused");
    CHECK_RESULT(thread_set_exception_ports(me, EXC_MASK_ALL, handler, 99, 0), KERN_INVALID_ARGUMENT,
                 "an unknown behavior is refused");
    REQUIRE_OK(mach_port_deallocate(SELF, me));
}

static void test_privileged(void)
{
    bool all = true;

    for (int i = 0; machine_privileged[i] != NULL; i++) {
        bool one = raise(machine_privileged[i], ACTION_RECOVER, EXCEPTION_DEFAULT) && recoveries == 1 &&
                   seen == EXC_BAD_INSTRUCTION;
        if (!one)
            printf("# privileged instruction %d: exception %d, %d recoveries\n", i, seen, recoveries);
        all &= one;
    }
    CHECK(all, "every privileged instruction is a bad instruction");
}

static void child_bad_access(void)
{
    touch_null();
}

/* Returns: depth, if there were that much stack. */
static unsigned descend(unsigned depth)
{
    volatile uint8_t frame[1024];

    frame[depth % sizeof(frame)] = 1;
    return depth == 0 ? 0 : descend(depth - 1) + frame[depth % sizeof(frame)];
}

/* The stack of a child lies in the middle of its data: a thread of its own has one with a guard page. */
static void overflow(void *unused)
{
    (void)unused;
    (void)descend(1u << 20);
}

static void child_stack_overflow(void)
{
    /* limit: stack of mach_thread_start */
    (void)mach_thread_start(overflow, NULL, NULL);
    for (;;)
        test_sleep(1000);
}

static void test_no_handler(void)
{
    bool all = true;

    task_t task = test_child(child_bad_access, NULL, 0);
    CHECK(test_child_wait(task), "without a handler, a bad access ends the task");
    task = test_child(machine_bad_instruction, NULL, 0);
    CHECK(test_child_wait(task), "so does a bad instruction");
    task = test_child(child_stack_overflow, NULL, 0);
    CHECK(test_child_wait(task), "so does a stack overflow");
    for (int i = 0; machine_privileged[i] != NULL; i++) {
        task = test_child(machine_privileged[i], NULL, 0);
        all &= test_child_wait(task);
    }
    CHECK(all, "so does every privileged instruction");
}

static void test_task_handler(void)
{
    refusals = 0;
    action = ACTION_REFUSE;
    struct test_right none[1];
    task_t task;

    REQUIRE_OK(task_set_exception_ports(SELF, EXC_MASK_ALL, handler, EXCEPTION_DEFAULT, 0));
    task = test_child(child_bad_access, none, 0);
    CHECK(test_child_wait(task), "a task's handler that refuses lets the task end");
    CHECK_EQUAL(refusals, 1, "children inherit a task's handler");
    REQUIRE_OK(task_set_exception_ports(SELF, EXC_MASK_ALL, MACH_PORT_NULL, EXCEPTION_DEFAULT, 0));
}

static void test_handler_dies(void)
{
    mach_port_t dead = test_port_send();

    REQUIRE_OK(task_set_exception_ports(SELF, EXC_MASK_ALL, dead, EXCEPTION_DEFAULT, 0));
    task_t task = test_child(child_bad_access, NULL, 0);
    struct test_message m;
    mach_msg_return_t result = mach_msg(&m.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_LARGE, 0,
                                        sizeof(m.header), dead, TEST_SOON_MS, MACH_PORT_NULL);
    CHECK_RESULT(result, MACH_RCV_TOO_LARGE, "an exception waits for its handler");
    test_port_destroy(dead);
    CHECK(test_child_wait(task), "if the handler dies, the task ends");
    REQUIRE_OK(task_set_exception_ports(SELF, EXC_MASK_ALL, MACH_PORT_NULL, EXCEPTION_DEFAULT, 0));
}

/* The settings of a thread or a task, by one function of each. */
struct settings {
    mach_port_t of;
    kern_return_t (*set)(mach_port_t, exception_mask_t, mach_port_t, exception_behavior_t,
                         thread_state_flavor_t);
    kern_return_t (*get)(mach_port_t, exception_mask_t, exception_mask_array_t, mach_msg_type_number_t *,
                         exception_handler_array_t, exception_behavior_array_t, exception_flavor_array_t);
    kern_return_t (*swap)(mach_port_t, exception_mask_t, mach_port_t, exception_behavior_t,
                          thread_state_flavor_t, exception_mask_array_t, mach_msg_type_number_t *,
                          exception_handler_array_t, exception_behavior_array_t, exception_flavor_array_t);
};

static struct {
    exception_mask_t mask[EXC_TYPES_COUNT];
    mach_port_t port[EXC_TYPES_COUNT];
    exception_behavior_t behavior[EXC_TYPES_COUNT];
    thread_state_flavor_t flavor[EXC_TYPES_COUNT];
    mach_msg_type_number_t count;
} told;

/* The kinds of exception that `port` was told to take, its rights released; the behaviour in *behavior. */
static exception_mask_t kinds_of(mach_port_t port, exception_behavior_t *behavior)
{
    exception_mask_t mask = 0;

    for (unsigned i = 0; i < told.count; i++) {
        if (told.port[i] != port)
            continue;
        mask |= told.mask[i];
        *behavior = told.behavior[i];
    }
    for (unsigned i = 0; i < told.count; i++) {
        if (MACH_PORT_VALID(told.port[i]))
            REQUIRE_OK(mach_port_deallocate(SELF, told.port[i]));
    }
    return mask;
}

static void test_settings_of(const struct settings *s)
{
    const exception_mask_t two = EXC_MASK_EMULATION | EXC_MASK_RPC_ALERT;
    mach_port_t p = test_port_send();
    exception_behavior_t behavior = 0;

    REQUIRE_OK(s->set(s->of, two, p, EXCEPTION_STATE, THREAD_STATE_FLAVOR_GENERAL));
    told.count = EXC_TYPES_COUNT;
    CHECK_RESULT(s->get(s->of, EXC_MASK_ALL, told.mask, &told.count, told.port, told.behavior, told.flavor),
                 KERN_SUCCESS, "exception ports are told");
    CHECK_EQUAL(kinds_of(p, &behavior), two, "each once, with the exceptions that it takes");
    CHECK_EQUAL(behavior, EXCEPTION_STATE, "and its behaviour");
    told.count = EXC_TYPES_COUNT;
    REQUIRE_OK(
        s->get(s->of, EXC_MASK_EMULATION, told.mask, &told.count, told.port, told.behavior, told.flavor));
    CHECK(told.count == 1 && kinds_of(p, &behavior) == EXC_MASK_EMULATION,
          "but only those that are asked for");
    told.count = EXC_TYPES_COUNT;
    CHECK_RESULT(s->swap(s->of, EXC_MASK_EMULATION, MACH_PORT_NULL, EXCEPTION_DEFAULT, 0, told.mask,
                         &told.count, told.port, told.behavior, told.flavor),
                 KERN_SUCCESS, "they can be swapped");
    CHECK(told.count == 1 && kinds_of(p, &behavior) == EXC_MASK_EMULATION, "which tells the old ones");
    told.count = EXC_TYPES_COUNT;
    REQUIRE_OK(s->swap(s->of, two, MACH_PORT_NULL, EXCEPTION_DEFAULT, 0, told.mask, &told.count, told.port,
                       told.behavior, told.flavor));
    CHECK_EQUAL(kinds_of(p, &behavior), EXC_MASK_RPC_ALERT, "the others were as before");
    told.count = EXC_TYPES_COUNT;
    CHECK_RESULT(s->get(s->of, ~0u, told.mask, &told.count, told.port, told.behavior, told.flavor),
                 KERN_INVALID_ARGUMENT, "an unknown exception is refused");
    CHECK_RESULT(s->swap(s->of, two, p, 77, 0, told.mask, &told.count, told.port, told.behavior, told.flavor),
                 KERN_INVALID_ARGUMENT, "so is an unknown behaviour");
    REQUIRE_OK(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_SEND, -1));
    CHECK_EQUAL(test_status(p).mps_srights, 0, "no right is left anywhere");
    test_port_destroy(p);
}

static void test_settings(void)
{
    const struct settings task = {SELF, task_set_exception_ports, task_get_exception_ports,
                                  task_swap_exception_ports};
    const struct settings thread = {mach_thread_self(), thread_set_exception_ports,
                                    thread_get_exception_ports, thread_swap_exception_ports};

    test_settings_of(&task);
    test_settings_of(&thread);
    REQUIRE_OK(mach_port_deallocate(SELF, thread.of));
}

/* Answers mean the same whichever way they come. */
static void test_answer_alone(void)
{
    const mach_port_t old = handler;

    handler = test_port_send();
    REQUIRE_OK(mach_thread_start(handle_apart, NULL, NULL));
    for (unsigned i = 0; i < 3; i++) {
        CHECK(raise(machine_bad_instruction, ACTION_RECOVER, EXCEPTION_DEFAULT) && recoveries == 1,
              "a handler may answer before it waits");
        CHECK(raise(machine_bad_instruction, ACTION_RECOVER, EXCEPTION_STATE) && recoveries == 1,
              "also with the thread's registers");
    }
    test_port_destroy(handler);
    handler = old;
}

/* --- guards --- */

#define GUARD UINT64_C(0x1122334455667788)

/* Was the last exception this violation of the guard of `port`? It is forgotten. */
static bool violated(mach_port_t port, uint32_t flavor, uint64_t guard)
{
    const uint64_t code = (uint64_t)seen_code[0];
    bool good = seen == EXC_GUARD && EXC_GUARD_DECODE_GUARD_TYPE(code) == GUARD_TYPE_MACH_PORT &&
                EXC_GUARD_DECODE_GUARD_FLAVOR(code) == flavor &&
                EXC_GUARD_DECODE_GUARD_TARGET(code) == port && (uint64_t)seen_code[1] == guard &&
                recoveries + refusals == 1;

    seen = 0;
    recoveries = refusals = 0;
    return good;
}

/* The calls by traps and those by messages; the first with a handler that refuses, which changes nothing. */
static void test_guards(void)
{
    const exception_behavior_t codes64 = (exception_behavior_t)(EXCEPTION_DEFAULT | MACH_EXCEPTION_CODES);
    mach_port_t p = test_port();

    REQUIRE_OK(mach_port_guard(SELF, p, GUARD, TRUE));
    REQUIRE_OK(task_set_exception_ports(SELF, EXC_MASK_GUARD, handler, codes64, THREAD_STATE_FLAVOR_GENERAL));
    recoveries = refusals = 0;
    action = ACTION_REFUSE;
    CHECK_RESULT(mach_port_destroy(SELF, p), KERN_INVALID_RIGHT, "a guarded right is not destroyed");
    CHECK(violated(p, kGUARD_EXC_DESTROY, GUARD), "which is an exception, too, that ends no task");
    action = ACTION_GO_ON;
    CHECK_RESULT(mach_port_mod_refs(SELF, p, MACH_PORT_RIGHT_RECEIVE, -1), KERN_INVALID_RIGHT,
                 "nor by mod_refs");
    CHECK(violated(p, kGUARD_EXC_MOD_REFS, GUARD), "whose exception says so");
    CHECK_RESULT(mach_port_destruct(SELF, p, 0, GUARD + 1), KERN_INVALID_ARGUMENT, "nor with another guard");
    CHECK(violated(p, kGUARD_EXC_DESTROY, GUARD), "whose exception tells the right one");
    CHECK_RESULT(mach_port_set_context(SELF, p, 5), KERN_INVALID_ARGUMENT, "a strict guard keeps the label");
    CHECK(violated(p, kGUARD_EXC_SET_CONTEXT, GUARD), "by an exception");
    CHECK_RESULT(mach_port_unguard(SELF, p, GUARD + 1), KERN_INVALID_ARGUMENT,
                 "another guard is not taken off");
    CHECK(violated(p, kGUARD_EXC_INCORRECT_GUARD, GUARD), "by an exception");
    CHECK(mach_port_unguard(SELF, p, GUARD) == KERN_SUCCESS && seen == 0, "what is allowed raises none");
    CHECK_RESULT(mach_port_unguard(SELF, p, GUARD), KERN_INVALID_ARGUMENT, "what has no guard can't lose it");
    CHECK(violated(p, kGUARD_EXC_UNGUARDED, 0), "by an exception");
    REQUIRE_OK(task_set_exception_ports(SELF, EXC_MASK_GUARD, MACH_PORT_NULL, EXCEPTION_DEFAULT, 0));
    REQUIRE_OK(mach_port_guard(SELF, p, GUARD, FALSE));
    CHECK(mach_port_destroy(SELF, p) == KERN_INVALID_RIGHT && seen == 0, "without a handler there is none");
    CHECK_RESULT(mach_port_destruct(SELF, p, 0, GUARD), KERN_SUCCESS, "the thread goes on");
}

int main(void)
{
    test_begin("exception");
    handler = test_port_send();
    REQUIRE_OK(mach_thread_start(handle, NULL, NULL));
    test_kinds();
    test_repair();
    test_behaviors();
    test_privileged();
    test_no_handler();
    test_task_handler();
    test_handler_dies();
    test_answer_alone();
    test_guards();
    test_port_destroy(handler);
    test_settings();
    return test_end();
}
