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

typedef uint8_t *memory_t;
typedef int32_t *bounded_t;
typedef point_t *places_t;
typedef struct {
    int64_t part[4];
} four_t;
typedef four_t *block_t;
typedef mach_port_t *rights_t;
typedef mach_port_t pair_t[2];
typedef mach_port_t *many_t;
typedef mach_port_t *any_many_t;
typedef mach_port_t *any_few_t;
typedef int32_t kelvin_t;
typedef char old_text_t[12];

/* What the server's routines see of a temperature: no accident of C makes it one of the other kind. */
typedef struct {
    int32_t degrees;
} celsius_t;

celsius_t celsius_of_kelvin(kelvin_t kelvin);
kelvin_t kelvin_of_celsius(celsius_t celsius);

struct handle {
    mach_port_t port;
    int references;
};
typedef struct handle *handle_t;

handle_t sample_handle_of_port(mach_port_t port);
handle_t sample_handle_of_label(mach_port_context_t label);
mach_port_t sample_port_of_handle(handle_t handle);
void sample_handle_release(handle_t handle);

#endif
