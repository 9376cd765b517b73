/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The routines of sample.defs: each makes its results from its arguments, so that the client can tell, and
 * takes any value.
 */
#include <string.h>

#include "sample_server.h"

static struct handle handles[3] = {{.port = 300}, {.port = 301}, {.port = 302}};

handle_t sample_handle_of_port(mach_port_t port)
{
    handle_t handle = &handles[port % 3];

    handle->references++;
    return handle;
}

handle_t sample_handle_of_label(mach_port_context_t label)
{
    handle_t handle = &handles[(label - 1) % 3];

    handle->references++;
    return handle;
}

mach_port_t sample_port_of_handle(handle_t handle)
{
    return handle->port;
}

void sample_handle_release(handle_t handle)
{
    handle->references--;
}

kern_return_t do_scalars(mach_port_t server, int8_t small, int64_t wide, uint64_t *counter, uint16_t *half,
                         int64_t *sum)
{
    *counter += server;
    *half = 0x1234;
    *sum = (int64_t)((uint64_t)small + (uint64_t)wide);
    return KERN_SUCCESS;
}

kern_return_t do_structs(mach_port_t server, point_t point, rgb_t colour, wide_point_t *wide, mixed_t *mixed,
                         point_t *swapped)
{
    (void)server;
    wide->x = ~wide->x;
    memset(mixed, 0, sizeof(*mixed));
    mixed->kind = colour.b;
    mixed->value = (int64_t)colour.r << 40;
    swapped->x = point.y;
    swapped->y = point.x;
    return KERN_SUCCESS;
}

kern_return_t do_fixed_arrays(mach_port_t server, vector_t vector, wide_vector_t wide, vector_t both,
                              vector_t doubled, wide_vector_t wide_doubled)
{
    (void)server;
    for (int i = 0; i < 3; i++) {
        doubled[i] = ~vector[i];
        wide_doubled[i] = ~wide[i];
        both[i] ^= 1;
    }
    return KERN_SUCCESS;
}

kern_return_t do_arrays(mach_port_t server, bytes_t bytes, mach_msg_type_number_t bytesCnt, int32_t between,
                        wides_t wides, mach_msg_type_number_t widesCnt, const words_t words,
                        mach_msg_type_number_t wordsCnt, int64_t *total)
{
    (void)server;
    *total = between;
    for (mach_msg_type_number_t i = 0; i < bytesCnt; i++)
        *total ^= bytes[i];
    for (mach_msg_type_number_t i = 0; i < widesCnt; i++)
        *total ^= wides[i];
    for (mach_msg_type_number_t i = 0; i < wordsCnt; i++)
        *total ^= words[i];
    return KERN_SUCCESS;
}

kern_return_t do_out_arrays(mach_port_t server, uint32_t length, bytes_t bytes,
                            mach_msg_type_number_t *bytesCnt, wides_t wides, mach_msg_type_number_t *widesCnt,
                            int32_t *after, points_t points, mach_msg_type_number_t *pointsCnt,
                            vector_t fixed)
{
    (void)server;
    *bytesCnt = length < *bytesCnt ? length : *bytesCnt;
    *widesCnt = length < *widesCnt ? length : *widesCnt;
    *pointsCnt = length < *pointsCnt ? length : *pointsCnt;
    for (mach_msg_type_number_t i = 0; i < *bytesCnt; i++)
        bytes[i] = (uint8_t)(i + 1);
    for (mach_msg_type_number_t i = 0; i < *widesCnt; i++)
        wides[i] = ((int64_t)1 << 40) + i;
    for (mach_msg_type_number_t i = 0; i < *pointsCnt; i++)
        points[i] = (point_t){.x = (int32_t)i, .y = -(int32_t)i};
    for (int i = 0; i < 3; i++)
        fixed[i] = 1000 + i;
    *after = 4711;
    return KERN_SUCCESS;
}

kern_return_t do_inout_arrays(mach_port_t server, words_t words, mach_msg_type_number_t *wordsCnt,
                              wides_t wides, mach_msg_type_number_t *widesCnt)
{
    (void)server;
    for (mach_msg_type_number_t i = 0; i < *wordsCnt; i++)
        words[i] ^= 1;
    for (mach_msg_type_number_t i = 0; i < *widesCnt; i++)
        wides[i] = ~wides[i];
    if (*wordsCnt > 0)
        *wordsCnt -= 1;
    return KERN_SUCCESS;
}

kern_return_t do_strings(mach_port_t server, label_t label, text_t text, label_t label_out, text_t text_out,
                         uint32_t *length)
{
    (void)server;
    strcpy(label_out, label);
    strcpy(text_out, text);
    *length = (uint32_t)(strlen(label) + strlen(text));
    return KERN_SUCCESS;
}

kern_return_t do_ports(mach_port_t server, mach_port_t copied, mach_port_t made, mach_port_t any,
                       mach_msg_type_name_t anyPoly, int32_t number, mach_port_t *moved, mach_port_t *any_out,
                       mach_msg_type_name_t *any_outPoly, int32_t *number_out)
{
    (void)server;
    *moved = copied + made;
    *any_out = any;
    *any_outPoly = anyPoly == MACH_MSG_TYPE_PORT_RECEIVE ? MACH_MSG_TYPE_MAKE_SEND : MACH_MSG_TYPE_COPY_SEND;
    *number_out = ~number;
    return KERN_SUCCESS;
}

kern_return_t do_ports_only(mach_port_t server, mach_port_t port, mach_port_t *port_out)
{
    *port_out = port + server;
    return KERN_SUCCESS;
}

kern_return_t do_handles(handle_t server, handle_t other, handle_t *result)
{
    if (server->references < 1 || other->references < 1)
        return KERN_FAILURE;
    *result = other;
    return KERN_SUCCESS;
}

kern_return_t do_one_way(mach_port_t server, int32_t value, bytes_t bytes, mach_msg_type_number_t bytesCnt)
{
    (void)server;
    return value == (int32_t)bytesCnt && bytes[0] == 1 ? KERN_SUCCESS : KERN_INVALID_VALUE;
}

kern_return_t do_fails(mach_port_t server, kern_return_t code, int32_t *value)
{
    (void)server;
    *value = 1;
    return code;
}

kern_return_t do_second_first(int32_t number, mach_port_t server, int32_t *doubled)
{
    *doubled = server == 100 ? ~number : 0;
    return KERN_SUCCESS;
}

kern_return_t do_explicit_reply(mach_port_t server, mach_port_t reply, int32_t number, int32_t *doubled)
{
    (void)server;
    *doubled = reply == 55 ? ~number : 0;
    return KERN_SUCCESS;
}

kern_return_t do_later(mach_port_t server, mach_port_t client, int32_t number)
{
    (void)server;
    return client == 56 && number == 9 ? KERN_SUCCESS : KERN_INVALID_VALUE;
}

kern_return_t do_who(mach_port_t server, mach_port_seqno_t number, audit_token_t token, uint32_t *sum)
{
    (void)server;
    *sum = number + token.val[0] + token.val[7];
    return KERN_SUCCESS;
}

kern_return_t do_nothing(mach_port_t server)
{
    (void)server;
    return KERN_SUCCESS;
}
