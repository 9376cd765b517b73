/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who sends a message: words that the holder of the privileged host port gave to a task, that its children inherit, and that the
 * kernel vouches for in the trailers of messages.  It gives them no meaning.  Its own: {0, 1} and zeros.
 */
#ifndef KERN_TOKEN_H
#define KERN_TOKEN_H

#include <hal/types.h>
#include <mach/message.h>

struct task;

/* Both tokens as they are in a trailer: security, then audit. */
#define TOKEN_WORDS ((sizeof(security_token_t) + sizeof(audit_token_t)) / sizeof(uint64_t))

/* Written under the task's lock; read without: version is odd during a change. */
struct task_token {
    uint32_t version;
    uint64_t word[TOKEN_WORDS];
};

/* The tokens of a task, to the TOKEN_WORDS words at `to`, which is aligned to 4 bytes. Context: any. */
void task_token_get(const struct task *task, void *to);
/* The kernel's. */
void kernel_token_get(void *to);
/* A new task has its parent's. Context: nobody else knows the task. */
void task_token_inherit(struct task *task, const struct task *parent);

#endif
