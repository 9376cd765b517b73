/* SPDX-License-Identifier: BSD-2-Clause */
/* Time and the timer: Sstc's compare register, or the firmware's timer. */
#include "machine.h"

#include <arch/csr.h>
#include <hal/drivers/sbi.h>

hal_ticks_t hal_time_now(void)
{
    return ARCH_CSR_READ(time);
}

void hal_timer_arm(hal_ticks_t deadline)
{
    arch_cpu_self()->deadline = deadline;
    if (deadline == HAL_TIMER_OFF) {
        ARCH_CSR_CLEAR(sie, SIE_TIMER);
        return;
    }
    if (arch_machine.sstc)
        ARCH_CSR_WRITE(0x14d, deadline); /* stimecmp */
    else
        sbi_timer_set(deadline);
    ARCH_CSR_SET(sie, SIE_TIMER);
}
