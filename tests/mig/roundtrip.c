/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Round trips through the generated stubs of sample.defs: every kind of argument there and back, then every
 * message broken in every way that the stubs promise to notice.
 */
#include "roundtrip.h"
#include "roundtrip_transport.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "sample.h"

static unsigned test_number;
static unsigned test_failures;

void check(bool condition, const char *what)
{
    test_number++;
    test_failures += !condition;
    printf("%sok %u - %s\n", condition ? "" : "not ", test_number, what);
}

#define ROUTINES_MAX 64

static struct roundtrip_routine routines[ROUTINES_MAX];
static unsigned routine_count;

static void collect_routines(void)
{
    for (unsigned i = 0; roundtrip_plain_routines[i].name != NULL; i++)
        routines[routine_count++] = roundtrip_plain_routines[i];
    for (unsigned i = 0; roundtrip_memory_routines[i].name != NULL; i++)
        routines[routine_count++] = roundtrip_memory_routines[i];
}

static void __attribute__((noinline)) poison_stack(void)
{
    volatile unsigned char room[4096];

    for (unsigned i = 0; i < sizeof(room); i++)
        room[i] = TRANSPORT_FILL;
}

static void test_good_calls(void)
{
    char what[80];
    bool good;

    for (unsigned i = 0; i < routine_count; i++) {
        kern_return_t result;

        poison_stack();
        result = routines[i].try(&good);
        snprintf(what, sizeof(what), "%s: arguments and results arrive", routines[i].name);
        check(result == KERN_SUCCESS && good, what);
        snprintf(what, sizeof(what), "%s: has id %d", routines[i].name, routines[i].id);
        check(transport_last_request->msgh_id == routines[i].id, what);
        if (routines[i].one_way)
            check(transport_last_result == MIG_NO_REPLY, "no reply to a simpleroutine");
    }
    check(transport_leaks == 0, "no message carries bytes that nobody wrote");
}

/* The change that the hooks make. */
static int resize_by;
static unsigned word_offset;
static uint32_t word_value;

static void resize(mach_msg_header_t *message)
{
    message->msgh_size = (mach_msg_size_t)((int)message->msgh_size + resize_by);
}

static void flip_complex(mach_msg_header_t *message)
{
    message->msgh_bits ^= MACH_MSGH_BITS_COMPLEX;
}

static void set_word(mach_msg_header_t *message)
{
    if (word_offset + 4 <= message->msgh_size)
        memcpy((char *)message + word_offset, &word_value, 4);
}

static void set_id(mach_msg_header_t *message)
{
    message->msgh_id = (mach_msg_id_t)word_value;
}

static void test_broken_requests(void)
{
    char what[80];
    bool good;

    for (unsigned i = 0; i < routine_count; i++) {
        bool refused = true;
        int size;

        transport_on_request = NULL;
        (void)routines[i].try(&good);
        size = (int)transport_last_request->msgh_size;
        transport_on_request = resize;
        for (resize_by = 24 - size; resize_by <= 8; resize_by += 4) {
            if (resize_by == 0)
                continue;
            (void)routines[i].try(&good);
            refused = refused && transport_last_result == MIG_BAD_ARGUMENTS;
        }
        snprintf(what, sizeof(what), "%s: a request of any other size is refused", routines[i].name);
        check(refused, what);
        transport_on_request = flip_complex;
        (void)routines[i].try(&good);
        snprintf(what, sizeof(what), "%s: a request with the wrong complex bit is refused", routines[i].name);
        check(transport_last_result == MIG_BAD_ARGUMENTS, what);
    }
    transport_on_request = NULL;
}

void expect(roundtrip_try_t try, unsigned offset, uint32_t value, kern_return_t result, const char *what)
{
    bool good;

    word_offset = offset;
    word_value = value;
    transport_on_request = set_word;
    (void)try(&good);
    transport_on_request = NULL;
    check(transport_last_result == result, what);
}

static void test_broken_fields(void)
{
    unsigned bytes_count = offsetof(__Request__arrays_t, bytesCnt);
    unsigned second_count = offsetof(__Request__arrays_t, widesCnt) - 4; /* 5 bytes of 10: one word less */
    unsigned descriptor = offsetof(__Request__ports_t, copied) + 8;

    expect(try_arrays, bytes_count, 11, MIG_BAD_ARGUMENTS, "a count above the bound is refused");
    expect(try_arrays, bytes_count, UINT32_MAX, MIG_BAD_ARGUMENTS, "the largest count is refused");
    expect(try_arrays, bytes_count, 9, MIG_BAD_ARGUMENTS, "a count that does not fit the size is refused");
    expect(try_arrays, second_count, 5, MIG_BAD_ARGUMENTS, "a second count above the bound is refused");
    expect(try_arrays, second_count, 0x20000001, MIG_BAD_ARGUMENTS, "a count that overflows is refused");
    expect(try_ports, 24, 2, MIG_BAD_ARGUMENTS, "a wrong number of descriptors is refused");
    expect(try_ports, 24, UINT32_MAX, MIG_BAD_ARGUMENTS, "the largest number of descriptors is refused");
    expect(try_ports, descriptor, MACH_MSG_TYPE_PORT_SEND << 16 | MACH_MSG_OOL_DESCRIPTOR << 24,
           MIG_BAD_ARGUMENTS, "a descriptor of another type is refused");
    expect(try_ports, descriptor, MACH_MSG_TYPE_PORT_RECEIVE << 16, MIG_BAD_ARGUMENTS,
           "a right of another kind is refused");
    expect(try_ports, offsetof(__Request__ports_t, any) + 8, MACH_MSG_TYPE_PORT_NAME << 16, MIG_BAD_ARGUMENTS,
           "a polymorphic argument that is no right is refused");
    expect(try_strings, offsetof(__Request__strings_t, textCnt), 0, MIG_BAD_ARGUMENTS,
           "an empty string is refused");
}

