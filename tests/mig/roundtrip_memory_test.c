/* SPDX-License-Identifier: BSD-2-Clause */
/* What the stubs promise of memory and of arrays of rights beyond a good round trip. */
#include "roundtrip.h"
#include "roundtrip_transport.h"

#include <stddef.h>

#include "sample.h"

/* How memory is to travel: word 2 of its descriptor. */
static uint32_t how(const mach_msg_ool_descriptor_t *memory)
{
    return (uint32_t)memory->deallocate | (uint32_t)memory->copy << 8 | (uint32_t)memory->type << 24;
}

static void test_flags(void)
{
    const __Request__memory_in_t *request;
    bool good;

    (void)try_memory_in(&good);
    request = (const void *)transport_last_request;
    check(how(&request->kept) == (MACH_MSG_VIRTUAL_COPY << 8 | MACH_MSG_OOL_DESCRIPTOR << 24),
          "memory is kept unless dealloc says otherwise");
    check(how(&request->given) == (TRUE | MACH_MSG_VIRTUAL_COPY << 8 | MACH_MSG_OOL_DESCRIPTOR << 24),
          "dealloc gives it away");
    check(how(&request->either) == how(&request->given), "dealloc[] does so if the caller wants it");
    check(how(&request->copied) == (MACH_MSG_PHYSICAL_COPY << 8 | MACH_MSG_OOL_DESCRIPTOR << 24),
          "PhysicalCopy copies at once");
    check(request->copied.size == 4 && request->block.size == 32, "sizes are in bytes");
}

static void test_broken_memory(void)
{
    const unsigned size = offsetof(mach_msg_ool_descriptor_t, size);
    const unsigned kind = offsetof(mach_msg_ool_descriptor_t, size) - 4;
    const unsigned port_kind = offsetof(mach_msg_port_descriptor_t, pad1) + 4;

    expect(try_memory_in, offsetof(__Request__memory_in_t, keptCnt), 301, MIG_BAD_ARGUMENTS,
           "a count beyond the memory is refused");
    expect(try_memory_in, offsetof(__Request__memory_in_t, keptCnt), 0, MIG_BAD_ARGUMENTS,
           "so is one below it");
    expect(try_memory_in, offsetof(__Request__memory_in_t, placesCnt), 0x20000002, MIG_BAD_ARGUMENTS,
           "and one that overflows");
    expect(try_memory_in, offsetof(__Request__memory_in_t, copiedCnt), 1001, MIG_BAD_ARGUMENTS,
           "and one above the bound");
    expect(try_memory_in, offsetof(__Request__memory_in_t, block) + size, 24, MIG_BAD_ARGUMENTS,
           "memory of a fixed size has that");
    expect(try_memory_in, offsetof(__Request__memory_in_t, block) + kind,
           (uint32_t)MACH_MSG_OOL_PORTS_DESCRIPTOR << 24, MIG_BAD_ARGUMENTS,
           "rights instead of memory are refused");
    expect(try_rights_in, offsetof(__Request__rights_in_t, many) + kind,
           (uint32_t)MACH_MSG_OOL_DESCRIPTOR << 24, MIG_BAD_ARGUMENTS, "memory instead of rights is refused");
    expect(try_rights_in, offsetof(__Request__rights_in_t, many) + kind,
           (uint32_t)MACH_MSG_OOL_PORTS_DESCRIPTOR << 24 | MACH_MSG_TYPE_PORT_RECEIVE << 16,
           MIG_BAD_ARGUMENTS, "rights of another kind are refused");
    expect(try_rights_in, offsetof(__Request__rights_in_t, any) + kind,
           (uint32_t)MACH_MSG_OOL_PORTS_DESCRIPTOR << 24 | MACH_MSG_TYPE_PORT_NAME << 16, MIG_BAD_ARGUMENTS,
           "names that are no rights are refused");
    expect(try_rights_in, offsetof(__Request__rights_in_t, manyCnt), 2, MIG_BAD_ARGUMENTS,
           "a count of more rights than there are is refused");
    expect(try_rights_in, offsetof(__Request__rights_in_t, rightsCnt), 5, MIG_BAD_ARGUMENTS,
           "more rights than the message has room for are refused");
    expect(try_rights_in, offsetof(__Request__rights_in_t, rightsCnt), 2, MIG_BAD_ARGUMENTS,
           "a right behind the last one is refused");
    expect(try_rights_in, offsetof(__Request__rights_in_t, rights) + 12 + port_kind,
           MACH_MSG_TYPE_PORT_SEND_ONCE << 16, MIG_BAD_ARGUMENTS,
           "a right that differs from its array is refused");
    expect(try_rights_in, offsetof(__Request__rights_in_t, few) + 12 + port_kind,
           MACH_MSG_TYPE_PORT_SEND << 16, MIG_BAD_ARGUMENTS, "also where the kind is not fixed");
    expect(try_same_count, offsetof(__Request__same_count_t, wordsCnt), 2, MIG_BAD_ARGUMENTS,
           "a shared count must fit all of its arrays");
    expect(try_same_count, offsetof(__Request__same_count_t, wordsCnt), 6, MIG_BAD_ARGUMENTS,
           "the smallest of them is the limit");
}

