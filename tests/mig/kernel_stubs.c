/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's stubs: who owns rights and references afterwards, whatever happens (contract:
 * kern/mig_kernel.h).  And the kernel's sending side, for exceptions and notifications.
 */
#include <kern/mig_kernel.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernel_sample_server.h"
#include "mach_exc_sender.h"
#include "notify_sender.h"

static unsigned test_number;
static unsigned test_failures;

static void check(bool condition, const char *what)
{
    test_number++;
    test_failures += !condition;
    printf("%sok %u - %s\n", condition ? "" : "not ", test_number, what);
}

/* Two objects with their ports, and two ports of nothing. */
static struct object objects[2];
static struct ipc_port ports[4] = {{&objects[0]}, {&objects[1]}, {NULL}, {NULL}};
static unsigned calls;

object_t object_of_port(mach_port_t port)
{
    if (!IPC_PORT_VALID(port) || port->object == NULL)
        return NULL;
    port->object->references++;
    return port->object;
}

mach_port_t port_of_object(object_t object)
{
    object->references--;
    return &ports[object - objects];
}

void object_unref(object_t object)
{
    object->references--;
}

fixed_t fixed_of_port(mach_port_t port)
{
    return port->object;
}

kern_return_t object_create(object_t object, object_t parent, kern_return_t result, object_t *child)
{
    calls++;
    if (parent != NULL)
        parent->references += 10;
    if (result == KERN_SUCCESS) {
        object->references++;
        *child = object;
    }
    if (parent != NULL)
        parent->references -= 10;
    return result;
}

kern_return_t object_take(object_t object, mach_port_t receive, mach_port_t any, mach_msg_type_name_t anyPoly,
                          kern_return_t result, mach_port_t *back, mach_msg_type_name_t *backPoly,
                          int32_t *number)
{
    calls++;
    (void)object;
    *back = receive;
    *backPoly = anyPoly;
    *number = any == &ports[3] ? 7 : 0;
    return result;
}

kern_return_t object_poke(object_t object, mach_port_t notify, kern_return_t result)
{
    (void)object;
    (void)notify;
    return result;
}

kern_return_t fixed_text(fixed_t fixed, text_t text, int64_t *number)
{
    (void)fixed;
    memcpy(text, "hello", 6);
    *number = -1;
    return KERN_SUCCESS;
}

kern_return_t raw(mach_port_t port, int32_t *number)
{
    *number = port == &ports[2] ? 3 : 0;
    return KERN_SUCCESS;
}

#define PORTS_MAX 8

/* A request as the kernel's message code has it, and room for the reply. */
static struct fixture {
    union {
        mach_msg_header_t head;
        __Request__object_create_t create;
        __Request__object_take_t take;
        __Request__object_poke_t poke;
        char room[128];
    } request;
    union {
        mach_msg_header_t head;
        mig_reply_error_t error;
        __Reply__object_create_t create;
        __Reply__object_take_t take;
        __Reply__fixed_text_t text;
        __Reply__raw_t raw;
        char room[128];
    } reply;
    struct ipc_port *request_ports[PORTS_MAX];
    struct ipc_port *reply_ports[PORTS_MAX];
} f;

static kern_return_t serve(mach_msg_id_t id, struct ipc_port *dest, mach_msg_size_t size)
{
    struct mig_kernel_message request = {&f.request.head, f.request_ports, IPC_PORT_NULL};
    struct mig_kernel_message reply = {&f.reply.head, f.reply_ports, IPC_PORT_NULL};
    const struct mig_kernel_entry *entry = mig_kernel_lookup(&kernel_sample_subsystem, id);

    if (entry == NULL)
        return MIG_BAD_ID;
    f.request.head.msgh_size = size;
    f.request.head.msgh_id = id;
    memset(&f.reply, 0xa5, sizeof(f.reply));
    return entry->serve(dest, &request, &reply);
}

static void prepare_create(kern_return_t result)
{
    memset(&f, 0, sizeof(f));
    f.request.head.msgh_bits = MACH_MSGH_BITS_COMPLEX;
    f.request.create.msgh_body.msgh_descriptor_count = 1;
    mig_put_port(&f.request.create.parent, 0, MACH_MSG_TYPE_PORT_SEND);
    f.request_ports[0] = &ports[1];
    f.request.create.result = result;
}

