/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's stubs for memory and arrays of rights: requests that its sending side fills in go to its serving side,
 * and the replies back.  What is handed on must be gone from the message, what is refused must still be there.
 */
#include <kern/mig_kernel.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernel_memory_sender.h"
#include "kernel_memory_server.h"

_Static_assert(kernel_memory_reply_rights == 1, "one routine takes the reply right");

#define ROOM 256
#define PORTS_MAX 8

struct ipc_port {
    int number;
};

struct memory {
    int number;
};

static unsigned test_number;
static unsigned test_failures;

static void check(bool condition, const char *what)
{
    test_number++;
    test_failures += !condition;
    printf("%sok %u - %s\n", condition ? "" : "not ", test_number, what);
}

static struct ipc_port ports[8] = {{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}};
static struct ipc_port *array[] = {&ports[1], &ports[2], &ports[3]};
static struct memory memories[2] = {{1}, {2}};
static unsigned calls;

kern_return_t give(mach_port_t port, memory_t memory, mach_msg_type_number_t memoryCnt, many_t many,
                   mach_msg_type_number_t manyCnt, few_t few, mach_msg_type_number_t fewCnt,
                   kern_return_t result, int32_t *sum)
{
    calls++;
    *sum = port->number + (memory != NULL ? memory->number * (int32_t)memoryCnt : 0);
    for (mach_msg_type_number_t i = 0; i < manyCnt; i++)
        *sum += 100 * many[i]->number;
    for (mach_msg_type_number_t i = 0; i < fewCnt; i++)
        *sum += 10000 * few[i]->number;
    return result;
}

kern_return_t take(mach_port_t port, kern_return_t result, memory_t *memory,
                   mach_msg_type_number_t *memoryCnt, many_t *many, mach_msg_type_number_t *manyCnt,
                   few_t few, mach_msg_type_number_t *fewCnt)
{
    (void)port;
    *memory = &memories[1];
    *memoryCnt = 50;
    *many = array;
    *manyCnt = 3;
    few[0] = &ports[4];
    few[1] = IPC_PORT_DEAD;
    *fewCnt = 2;
    return result;
}

kern_return_t swap(mach_port_t port, memory_t *memory, mach_msg_type_number_t *memoryCnt, many_t *many,
                   mach_msg_type_number_t *manyCnt, few_t few, mach_msg_type_number_t *fewCnt,
                   mach_port_t *right, mach_msg_type_name_t *rightPoly)
{
    (void)port;
    *memory = *memory == &memories[0] ? &memories[1] : NULL;
    *memoryCnt += 1;
    *many = *many == array ? array + 1 : NULL;
    *manyCnt -= 1;
    few[1] = few[0];
    few[0] = *right;
    *fewCnt += 1;
    *right = &ports[7];
    *rightPoly =
        *rightPoly == MACH_MSG_TYPE_PORT_SEND ? MACH_MSG_TYPE_PORT_SEND_ONCE : MACH_MSG_TYPE_PORT_RECEIVE;
    return KERN_SUCCESS;
}

static struct ipc_port *answer_to;

kern_return_t later(mach_port_t port, mach_port_t answer, kern_return_t result)
{
    (void)port;
    answer_to = answer;
    return result;
}

/* A request and its reply as the kernel's message code has them. */
static _Alignas(8) char request_room[ROOM], reply_room[ROOM];
static struct ipc_port *request_ports[PORTS_MAX], *reply_ports[PORTS_MAX];
static struct mig_kernel_message request = {(void *)request_room, request_ports, IPC_PORT_NULL};
static struct mig_kernel_message reply = {(void *)reply_room, reply_ports, IPC_PORT_NULL};

#define GIVE ((__Request__give_t *)(void *)request_room)

static kern_return_t serve(void)
{
    const struct mig_kernel_entry *entry = mig_kernel_lookup(&kernel_memory_subsystem, request.head->msgh_id);

    memset(reply_room, 0xa5, sizeof(reply_room));
    memset(reply_ports, 0, sizeof(reply_ports));
    if (entry == NULL)
        return MIG_BAD_ID;
    kern_return_t kr = entry->serve(&ports[5], &request, &reply);
    if (kr == KERN_SUCCESS) {
        reply.head->msgh_id = request.head->msgh_id + 100;
        check(reply.head->msgh_size <= entry->reply_size, "the reply is not larger than was said");
    }
    return kr;
}

static void fill_give(kern_return_t result)
{
    memset(request_room, 0xa5, sizeof(request_room));
    give_request(&request, &memories[0], 9, TRUE, array, 3, array, 2, result);
}

static bool give_is_whole(void)
{
    return GIVE->memory.address == (vm_address_t)&memories[0] && GIVE->memory.size == 36 &&
           GIVE->many.address == (vm_address_t)array && GIVE->many.count == 3 &&
           request_ports[2] == &ports[1] && request_ports[3] == &ports[2];
}