static void test_too_large(void)
{
    uint8_t room[64];
    mach_msg_type_number_t count = 49;
    uint32_t words[6] = {0}, words_out[6];
    int64_t wides[6] = {0};
    mach_port_t rights[6] = {0}, rights_out[4];
    point_t memory[6] = {{0}};
    uint8_t bytes[10];

    check(call_memory_here(SERVER, 50, room, &count) == MIG_ARRAY_TOO_LARGE,
          "memory that is more than there is room for does not overwrite");
    check(call_same_count(SERVER, words, 5, wides, rights, memory, bytes, &count, words_out, rights_out) ==
              MIG_ARRAY_TOO_LARGE,
          "the client refuses a shared count that is too large for one of the arrays");
}

static void test_tokens(void)
{
    audit_token_t audit = {{0}};
    security_token_t security = {{0}};
    uint64_t sum = 0;
    uint32_t which = 0;

    transport_trailer_size = sizeof(mach_msg_max_trailer_t);
    transport_label = 3;
    transport_reply_trailer_size = sizeof(mach_msg_max_trailer_t);
    check(call_tokens(SERVER, &audit, &security, &sum) == KERN_SUCCESS && audit.val[7] == 1000 &&
              security.val[0] == 200 && sum == 203,
          "what both trailers say reaches both sides");
    check((transport_last_option & MACH_RCV_TRAILER_MASK) ==
              MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT),
          "the client asks for its trailer");
    transport_reply_trailer_size = sizeof(mach_msg_seqno_trailer_t);
    check(call_tokens(SERVER, &audit, &security, &sum) == MIG_TRAILER_ERROR, "a short one is an error");
    transport_reply_trailer_size = 0;
    check(call_labelled(SERVER, &which) == KERN_SUCCESS && which == 302,
          "a label stands for the name of the port");
    transport_label = 0;
    check(call_labelled(SERVER, &which) == KERN_SUCCESS && which == 301, "no label: the name itself");
    transport_trailer_size = 0;
}

static void send_once_died(mach_msg_header_t *reply)
{
    reply->msgh_id = MACH_NOTIFY_SEND_ONCE;
}

static void test_old_ways(void)
{
    int32_t sum = 5;

    transport_on_reply = send_once_died;
    call_add(SERVER, 1, &sum);
    check(told() == MIG_SERVER_DIED && sum == 5, "a procedure tells its error function what went wrong");
    check(call_twice(SERVER, 3) == 0 && told() == MIG_SERVER_DIED, "so does a function, and returns zero");
    transport_on_reply = NULL;
}

void test_memory(void)
{
    bool good;

    transport_memory = 0;
    for (const struct roundtrip_routine *routine = roundtrip_memory_routines; routine->name != NULL;
         routine++)
        (void)routine->try(&good);
    check(transport_memory == 0, "all memory was given back");
    test_flags();
    test_broken_memory();
    test_too_large();
    test_tokens();
    test_old_ways();
    check(transport_memory == 0, "also by those that refuse a message");
}
