/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: a polled byte stream that works from the first instruction of kern_boot() and in a panic. */
#ifndef HAL_CONSOLE_H
#define HAL_CONSOLE_H

#include <hal/types.h>

/* Write one byte ('\n' is sent as CR LF). Bounded wait; a byte that the device does not take is lost. Context: any;
 * the caller serialises. */
/*@ assigns \nothing; */
void hal_console_putc(char c);

/* Returns: the next byte that arrived, 0 .. 255, or -1 if there is none. Context: any; the caller serialises. */
#define POST_hal_console_getc(result) (-1 <= (result) && (result) <= 255)
/*@ assigns \nothing; ensures POST_hal_console_getc(\result); */
int hal_console_getc(void);

#endif