static void unterminated(mach_msg_header_t *message)
{
    memset(((__Request__strings_t *)message)->label, 'x', 16);
}

static void unterminated_text(mach_msg_header_t *message)
{
    __Request__strings_t *request = (__Request__strings_t *)message;

    memset(request->text, 'x', request->textCnt);
}

static void test_ids_and_strings(void)
{
    bool good;

    transport_on_request = unterminated;
    (void)try_strings(&good);
    check(transport_last_result == MIG_BAD_ARGUMENTS, "a fixed string without NUL is refused");
    transport_on_request = unterminated_text;
    (void)try_strings(&good);
    check(transport_last_result == MIG_BAD_ARGUMENTS, "a variable string without NUL is refused");
    transport_on_request = set_id;
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t ids[] = {9001, 8999, 9035, 0x80000000u};

        word_value = ids[i];
        (void)try_nothing(&good);
        check(transport_last_result == MIG_BAD_ID, "an id that no routine has is refused");
    }
    transport_on_request = NULL;
}

static void test_broken_replies(void)
{
    char what[80];
    bool good;

    for (unsigned i = 0; i < routine_count; i++) {
        kern_return_t mismatch, died, complex;
        bool refused = true;

        if (routines[i].one_way)
            continue;
        transport_on_reply = resize;
        for (resize_by = -12; resize_by < 0; resize_by += 4)
            refused = refused && routines[i].try(&good) == MIG_TYPE_ERROR;
        snprintf(what, sizeof(what), "%s: a reply that is too short is refused", routines[i].name);
        check(refused, what);
        transport_on_reply = flip_complex;
        complex = routines[i].try(&good);
        transport_on_reply = set_id;
        word_value = 1;
        mismatch = routines[i].try(&good);
        word_value = MACH_NOTIFY_SEND_ONCE;
        died = routines[i].try(&good);
        transport_on_reply = NULL;
        snprintf(what, sizeof(what), "%s: replies of other kinds are refused", routines[i].name);
        check(complex == MIG_TYPE_ERROR && mismatch == MIG_REPLY_MISMATCH && died == MIG_SERVER_DIED, what);
    }
}

static void test_trailers(void)
{
    uint32_t sum = 0;

    transport_trailer_size = sizeof(mach_msg_max_trailer_t);
    check(call_who(SERVER, &sum) == KERN_SUCCESS && sum == 1105, "what the trailer says reaches the routine");
    transport_trailer_size = sizeof(mach_msg_security_trailer_t);
    check(call_who(SERVER, &sum) == MIG_TRAILER_ERROR, "a trailer that says too little is refused");
    transport_trailer_size = 0;
}

static void test_results(void)
{
    uint8_t bytes[11] = {0};
    int64_t wides[4];
    point_t points[5];
    vector_t fixed;
    int32_t value = 0;
    int64_t total;
    mach_msg_type_number_t bytesCnt = 2, widesCnt = 1, pointsCnt = 5;

    check(call_fails(SERVER, KERN_NO_SPACE, &value) == KERN_NO_SPACE && value == 0,
          "an error comes back, a result does not");
    check(call_fails(SERVER, KERN_SUCCESS, &value) == KERN_SUCCESS && value == 1, "no error, and the result");
    check(call_fails(SERVER, MIG_NO_REPLY, &value) == MACH_RCV_TIMED_OUT, "MIG_NO_REPLY: no reply");
    check(call_arrays(SERVER, bytes, 11, 0, wides, 0, (uint32_t *)wides, 0, &total) == MIG_ARRAY_TOO_LARGE,
          "the client refuses an array that is too long");
    check(call_out_arrays(SERVER, 5, bytes, &bytesCnt, wides, &widesCnt, &value, points, &pointsCnt, fixed) ==
                  KERN_SUCCESS &&
              bytesCnt == 2 && widesCnt == 1 && pointsCnt == 5,
          "the server heeds the client's room");
    bytesCnt = 2;
    word_offset = offsetof(__Request__out_arrays_t, bytesCnt);
    word_value = 10;
    transport_on_request = set_word;
    check(call_out_arrays(SERVER, 5, bytes, &bytesCnt, wides, &widesCnt, &value, points, &pointsCnt, fixed) ==
              MIG_ARRAY_TOO_LARGE,
          "the client refuses more than it has room for");
    transport_on_request = NULL;
}

/* No value of any word may lead a stub astray: AddressSanitizer is the judge. */
static void test_any_words(transport_hook_t *hook, const char *what)
{
    static const uint32_t values[] = {0, 1, 5, 0x7fffffff, 0x80000000u, 0xfffffff0u, UINT32_MAX};
    bool good;

    *hook = set_word;
    for (unsigned i = 0; i < routine_count; i++)
        for (word_offset = 24; word_offset < 200; word_offset += 4)
            for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
                word_value = values[v];
                (void)routines[i].try(&good);
            }
    *hook = NULL;
    check(true, what);
}

int main(void)
{
    collect_routines();
    test_good_calls();
    test_broken_requests();
    test_broken_fields();
    test_ids_and_strings();
    test_broken_replies();
    test_results();
    test_trailers();
    test_memory();
    test_any_words(&transport_on_request, "any word in a request");
    test_any_words(&transport_on_reply, "any word in a reply");
    check(transport_destroyed > 0, "refused replies with rights are destroyed");
    printf("1..%u\n", test_number);
    return test_failures == 0 ? 0 : 1;
}
