/* SPDX-License-Identifier: BSD-2-Clause */
/* What agree.c reads in the kernel: a call of the kernel's would disturb what is compared. */
#ifndef TESTS_SIM_AGREE_KERNEL_H
#define TESTS_SIM_AGREE_KERNEL_H

#include <stdint.h>

/* The priority with which the calling thread runs. */
uint64_t agree_priority(void);

#endif
