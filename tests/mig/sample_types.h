/* SPDX-License-Identifier: BSD-2-Clause */
/* C types of sample.defs. */
#ifndef SAMPLE_TYPES_H
#define SAMPLE_TYPES_H

#include <mach/message.h>

typedef struct {
    int32_t x, y;
} point_t;

typedef struct {
    int64_t x, y;
} wide_point_t;

typedef struct {
    uint8_t r, g, b;
} rgb_t;

typedef struct {
    uint8_t kind;
    int64_t value;
} mixed_t;

typedef int32_t vector_t[3];
typedef int64_t wide_vector_t[3];
typedef uint8_t *bytes_t;
typedef uint32_t *words_t;
typedef int64_t *wides_t;
typedef point_t *points_t;
typedef char label_t[16];
typedef char text_t[20];

struct handle {
    mach_port_t port;
    int references;
};
typedef struct handle *handle_t;

handle_t sample_handle_of_port(mach_port_t port);
mach_port_t sample_port_of_handle(handle_t handle);
void sample_handle_release(handle_t handle);

#endif
