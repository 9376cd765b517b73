/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More routines of sample.defs: those with memory, arrays of rights and what else is new since Mach 2.5.  As in
 * roundtrip_server.c, each takes any value.  Memory that a routine was given it gives back.
 */
#include <stdlib.h>
#include <string.h>

#include "sample_server.h"

celsius_t celsius_of_kelvin(kelvin_t kelvin)
{
    return (celsius_t){(int32_t)((uint32_t)kelvin - 273u)};
}

kelvin_t kelvin_of_celsius(celsius_t celsius)
{
    return (kelvin_t)((uint32_t)celsius.degrees + 273u);
}

static void give_back(const void *memory, size_t size)
{
    if (size > 0)
        mig_deallocate((vm_address_t)memory, size);
}

/* Memory that holds 1, 2, 3 ...; NULL for none. */
static uint8_t *count_up(mach_msg_type_number_t length)
{
    uint8_t *memory = length > 0 ? malloc(length) : NULL;

    for (mach_msg_type_number_t i = 0; i < length; i++)
        memory[i] = (uint8_t)(i + 1);
    return memory;
}

static int64_t sum_bytes(const uint8_t *memory, mach_msg_type_number_t count)
{
    int64_t sum = 0;

    for (mach_msg_type_number_t i = 0; i < count; i++)
        sum += memory[i];
    give_back(memory, count);
    return sum;
}

kern_return_t do_memory_in(mach_port_t server, memory_t kept, mach_msg_type_number_t keptCnt, memory_t given,
                           mach_msg_type_number_t givenCnt, memory_t either, mach_msg_type_number_t eitherCnt,
                           bounded_t copied, mach_msg_type_number_t copiedCnt, places_t places,
                           mach_msg_type_number_t placesCnt, boolean_t placesSCopy, block_t block,
                           int32_t number, int64_t *sum)
{
    (void)server;
    *sum = (int64_t)number + placesSCopy + sum_bytes(kept, keptCnt) + sum_bytes(given, givenCnt) +
           sum_bytes(either, eitherCnt);
    for (mach_msg_type_number_t i = 0; i < copiedCnt; i++)
        *sum ^= copied[i];
    for (mach_msg_type_number_t i = 0; i < placesCnt; i++)
        *sum ^= places[i].x ^ places[i].y;
    *sum ^= block->part[0] ^ block->part[3];
    give_back(copied, copiedCnt * sizeof(*copied));
    give_back(places, placesCnt * sizeof(*places));
    give_back(block, sizeof(*block));
    return KERN_SUCCESS;
}

kern_return_t do_memory_out(mach_port_t server, uint32_t length, memory_t *data,
                            mach_msg_type_number_t *dataCnt, bounded_t *numbers,
                            mach_msg_type_number_t *numbersCnt, places_t *places,
                            mach_msg_type_number_t *placesCnt, boolean_t *placesDealloc, block_t *block,
                            int32_t *after)
{
    static int32_t all_numbers[1000] = {7, 8, 9};
    static four_t quad = {{1, 2, 3, 4}};

    (void)server;
    length %= 4096;
    *data = count_up(length);
    *dataCnt = length;
    *numbers = all_numbers;
    *numbersCnt = length < *numbersCnt ? length : *numbersCnt;
    *placesDealloc = length > 1;
    *placesCnt = length > 1;
    *places = length > 1 ? calloc(1, sizeof(point_t)) : NULL;
    if (length > 1)
        (*places)->y = 5;
    *block = &quad;
    *after = 4712;
    return KERN_SUCCESS;
}

kern_return_t do_memory_inout(mach_port_t server, memory_t *data, mach_msg_type_number_t *dataCnt)
{
    mach_msg_type_number_t count = *dataCnt;
    uint8_t *twice = count > 0 && count < 100000 ? malloc(2 * (size_t)count) : NULL;

    (void)server;
    if (twice == NULL && count > 0)
        return KERN_INVALID_ARGUMENT;
    for (mach_msg_type_number_t i = 0; i < 2 * count; i++)
        twice[i] = (*data)[i / 2];
    give_back(*data, count);
    *data = twice;
    *dataCnt = 2 * count;
    return KERN_SUCCESS;
}

kern_return_t do_memory_here(mach_port_t server, uint32_t length, memory_t *data,
                             mach_msg_type_number_t *dataCnt)
{
    (void)server;
    *dataCnt = length % 4096;
    *data = count_up(*dataCnt);
    return KERN_SUCCESS;
}

static uint32_t sum_ports(const mach_port_t *port, mach_msg_type_number_t count)
{
    uint32_t sum = 0;

    for (mach_msg_type_number_t i = 0; i < count; i++)
        sum += port[i];
    return sum;
}

