/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared with assembly. */
#ifndef HAL_TEST_DUMP_H
#define HAL_TEST_DUMP_H

#define MACHINE_DUMP 512 /* where user_dump stores, in bytes behind sp */

#endif
