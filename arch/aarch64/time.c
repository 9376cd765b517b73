/* SPDX-License-Identifier: BSD-2-Clause */
/* The generic timer: the virtual counter, and this CPU's virtual timer. */
#include <arch/sysreg.h>
#include <hal/time.h>

#include "arch.h"

#define CNTV_CTL_ENABLE 1ul

hal_ticks_t hal_time_now(void)
{
    ARCH_ISB(); /* the counter is not read ahead of time */
    return SYSREG_READ(cntvct_el0);
}

void hal_timer_arm(hal_ticks_t deadline)
{
    if (deadline == HAL_TIMER_OFF) {
        arch_timer_stop();
        return;
    }
    SYSREG_WRITE(cntv_cval_el0, deadline);
    SYSREG_WRITE(cntv_ctl_el0, CNTV_CTL_ENABLE);
    ARCH_ISB();
}

void arch_timer_stop(void)
{
    SYSREG_WRITE(cntv_ctl_el0, 0);
    ARCH_ISB();
}