kern_return_t do_rights_in(mach_port_t server, rights_t rights, mach_msg_type_number_t rightsCnt, pair_t pair,
                           many_t many, mach_msg_type_number_t manyCnt, any_many_t any,
                           mach_msg_type_name_t anyPoly, mach_msg_type_number_t anyCnt, any_few_t few,
                           mach_msg_type_name_t fewPoly, mach_msg_type_number_t fewCnt, uint32_t *sum)
{
    (void)server;
    *sum = sum_ports(rights, rightsCnt) + sum_ports(pair, 2) + sum_ports(many, manyCnt) +
           sum_ports(any, anyCnt) + sum_ports(few, fewCnt) + (anyPoly << 16) + (fewPoly << 24);
    give_back(many, manyCnt * sizeof(*many));
    give_back(any, anyCnt * sizeof(*any));
    return KERN_SUCCESS;
}

kern_return_t do_rights_out(mach_port_t server, uint32_t number, rights_t rights,
                            mach_msg_type_number_t *rightsCnt, pair_t pair, many_t *many,
                            mach_msg_type_number_t *manyCnt, any_few_t few, mach_msg_type_name_t *fewPoly,
                            mach_msg_type_number_t *fewCnt)
{
    (void)server;
    number %= 1000;
    *rightsCnt = number < *rightsCnt ? number : *rightsCnt;
    for (mach_msg_type_number_t i = 0; i < *rightsCnt; i++)
        rights[i] = 10 + i;
    pair[0] = 20;
    pair[1] = 21;
    *manyCnt = number;
    *many = number > 0 ? malloc(number * sizeof(mach_port_t)) : NULL;
    for (mach_msg_type_number_t i = 0; i < number; i++)
        (*many)[i] = 30 + i;
    *fewPoly = MACH_MSG_TYPE_MAKE_SEND_ONCE;
    *fewCnt = number < *fewCnt ? number : *fewCnt;
    for (mach_msg_type_number_t i = 0; i < *fewCnt; i++)
        few[i] = 40 + i;
    return KERN_SUCCESS;
}

kern_return_t do_rights_inout(mach_port_t server, mach_port_t *right, mach_port_t *any,
                              mach_msg_type_name_t *anyPoly, rights_t rights,
                              mach_msg_type_number_t *rightsCnt, handle_t *handle)
{
    (void)server;
    *right += 1;
    *any += 1;
    *anyPoly = *anyPoly == MACH_MSG_TYPE_PORT_RECEIVE ? MACH_MSG_TYPE_MOVE_RECEIVE : MACH_MSG_TYPE_COPY_SEND;
    if (*rightsCnt > 0)
        *rightsCnt -= 1;
    if (*rightsCnt > 0)
        rights[0] += 1;
    /* The object came with a reference, and the one that goes out needs one: it is the same. */
    sample_handle_release(*handle);
    return KERN_SUCCESS;
}

kern_return_t do_same_count(mach_port_t server, words_t words, mach_msg_type_number_t wordsCnt, wides_t wides,
                            rights_t rights, places_t memory, bytes_t bytes, mach_msg_type_number_t *bytesCnt,
                            words_t words_out, rights_t rights_out)
{
    (void)server;
    *bytesCnt = wordsCnt;
    for (mach_msg_type_number_t i = 0; i < wordsCnt; i++) {
        bytes[i] = (uint8_t)words[i];
        words_out[i] = (uint32_t)wides[i] ^ (uint32_t)memory[i].x;
        rights_out[i] = rights[i];
    }
    give_back(memory, wordsCnt * sizeof(*memory));
    return KERN_SUCCESS;
}

kern_return_t do_translated(mach_port_t server, celsius_t kelvin, celsius_t *both, celsius_t *result)
{
    (void)server;
    *result = kelvin;
    both->degrees ^= 1;
    return KERN_SUCCESS;
}

kern_return_t do_labelled(handle_t server, uint32_t *which)
{
    *which = server->port;
    return KERN_SUCCESS;
}

kern_return_t do_tokens(mach_port_t server, security_token_t sender, mach_port_context_t label, uint64_t *sum)
{
    (void)server;
    *sum = sender.val[0] + label;
    return KERN_SUCCESS;
}

kern_return_t do_old_text(mach_port_t server, old_text_t text, old_text_t text_out)
{
    (void)server;
    memcpy(text_out, text, strlen(text) + 1);
    return KERN_SUCCESS;
}

kern_return_t do_patient(mach_port_t server, int32_t number)
{
    (void)server;
    return number == 3 ? KERN_SUCCESS : KERN_INVALID_VALUE;
}

static int32_t told;

void do_add(mach_port_t server, int32_t number, int32_t *sum)
{
    (void)server;
    *sum = told ^ number;
}

void do_tell(mach_port_t server, int32_t number)
{
    (void)server;
    told = number;
}

int32_t do_twice(mach_port_t server, int32_t number)
{
    (void)server;
    return (int32_t)(2u * (uint32_t)number);
}

handle_t do_handle_of(mach_port_t server, int32_t number)
{
    (void)server;
    return sample_handle_of_label((mach_port_context_t)(uint32_t)number % 3 + 1);
}
