/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program knows of its start and its surroundings. */
#ifndef LIBMACH_PROGRAM_H
#define LIBMACH_PROGRAM_H

#include <mach/startup.h>

/* What the program was started with. */
extern const struct mach_startup *mach_startup;

/* Every program has one. */
int main(int argc, char *argv[]);

/* First C function of a program. Context: first thread, nothing set up. */
_Noreturn void mach_start(const struct mach_startup *startup);

/*
 * Make zero-filled data, some stack and some heap resident, so that later the kernel needs no more memory for
 * their pages: for programs that watch the kernel's memory.
 */
void mach_touch_memory(void);

#endif
