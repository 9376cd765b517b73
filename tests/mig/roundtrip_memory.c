/* SPDX-License-Identifier: BSD-2-Clause */
/* Round trips of memory and of arrays of rights, and of what else is not a plain value. */
#include "roundtrip.h"
#include "roundtrip_transport.h"

#include <stdlib.h>
#include <string.h>

#include "sample.h"

static kern_return_t failed_with; /* what call_failed() was told */

void call_failed(kern_return_t result)
{
    failed_with = result;
}

kern_return_t told(void)
{
    kern_return_t result = failed_with;

    failed_with = KERN_SUCCESS;
    return result;
}

kern_return_t try_memory_in(bool *good)
{
    static uint8_t kept[300] = {1, 2, 3};
    static int32_t copied[] = {1 << 20};
    static point_t places[] = {{.x = 1 << 21, .y = 0}, {.x = 0, .y = 1 << 22}};
    static four_t quad = {{(int64_t)1 << 40, 0, 0, (int64_t)1 << 41}};
    uint8_t *given = calloc(1, 5), *either = calloc(1, 6);
    int64_t sum = 0;

    given[4] = 10;
    either[5] = 20;
    kern_return_t result =
        call_memory_in(SERVER, kept, 300, given, 5, either, 6, TRUE, copied, 1, places, 2, &quad, 100, &sum);
    *good = sum == ((1 + 2 + 3 + 10 + 20 + 100 + TRUE) ^ (1 << 20) ^ (1 << 21) ^ (1 << 22) ^
                    ((int64_t)1 << 40) ^ ((int64_t)1 << 41));
    return result;
}

static kern_return_t try_memory_out(bool *good)
{
    memory_t data = NULL;
    bounded_t numbers = NULL;
    places_t places = NULL;
    block_t block = NULL;
    mach_msg_type_number_t dataCnt = 0, numbersCnt = 3, placesCnt = 0;
    int32_t after = 0;
    kern_return_t result = call_memory_out(SERVER, 1000, &data, &dataCnt, &numbers, &numbersCnt, &places,
                                           &placesCnt, &block, &after);

    if (result != KERN_SUCCESS)
        return result;
    *good = dataCnt == 1000 && data[999] == (uint8_t)1000 && numbersCnt == 3 && numbers[2] == 9 &&
            placesCnt == 1 && places[0].y == 5 && block->part[3] == 4 && after == 4712;
    mig_deallocate((vm_address_t)data, dataCnt);
    mig_deallocate((vm_address_t)numbers, numbersCnt * sizeof(*numbers));
    mig_deallocate((vm_address_t)places, placesCnt * sizeof(*places));
    mig_deallocate((vm_address_t)block, sizeof(*block));
    return result;
}

static kern_return_t try_memory_inout(bool *good)
{
    uint8_t *memory = calloc(1, 3);
    memory_t data = memory;
    mach_msg_type_number_t dataCnt = 3;
    kern_return_t result;

    memory[2] = 9;
    result = call_memory_inout(SERVER, &data, &dataCnt);
    *good = false;
    if (result == KERN_SUCCESS) {
        *good = dataCnt == 6 && data[4] == 9 && data[5] == 9 && data[3] == 0;
        mig_deallocate((vm_address_t)data, dataCnt);
    }
    return result;
}

static kern_return_t try_memory_here(bool *good)
{
    uint8_t room[64] = {0};
    mach_msg_type_number_t count = sizeof(room);
    kern_return_t result = call_memory_here(SERVER, 50, room, &count);

    *good = count == 50 && room[49] == 50 && room[50] == 0;
    return result;
}

kern_return_t try_rights_in(bool *good)
{
    mach_port_t rights[] = {1, 2, 3}, few[] = {9};
    pair_t pair = {4, 5};
    mach_port_t any[] = {7, 8};
    mach_port_t *many = malloc(sizeof(*many));
    uint32_t sum = 0;

    many[0] = 6;
    kern_return_t result = call_rights_in(SERVER, rights, 3, pair, many, 1, any, MACH_MSG_TYPE_MOVE_RECEIVE,
                                          2, few, MACH_MSG_TYPE_MAKE_SEND_ONCE, 1, &sum);
    *good = sum == 45 + (MACH_MSG_TYPE_PORT_RECEIVE << 16) + (MACH_MSG_TYPE_PORT_SEND_ONCE << 24);
    return result;
}

