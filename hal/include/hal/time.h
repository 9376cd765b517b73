/* SPDX-License-Identifier: BSD-2-Clause */
/* Time. */
#ifndef HAL_TIME_H
#define HAL_TIME_H

#include <hal/types.h>

#define HAL_TIMER_OFF UINT64_MAX

/* Ticks since some moment before boot; never goes back, agrees between CPUs to within an IPI's latency. */
#define POST_hal_time_now(result, before) ((result) >= (before))
/*@ assigns HAL_CONTRACT->now; ensures POST_hal_time_now(\result, \old(HAL_CONTRACT->now));
    ensures HAL_CONTRACT->now == \result; */
hal_ticks_t hal_time_now(void);

/*
 * Arm this CPU's timer: HAL_IRQ_TIMER once hal_time_now() >= deadline (at once if that is so already). Replaces the
 * previous deadline. HAL_TIMER_OFF: none.
 * Context: masked.
 */
/*@ assigns \nothing; */
void hal_timer_arm(hal_ticks_t deadline);

#endif
