/* SPDX-License-Identifier: BSD-2-Clause */
/* Round trips of plain values, strings and single rights. */
#include "roundtrip.h"
#include "roundtrip_transport.h"

#include <string.h>

#include "sample.h"

static kern_return_t try_scalars(bool *good)
{
    uint64_t counter = (uint64_t)1 << 33;
    uint16_t half = 0;
    int64_t sum = 0;
    kern_return_t result = call_scalars(SERVER, -3, (int64_t)1 << 35, &counter, &half, &sum);

    *good = counter == ((uint64_t)1 << 33) + SERVER && half == 0x1234 && sum == ((int64_t)1 << 35) - 3;
    return result;
}

static kern_return_t try_structs(bool *good)
{
    wide_point_t wide = {.x = 5, .y = -6};
    mixed_t mixed = {0};
    point_t swapped = {0};
    kern_return_t result =
        call_structs(SERVER, (point_t){.x = 1, .y = 2}, (rgb_t){1, 2, 3}, &wide, &mixed, &swapped);

    *good = wide.x == ~5 && wide.y == -6 && mixed.kind == 3 && mixed.value == (int64_t)1 << 40 &&
            swapped.x == 2 && swapped.y == 1;
    return result;
}

static kern_return_t try_fixed_arrays(bool *good)
{
    vector_t vector = {1, 2, 3}, both = {10, 20, 30}, doubled = {0};
    wide_vector_t wide = {1, 2, (int64_t)1 << 40}, wide_doubled = {0};
    kern_return_t result = call_fixed_arrays(SERVER, vector, wide, both, doubled, wide_doubled);

    *good = doubled[2] == ~3 && both[0] == 11 && both[2] == 31 && wide_doubled[2] == ~((int64_t)1 << 40);
    return result;
}

kern_return_t try_arrays(bool *good)
{
    uint8_t bytes[] = {1, 2, 3, 4, 5};
    int64_t wides[] = {(int64_t)1 << 40, 1};
    uint32_t words[] = {7, 8, 9};
    int64_t total = 0;
    kern_return_t result = call_arrays(SERVER, bytes, 5, 1000, wides, 2, words, 3, &total);

    *good = total == (1000 ^ 1 ^ 2 ^ 3 ^ 4 ^ 5 ^ ((int64_t)1 << 40) ^ 1 ^ 7 ^ 8 ^ 9);
    return result;
}

static kern_return_t try_out_arrays(bool *good)
{
    uint8_t bytes[10];
    int64_t wides[4];
    point_t points[5];
    vector_t fixed = {0};
    int32_t after = 0;
    mach_msg_type_number_t bytesCnt = 10, widesCnt = 4, pointsCnt = 5;
    kern_return_t result =
        call_out_arrays(SERVER, 3, bytes, &bytesCnt, wides, &widesCnt, &after, points, &pointsCnt, fixed);

    *good = bytesCnt == 3 && widesCnt == 3 && pointsCnt == 3 && bytes[2] == 3 &&
            wides[2] == ((int64_t)1 << 40) + 2 && points[2].y == -2 && after == 4711 && fixed[2] == 1002;
    return result;
}

static kern_return_t try_inout_arrays(bool *good)
{
    uint32_t words[6] = {1, 2, 3};
    int64_t wides[4] = {4, 5};
    mach_msg_type_number_t wordsCnt = 3, widesCnt = 2;
    kern_return_t result = call_inout_arrays(SERVER, words, &wordsCnt, wides, &widesCnt);

    *good = wordsCnt == 2 && words[1] == 3 && widesCnt == 2 && wides[1] == ~5;
    return result;
}

kern_return_t try_strings(bool *good)
{
    label_t label = "label", label_out = "";
    text_t text = "a longer text", text_out = "";
    uint32_t length = 0;
    kern_return_t result = call_strings(SERVER, label, text, label_out, text_out, &length);

    *good = strcmp(label, label_out) == 0 && strcmp(text, text_out) == 0 && length == 18;
    return result;
}

kern_return_t try_ports(bool *good)
{
    mach_port_t moved = 0, any_out = 0;
    mach_msg_type_name_t any_outPoly = 0;
    int32_t number_out = 0;
    kern_return_t result = call_ports(SERVER, 10, 20, 30, MACH_MSG_TYPE_MOVE_RECEIVE, 40, &moved, &any_out,
                                      &any_outPoly, &number_out);

    *good = moved == 30 && any_out == 30 && any_outPoly == MACH_MSG_TYPE_PORT_SEND && number_out == ~40;
    return result;
}

static kern_return_t try_ports_only(bool *good)
{
    mach_port_t port_out = 0;
    kern_return_t result = call_ports_only(SERVER, 11, MACH_MSG_TYPE_MAKE_SEND, &port_out);

    *good = port_out == 111;
    return result;
}

static kern_return_t try_handles(bool *good)
{
    mach_port_t answer = 0;
    kern_return_t result = call_handles(SERVER, 200, &answer);

    *good = answer == 302;
    return result;
}

static kern_return_t try_one_way(bool *good)
{
    uint8_t bytes[] = {1, 2};

    *good = true;
    return call_one_way(SERVER, 2, bytes, 2);
}

static kern_return_t try_second_first(bool *good)
{
    int32_t doubled = 0;
    kern_return_t result = call_second_first(21, SERVER, &doubled);

    *good = doubled == ~21;
    return result;
}

static kern_return_t try_explicit_reply(bool *good)
{
    int32_t doubled = 0;
    kern_return_t result = call_explicit_reply(SERVER, 55, 10, MACH_RCV_INTERRUPT, 8, &doubled);

    *good = doubled == ~8 && transport_last_reply_port == 55 &&
            transport_last_option == (MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_INTERRUPT | MACH_RCV_TIMEOUT);
    return result;
}

static kern_return_t try_later(bool *good)
{
    *good = true;
    return call_later(SERVER, 56, 9);
}

kern_return_t try_nothing(bool *good)
{
    *good = true;
    return call_nothing(SERVER);
}

const struct roundtrip_routine roundtrip_plain_routines[] = {
    {"scalars", try_scalars, 9000, false},
    {"structs", try_structs, 9002, false},
    {"fixed_arrays", try_fixed_arrays, 9003, false},
    {"arrays", try_arrays, 9004, false},
    {"out_arrays", try_out_arrays, 9005, false},
    {"inout_arrays", try_inout_arrays, 9006, false},
    {"strings", try_strings, 9007, false},
    {"ports", try_ports, 9008, false},
    {"ports_only", try_ports_only, 9009, false},
    {"handles", try_handles, 9010, false},
    {"one_way", try_one_way, 9011, true},
    {"second_first", try_second_first, 9013, false},
    {"explicit_reply", try_explicit_reply, 9014, false},
    {"later", try_later, 9015, true},
    {"nothing", try_nothing, 9016, false},
    {NULL, NULL, 0, false},
};
