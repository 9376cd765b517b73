/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel text on the console: whole pieces, not mixed with those of other CPUs. */
#ifndef KERN_CONSOLE_H
#define KERN_CONSOLE_H

#include <stddef.h>

/* Boot: before the first lock is taken no text needs one; from here on it does. */
void console_init(void);

/* Write n bytes as one piece. Context: any, no lock of rank LOCK_RANK_CONSOLE. */
void console_write(const char *text, size_t n);

/* Write n bytes and let nobody write after them: the machine goes off. */
void console_write_last(const char *text, size_t n);

/* This CPU panics: from now on nobody waits for the console's lock. */
void console_break(void);

#endif