static kern_return_t try_rights_out(bool *good)
{
    mach_port_t rights[4] = {0}, few[3] = {0};
    pair_t pair = {0};
    many_t many = NULL;
    mach_msg_type_number_t rightsCnt = 2, manyCnt = 0, fewCnt = 0;
    mach_msg_type_name_t fewPoly = 0;
    kern_return_t result =
        call_rights_out(SERVER, 3, rights, &rightsCnt, pair, &many, &manyCnt, few, &fewPoly, &fewCnt);

    if (result != KERN_SUCCESS)
        return result;
    *good = rightsCnt == 2 && rights[1] == 11 && rights[2] == 0 && pair[1] == 21 && manyCnt == 3 &&
            many[2] == 32 && fewCnt == 3 && few[2] == 42 && fewPoly == MACH_MSG_TYPE_PORT_SEND_ONCE;
    mig_deallocate((vm_address_t)many, manyCnt * sizeof(*many));
    return result;
}

static kern_return_t try_rights_inout(bool *good)
{
    mach_port_t right = 10, any = 20, handle = 31;
    mach_msg_type_name_t anyPoly = MACH_MSG_TYPE_MOVE_RECEIVE;
    mach_port_t rights[4] = {40, 41, 42};
    mach_msg_type_number_t rightsCnt = 3;
    kern_return_t result = call_rights_inout(SERVER, &right, &any, &anyPoly, rights, &rightsCnt, &handle);

    *good = right == 11 && any == 21 && anyPoly == MACH_MSG_TYPE_PORT_RECEIVE && rightsCnt == 2 &&
            rights[0] == 41 && rights[1] == 41 && rights[2] == 42 && handle == 301;
    return result;
}

kern_return_t try_same_count(bool *good)
{
    uint32_t words[] = {1, 2, 3}, words_out[6] = {0};
    int64_t wides[] = {16, 17, 18};
    mach_port_t rights[] = {4, 5, 6}, rights_out[4] = {0};
    point_t memory[] = {{.x = 32}, {.x = 64}, {.x = 128}};
    uint8_t bytes[10] = {0};
    mach_msg_type_number_t count = 0;
    kern_return_t result =
        call_same_count(SERVER, words, 3, wides, rights, memory, bytes, &count, words_out, rights_out);

    *good =
        count == 3 && bytes[2] == 3 && words_out[2] == (128 ^ 18) && rights_out[2] == 6 && rights_out[3] == 0;
    return result;
}

static kern_return_t try_translated(bool *good)
{
    int32_t both = 300, out = 0;
    kern_return_t result = call_translated(SERVER, 280, &both, &out);

    *good = out == 280 && both == ((300 - 273) ^ 1) + 273;
    return result;
}

static kern_return_t try_old_text(bool *good)
{
    old_text_t text = "old", text_out = "";
    kern_return_t result = call_old_text(SERVER, text, text_out);

    *good = strcmp(text_out, "old") == 0;
    return result;
}

static kern_return_t try_patient(bool *good)
{
    kern_return_t result = call_patient(SERVER, 1000, 3);

    *good = transport_last_option == (MACH_SEND_MSG | MACH_RCV_MSG | MACH_SEND_TIMEOUT);
    return result;
}

static kern_return_t try_add(bool *good)
{
    int32_t sum = 0;

    call_tell(SERVER, 40);
    call_add(SERVER, 2, &sum);
    *good = sum == 42;
    return told();
}

static kern_return_t try_tell(bool *good)
{
    call_tell(SERVER, 7);
    *good = true;
    return told();
}

static kern_return_t try_twice(bool *good)
{
    *good = call_twice(SERVER, 21) == 42;
    return told();
}

static kern_return_t try_handle_of(bool *good)
{
    *good = call_handle_of(SERVER, 2) == 302;
    return told();
}

const struct roundtrip_routine roundtrip_memory_routines[] = {
    {"memory_in", try_memory_in, 9018, false},
    {"memory_out", try_memory_out, 9019, false},
    {"memory_inout", try_memory_inout, 9020, false},
    {"memory_here", try_memory_here, 9021, false},
    {"rights_in", try_rights_in, 9022, false},
    {"rights_out", try_rights_out, 9023, false},
    {"rights_inout", try_rights_inout, 9024, false},
    {"same_count", try_same_count, 9025, false},
    {"translated", try_translated, 9026, false},
    {"old_text", try_old_text, 9029, false},
    {"patient", try_patient, 9030, false},
    {"add", try_add, 9031, false},
    {"tell", try_tell, 9032, true},
    {"twice", try_twice, 9033, false},
    {"handle_of", try_handle_of, 9034, false},
    {NULL, NULL, 0, false},
};
