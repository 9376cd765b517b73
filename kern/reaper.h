/* SPDX-License-Identifier: BSD-2-Clause */
/* The reaper: a kernel thread that reclaims what terminated tasks had, in bounded steps. */
#ifndef KERN_REAPER_H
#define KERN_REAPER_H

struct task;

/* Boot: start it. */
void reaper_start(void);

/* Hand over a terminated task without threads, and the living task's reference. Context: no lock of rank >=
 * LOCK_RANK_REAPER. */
void reaper_enter(struct task *task);

#endif