static void prepare_take(kern_return_t result)
{
    memset(&f, 0, sizeof(f));
    f.request.head.msgh_bits = MACH_MSGH_BITS_COMPLEX;
    f.request.take.msgh_body.msgh_descriptor_count = 2;
    mig_put_port(&f.request.take.receive, 0, MACH_MSG_TYPE_PORT_RECEIVE);
    mig_put_port(&f.request.take.any, 0, MACH_MSG_TYPE_PORT_SEND_ONCE);
    f.request_ports[0] = &ports[2];
    f.request_ports[1] = &ports[3];
    f.request.take.result = result;
}

static bool balanced(void)
{
    return objects[0].references == 0 && objects[1].references == 0;
}

static void test_objects(void)
{
    prepare_create(KERN_SUCCESS);
    check(serve(9100, &ports[0], sizeof(f.request.create)) == KERN_SUCCESS, "a good request is served");
    check(f.reply_ports[0] == &ports[0] && f.reply.create.child.disposition == MACH_MSG_TYPE_PORT_SEND,
          "an object goes out as a send right");
    check(f.reply.head.msgh_bits == MACH_MSGH_BITS_COMPLEX && f.reply.head.msgh_size == 40,
          "the reply is complex");
    check(balanced(), "references balance after success");
    check(f.request_ports[0] == &ports[1], "a right that was converted stays in the request");
    prepare_create(KERN_NO_SPACE);
    check(serve(9100, &ports[0], sizeof(f.request.create)) == KERN_NO_SPACE && balanced(),
          "and after failure");
    prepare_create(KERN_SUCCESS);
    f.request_ports[0] = IPC_PORT_NULL;
    check(serve(9100, &ports[0], sizeof(f.request.create)) == KERN_SUCCESS && balanced(),
          "an argument may be no object: the routine sees NULL");
    calls = 0;
    prepare_create(KERN_SUCCESS);
    check(serve(9100, &ports[2], sizeof(f.request.create)) == KERN_INVALID_ARGUMENT && balanced() &&
              calls == 0,
          "a destination that is no object is refused");
    check(serve(9100, IPC_PORT_DEAD, sizeof(f.request.create)) == KERN_INVALID_ARGUMENT, "so is a dead port");
}

static void test_rights(void)
{
    prepare_take(KERN_SUCCESS);
    check(serve(9102, &ports[0], sizeof(f.request.take)) == KERN_SUCCESS && f.reply.take.number == 7,
          "rights reach the routine");
    check(f.request_ports[0] == IPC_PORT_NULL && f.request_ports[1] == IPC_PORT_NULL,
          "success consumes them");
    check(f.reply_ports[0] == &ports[2] && f.reply.take.back.disposition == MACH_MSG_TYPE_PORT_SEND_ONCE,
          "a right goes out with the routine's disposition");
    prepare_take(KERN_FAILURE);
    check(serve(9102, &ports[0], sizeof(f.request.take)) == KERN_FAILURE && f.request_ports[0] == &ports[2] &&
              f.request_ports[1] == &ports[3],
          "failure leaves them in the request");
    memset(&f, 0, sizeof(f));
    f.request.head.msgh_bits = MACH_MSGH_BITS_COMPLEX;
    f.request.poke.msgh_body.msgh_descriptor_count = 1;
    mig_put_port(&f.request.poke.notify, 0, MACH_MSG_TYPE_PORT_SEND_ONCE);
    f.request_ports[0] = &ports[2];
    check(serve(9103, &ports[0], sizeof(f.request.poke)) == MIG_NO_REPLY &&
              f.request_ports[0] == IPC_PORT_NULL,
          "a simpleroutine consumes its rights and is not answered");
    f.request_ports[0] = &ports[2];
    f.request.poke.result = KERN_FAILURE;
    check(serve(9103, &ports[0], sizeof(f.request.poke)) == KERN_FAILURE && f.request_ports[0] == &ports[2],
          "unless it fails");
}

