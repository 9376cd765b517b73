/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIM_RACE_RETURNED_H
#define TESTS_SIM_RACE_RETURNED_H

#include <stdbool.h>

/* Pages that leave memory are sent to their pager when the object is not locked any more. */
extern bool race_returned_late;

#endif
