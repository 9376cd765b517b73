/* SPDX-License-Identifier: BSD-2-Clause */
/* Delta debugging of scripts. */
#include "property.h"

#include <string.h>

struct shrink {
    struct model_op *ops;
    uint32_t count;
    bool (*fails)(const struct model_op *ops, uint32_t count, void *arg);
    void *arg;
};

/* Leave out `length` operations from `first` on, if the rest still fails. */
static bool drop(struct shrink *s, uint32_t first, uint32_t length)
{
    struct model_op shorter[MODEL_SCRIPT_MAX];

    memcpy(shorter, s->ops, first * sizeof(*shorter));
    memcpy(shorter + first, s->ops + first + length, (s->count - first - length) * sizeof(*shorter));
    if (!s->fails(shorter, s->count - length, s->arg))
        return false;
    s->count -= length;
    memcpy(s->ops, shorter, s->count * sizeof(*shorter));
    return true;
}

static bool drop_chunks(struct shrink *s, uint32_t length)
{
    bool dropped = false;

    for (uint32_t end = s->count; end > 0 && s->count > 1;) { /* from the end: what was built on goes last */
        const uint32_t first = end > length ? end - length : 0;
        if (end - first < s->count && drop(s, first, end - first))
            dropped = true;
        end = first;
    }
    return dropped;
}

/* Make one byte of an operation 0, if the script still fails: of slots the first, of kinds the usual one. */
static bool plain_byte(struct shrink *s, uint32_t position, uint32_t byte)
{
    uint8_t *bytes = (uint8_t *)&s->ops[position];
    const uint8_t was = bytes[byte];

    if (was == 0)
        return false;
    bytes[byte] = 0;
    if (s->fails(s->ops, s->count, s->arg))
        return true;
    bytes[byte] = was;
    return false;
}

static bool plain_arguments(struct shrink *s)
{
    bool changed = false;

    for (uint32_t i = 0; i < s->count; i++) {
        for (uint32_t byte = offsetof(struct model_op, slot); byte < MODEL_OP_BYTES; byte++)
            changed |= plain_byte(s, i, byte);
    }
    return changed;
}

uint32_t property_shrink(struct model_op *ops, uint32_t count,
                         bool (*fails)(const struct model_op *ops, uint32_t count, void *arg), void *arg)
{
    struct shrink s = {.ops = ops, .count = count, .fails = fails, .arg = arg};
    bool changed;

    do {
        changed = false;
        for (uint32_t length = s.count / 2; length >= 1; length /= 2)
            changed |= drop_chunks(&s, length);
        changed |= plain_arguments(&s);
    } while (changed);
    return s.count;
}
