/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data representation of the inline part of a message, as OSF MIG writes it: 8 bytes ahead of the arguments.
 */
#ifndef MACH_NDR_H
#define MACH_NDR_H

#include <stdint.h>

typedef struct {
    uint8_t mig_vers;
    uint8_t if_vers;
    uint8_t reserved1;
    uint8_t mig_encoding;
    uint8_t int_rep;
    uint8_t char_rep;
    uint8_t float_rep;
    uint8_t reserved2;
} NDR_record_t;

#define NDR_PROTOCOL_2_0 0
#define NDR_INT_BIG_ENDIAN 0
#define NDR_INT_LITTLE_ENDIAN 1
#define NDR_FLOAT_IEEE 0
#define NDR_CHAR_ASCII 0

/* Every ISA of ours is little-endian, with IEEE floating point. */
static const NDR_record_t NDR_record __attribute__((unused)) = {.int_rep = NDR_INT_LITTLE_ENDIAN};

#endif
