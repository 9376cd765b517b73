/* SPDX-License-Identifier: BSD-2-Clause */
/* Power. */
#ifndef HAL_POWER_H
#define HAL_POWER_H

#include <hal/types.h>

enum hal_reset { HAL_RESET_POWEROFF, HAL_RESET_REBOOT };

/* Power off or restart the machine; if it can't, halt this CPU. Context: any. */
/*@ assigns \nothing; ensures \false; exits \false; */
HAL_NORETURN void hal_system_reset(enum hal_reset how);

#endif
