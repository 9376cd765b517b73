/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel command line: words separated by blanks. */
#ifndef KERN_CMDLINE_H
#define KERN_CMDLINE_H

#include <stdbool.h>

/* Is `word` one of the words of hal_info.cmdline? Context: any. */
bool cmdline_has(const char *word);

#endif
