/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs that run.  Each has a bootstrap port of its own, so that a request says which program it comes
 * from, and is watched by a dead-name request for its task.
 */
#ifndef BOOTSTRAP_PROGRAMS_H
#define BOOTSTRAP_PROGRAMS_H

#include <mach/mach_types.h>
#include <stdbool.h>

#define PROGRAM_NAME_MAX 64

struct program {
    struct program *next;
    char name[PROGRAM_NAME_MAX]; /* of its file in the archive */
    task_t task;                 /* send right */
    mach_port_t bootstrap;       /* receive right */
    bool drives;                 /* it may have the device master port */
    bool told;                   /* it called program_exit() */
    int status;                  /* with this status */
    bool dead;                   /* its task is gone */
};

/* All bootstrap ports and the notification port become members of `set`; notifications go to `notify`. */
void programs_init(mach_port_t set, mach_port_t notify);

/*
 * Start the program `name` of the archive with the arguments name; drives: it may have the device master port.
 * Returns: KERN_SUCCESS, *program until program_forget(); KERN_NOT_FOUND, KERN_INVALID_ARGUMENT (no program),
 * or errors of the kernel's calls: nothing is left behind.
 */
kern_return_t program_start(const char *name, bool drives, struct program **program);

/* The program has died: free what it cost. */
void program_forget(struct program *program);

/* A dead-name notification for `name`. Returns: whether it was a program's task. */
bool program_task_died(mach_port_name_t name);

#endif