static void test_give(void)
{
    int32_t sum = 0;

    fill_give(KERN_SUCCESS);
    check(give_is_whole() && GIVE->msgh_body.msgh_descriptor_count == 5 && GIVE->memory.deallocate &&
              request_ports[4] == IPC_PORT_NULL && GIVE->few[2].disposition == MACH_MSG_TYPE_PORT_SEND,
          "the sending side fills in what the message holds");
    check(serve() == KERN_SUCCESS && give_reply(&reply, &sum) == KERN_SUCCESS && sum == 5 + 9 + 600 + 30000,
          "the routine gets it");
    check(GIVE->memory.address == 0 && GIVE->memory.size == 0 && GIVE->many.address == 0 &&
              GIVE->many.count == 0 && request_ports[2] == IPC_PORT_NULL && request_ports[3] == IPC_PORT_NULL,
          "and then it is gone from the message");
    fill_give(KERN_NO_SPACE);
    check(serve() == KERN_NO_SPACE && give_is_whole(), "unless the routine refuses it");
    give_request(&request, NULL, 0, FALSE, NULL, 0, array, 0, KERN_SUCCESS);
    check(serve() == KERN_SUCCESS && give_reply(&reply, &sum) == KERN_SUCCESS && sum == 5, "nothing at all");
}

static void test_lies(void)
{
    calls = 0;
    fill_give(KERN_SUCCESS);
    GIVE->memoryCnt = 10;
    check(serve() == MIG_BAD_ARGUMENTS && GIVE->memory.address != 0, "a count beyond the memory is refused");
    fill_give(KERN_SUCCESS);
    GIVE->memoryCnt = 0x40000009;
    check(serve() == MIG_BAD_ARGUMENTS, "and one that overflows");
    fill_give(KERN_SUCCESS);
    GIVE->manyCnt = 4;
    check(serve() == MIG_BAD_ARGUMENTS, "and one of rights that are not there");
    fill_give(KERN_SUCCESS);
    GIVE->fewCnt = 4;
    check(serve() == MIG_BAD_ARGUMENTS, "and one beyond the array");
    fill_give(KERN_SUCCESS);
    GIVE->few[1].disposition = MACH_MSG_TYPE_PORT_RECEIVE;
    check(serve() == MIG_BAD_ARGUMENTS, "a right of another kind is refused");
    fill_give(KERN_SUCCESS);
    GIVE->many.type = MACH_MSG_OOL_DESCRIPTOR;
    check(serve() == MIG_BAD_ARGUMENTS && calls == 0, "memory instead of rights is refused");
}

static void test_take(void)
{
    memory_t memory = NULL;
    many_t many = NULL;
    struct ipc_port *few[3] = {NULL};
    mach_msg_type_number_t memoryCnt = 0, manyCnt = 0, fewCnt = 0;

    take_request(&request, KERN_SUCCESS);
    check(serve() == KERN_SUCCESS && reply.head->msgh_bits == MACH_MSGH_BITS_COMPLEX,
          "what a routine gives out");
    check(take_reply(&reply, &memory, &memoryCnt, &many, &manyCnt, few, &fewCnt) == KERN_SUCCESS &&
              memory == &memories[1] && memoryCnt == 50 && many == array && manyCnt == 3 &&
              few[0] == &ports[4] && few[1] == IPC_PORT_DEAD && few[2] == IPC_PORT_NULL && fewCnt == 2,
          "reaches the other side");
    check(reply_ports[2] == IPC_PORT_NULL && reply_ports[3] == IPC_PORT_NULL &&
              ((__Reply__take_t *)(void *)reply_room)->memory.address == 0,
          "and is gone from the reply");
    take_request(&request, KERN_FAILURE);
    check(serve() == KERN_FAILURE && reply_ports[2] == IPC_PORT_NULL, "no reply, nothing in it");
}

static void test_swap(void)
{
    memory_t memory = NULL;
    many_t many = NULL;
    struct ipc_port *few[3] = {&ports[6], NULL, NULL}, *right = NULL;
    mach_msg_type_number_t memoryCnt = 0, manyCnt = 0, fewCnt = 0;
    mach_msg_type_name_t rightPoly = 0;

    swap_request(&request, &memories[0], 7, array, 3, few, 1, &ports[2], MACH_MSG_TYPE_PORT_SEND);
    check(serve() == KERN_SUCCESS && request_ports[2] == IPC_PORT_NULL, "what goes in and out");
    check(swap_reply(&reply, &memory, &memoryCnt, &many, &manyCnt, few, &fewCnt, &right, &rightPoly) ==
                  KERN_SUCCESS &&
              memory == &memories[1] && memoryCnt == 8 && many == array + 1 && manyCnt == 2 && fewCnt == 2 &&
              few[0] == &ports[2] && few[1] == &ports[6] && right == &ports[7] &&
              rightPoly == MACH_MSG_TYPE_PORT_SEND_ONCE,
          "is that of the routine afterwards");
}

static void test_later(void)
{
    later_request(&request, MIG_NO_REPLY);
    request.reply_port = &ports[3];
    check(serve() == MIG_NO_REPLY && answer_to == &ports[3] && request.reply_port == IPC_PORT_NULL,
          "a routine that answers later owns the reply right");
    later_request(&request, KERN_FAILURE);
    request.reply_port = &ports[3];
    check(serve() == KERN_FAILURE && request.reply_port == &ports[3], "one that fails does not");
}

int main(void)
{
    test_give();
    test_lies();
    test_take();
    test_swap();
    test_later();
    printf("1..%u\n", test_number);
    return test_failures == 0 ? 0 : 1;
}
