/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer on the generated stubs, of the server and of the client.  An input chooses a routine and changes its request
 * or its reply on the way: AddressSanitizer sees every access beyond a message or its memory, and whatever happens,
 * all memory must be given back.
 *
 *   byte 0   routine; byte 1: bit 0: the reply; the rest: words by which the message is longer or shorter, signed
 *   then, 5 bytes each: a word of the message, and its new value
 */
#include "roundtrip.h"
#include "roundtrip_transport.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTINES_MAX 64u
#define CHANGE_BYTES 5u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static roundtrip_try_t tries[ROUTINES_MAX];
static unsigned try_count;

static const uint8_t *changes;
static size_t changes_size;
static int words_more;

static void collect(const struct roundtrip_routine *routine)
{
    for (; routine->name != NULL; routine++)
        tries[try_count++] = routine->try;
}

static void change(mach_msg_header_t *message)
{
    int size = (int)message->msgh_size + 4 * words_more;

    for (size_t i = 0; i + CHANGE_BYTES <= changes_size; i += CHANGE_BYTES) {
        size_t offset = 4 * (size_t)changes[i];
        if (offset + 4 > message->msgh_size)
            continue;
        /* The kernel writes the size itself, so it is right. */
        if (offset != offsetof(mach_msg_header_t, msgh_size))
            memcpy((char *)message + offset, &changes[i + 1], 4);
    }
    if (size >= (int)sizeof(*message) && size <= TRANSPORT_SIZE_MAX)
        message->msgh_size = (mach_msg_size_t)size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool good;

    if (try_count == 0) {
        collect(roundtrip_plain_routines);
        collect(roundtrip_memory_routines);
    }
    if (size < 2)
        return 0;
    words_more = (int)(int8_t)data[1] / 2;
    changes = data + 2;
    changes_size = size - 2;
    transport_on_request = data[1] & 1 ? NULL : change;
    transport_on_reply = data[1] & 1 ? change : NULL;
    transport_trailer_size = sizeof(mach_msg_max_trailer_t);
    (void)tries[data[0] % try_count](&good);
    if (transport_memory != 0) {
        fprintf(stderr, "%d pieces of memory lost\n", transport_memory);
        abort();
    }
    return 0;
}