static void test_refusals(void)
{
    calls = 0;
    prepare_take(KERN_SUCCESS);
    check(serve(9102, &ports[0], 24) == MIG_BAD_ARGUMENTS, "a request that is a header only is refused");
    check(serve(9102, &ports[0], sizeof(f.request.take) - 4) == MIG_BAD_ARGUMENTS,
          "one word less is refused");
    check(serve(9102, &ports[0], sizeof(f.request.take) + 4) == MIG_BAD_ARGUMENTS,
          "one word more is refused");
    f.request.take.msgh_body.msgh_descriptor_count = 3;
    check(serve(9102, &ports[0], sizeof(f.request.take)) == MIG_BAD_ARGUMENTS,
          "three descriptors for two are refused");
    prepare_take(KERN_SUCCESS);
    f.request.head.msgh_bits = 0;
    check(serve(9102, &ports[0], sizeof(f.request.take)) == MIG_BAD_ARGUMENTS, "none at all are refused");
    prepare_take(KERN_SUCCESS);
    f.request.take.receive.disposition = MACH_MSG_TYPE_PORT_SEND;
    check(serve(9102, &ports[0], sizeof(f.request.take)) == MIG_BAD_ARGUMENTS,
          "a right of the wrong kind is refused");
    check(calls == 0 && balanced() && f.request_ports[0] == &ports[2], "no routine ran, no right moved");
    check(serve(9101, &ports[0], 24) == MIG_BAD_ID && serve(9106, &ports[0], 24) == MIG_BAD_ID &&
              serve(9099, &ports[0], 24) == MIG_BAD_ID,
          "ids without a routine have no entry");
}

static void test_data(void)
{
    mig_kernel_reply_result(&f.reply.head, KERN_ABORTED);
    check(f.reply.head.msgh_bits == 0 && f.reply.head.msgh_size == 36 &&
              f.reply.error.RetCode == KERN_ABORTED,
          "an error reply");
    memset(&f, 0, sizeof(f));
    check(serve(9104, &ports[0], 24) == KERN_SUCCESS && strcmp(f.reply.text.text, "hello") == 0,
          "a string goes out");
    check(f.reply.head.msgh_size == 24 + 8 + 4 + 8 + 8 + 8, "in whole words");
    check(memchr(f.reply.room + 24, 0xa5, f.reply.head.msgh_size - 24) == NULL,
          "nothing unwritten goes out with it");
    check(serve(9105, &ports[2], 24) == KERN_SUCCESS && f.reply.raw.number == 3,
          "a port that is not converted");
}

static void test_sending(void)
{
    int64_t code[] = {1, 2};
    natural_t state[] = {3, 4, 5}, new_state[614];
    mach_msg_type_number_t new_count = 0;
    int flavor = 0;
    union {
        mach_msg_header_t head;
        mach_dead_name_notification_t dead_name;
        mach_port_destroyed_notification_t destroyed;
        __Request__mach_exception_raise_state_t raise;
        __Reply__mach_exception_raise_state_t answer;
    } m;
    struct mig_kernel_message message = {&m.head, f.request_ports, IPC_PORT_NULL};

    mach_notify_dead_name_request(&message, 0x103);
    check(m.head.msgh_id == MACH_NOTIFY_DEAD_NAME && m.head.msgh_size == 36 && m.dead_name.not_port == 0x103,
          "a dead-name notification");
    mach_notify_port_destroyed_request(&message, &ports[2]);
    check(m.head.msgh_id == MACH_NOTIFY_PORT_DESTROYED && m.head.msgh_bits == MACH_MSGH_BITS_COMPLEX &&
              m.destroyed.not_port.disposition == MACH_MSG_TYPE_PORT_RECEIVE &&
              f.request_ports[0] == &ports[2],
          "a port-destroyed notification");
    mach_exception_raise_state_request(&message, 1, code, 1, 9, state, 3);
    check(m.head.msgh_id == 2406 && m.head.msgh_size == 24 + 8 + 4 + 4 + 8 + 4 + 4 + 12,
          "an exception message");
    m.answer.Head = (mach_msg_header_t){.msgh_size = 24 + 8 + 4 + 4 + 4 + 8, .msgh_id = 2506};
    m.answer.RetCode = KERN_SUCCESS;
    m.answer.flavor = 9;
    m.answer.new_stateCnt = 2;
    memcpy(m.answer.new_state, state, 8);
    check(mach_exception_raise_state_reply(&message, &flavor, new_state, &new_count) == KERN_SUCCESS &&
              flavor == 9 && new_count == 2 && new_state[1] == 4,
          "its answer");
    m.answer.new_stateCnt = 615;
    check(mach_exception_raise_state_reply(&message, &flavor, new_state, &new_count) == MIG_TYPE_ERROR,
          "an answer with too much state is refused");
    mig_kernel_reply_result(&m.head, KERN_FAILURE);
    check(mach_exception_raise_state_reply(&message, &flavor, new_state, &new_count) == KERN_FAILURE,
          "an answer that says no");
}

int main(void)
{
    test_objects();
    test_rights();
    test_refusals();
    test_data();
    test_sending();
    printf("1..%u\n", test_number);
    return test_failures == 0 ? 0 : 1;
}
