/* SPDX-License-Identifier: BSD-2-Clause */
/* The first task: the program `bootstrap` of the boot archive, which starts all others. */
#ifndef KERN_BOOTSTRAP_H
#define KERN_BOOTSTRAP_H

/* Make the task and let its thread run; give the archive's memory back. What keeps it from starting panics.
 * Context: boot, no lock. */
void bootstrap_start(void);

#endif
