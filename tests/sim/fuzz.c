/* SPDX-License-Identifier: BSD-2-Clause */
/* Inputs: what runs them, and what they say. */
#include "fuzz.h"

#include "fuzz_program.h"
#include "property.h"

#include <stdio.h>
#include <string.h>

static const char *run_model(const uint8_t *data, size_t size)
{
    static struct property_result result;
    struct model_op ops[MODEL_SCRIPT_MAX];
    uint32_t count = 0;

    for (size_t at = FUZZ_HEADER; at + MODEL_OP_BYTES <= size && count < FUZZ_OPS_MAX; at += MODEL_OP_BYTES)
        ops[count++] = model_op_decode(data + at);
    if (count == 0)
        return NULL;
    result = property_run(ops, count, data[2], 1 + data[1] % 2);
    return result.failed ? result.text : NULL;
}

static uint32_t decode(const uint8_t *data, size_t size, struct fuzz_op *ops)
{
    uint32_t count = 0;

    for (size_t at = FUZZ_HEADER; at + sizeof(*ops) <= size && count < FUZZ_OPS_MAX; at += sizeof(*ops)) {
        memcpy(&ops[count], data + at, sizeof(*ops));
        ops[count].code %= FUZZ_CODES;
        ops[count].stream %= FUZZ_STREAMS;
        count++;
    }
    return count;
}

const char *fuzz_run(const uint8_t *data, size_t size)
{
    struct fuzz_op ops[FUZZ_OPS_MAX];

    if (size < FUZZ_HEADER)
        return NULL;
    if (data[0] & FUZZ_MODEL)
        return run_model(data, size);
    const uint32_t count = decode(data, size, ops);
    return count > 0 ? fuzz_program_run(ops, count, data[1], data[2], data[0] >> 1) : NULL;
}

void fuzz_print(const uint8_t *data, size_t size)
{
    static const char *const names[FUZZ_CODES] = {"trap",   "message",   "bytes",  "service", "rpc",
                                                  "memory", "exception", "thread", "pager"};
    struct fuzz_op ops[FUZZ_OPS_MAX];
    char text[256];

    if (size >= FUZZ_HEADER && (data[0] & FUZZ_MODEL) != 0) {
        for (size_t at = FUZZ_HEADER; at + MODEL_OP_BYTES <= size; at += MODEL_OP_BYTES) {
            const struct model_op op = model_op_decode(data + at);
            model_op_print(&op, text, sizeof(text));
            printf("  %s\n", text);
        }
        return;
    }
    const uint32_t count = size >= FUZZ_HEADER ? decode(data, size, ops) : 0;
    for (uint32_t i = 0; i < count; i++) {
        printf("  thread %u: %s", ops[i].stream, names[ops[i].code]);
        for (uint32_t k = 0; k < FUZZ_OPERANDS; k++)
            printf(" %u", ops[i].a[k]);
        printf("\n");
    }
}
