/* SPDX-License-Identifier: BSD-2-Clause */
/* What both sides of hello.defs know. */
#ifndef HELLO_TYPES_H
#define HELLO_TYPES_H

#define HELLO_SERVICE "portolan.hello"

typedef char hello_text_t[80]; /* NUL included */

#endif
