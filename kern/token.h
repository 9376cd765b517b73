/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who sends a message: words that the holder of the privileged host port gave to a task, that its children inherit, and that the
 * kernel vouches for in the trailers of messages.  It gives them no meaning.  Its own: {0, 1} and zeros.
 */
#ifndef KERN_TOKEN_H
#define KERN_TOKEN_H

#include <hal/hal.h>
#include <mach/message.h>

struct task;

/* Both tokens as they are in a trailer: security, then audit. */
#define TOKEN_WORDS ((sizeof(security_token_t) + sizeof(audit_token_t)) / sizeof(uint64_t))

/* Written under the task's lock; read without: version is odd during a change. */
struct task_token {
    uint32_t version;
    uint64_t word[TOKEN_WORDS];
};

/* A word of a token where a message holds it, which is aligned to 4 bytes. */
typedef uint64_t __attribute__((may_alias, aligned(4))) token_word_t;

/* The tokens of a task, to the TOKEN_WORDS words at `to`, which is aligned to 4 bytes. Context: any. */
static inline __attribute__((always_inline)) void task_token_read(const struct task_token *token, void *to)
{
    token_word_t *word = to;
    uint32_t before, after;

    do {
        while ((before = __atomic_load_n(&token->version, __ATOMIC_ACQUIRE)) & 1)
            hal_cpu_pause();
        for (unsigned i = 0; i < TOKEN_WORDS; i++)
            word[i] = __atomic_load_n(&token->word[i], __ATOMIC_RELAXED);
        /* the words are read before the version is read again */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        after = __atomic_load_n(&token->version, __ATOMIC_RELAXED);
    } while (before != after);
}

/* The kernel's. */
void kernel_token_get(void *to);
/* A new task has its parent's. Context: nobody else knows the task. */
void task_token_inherit(struct task *task, const struct task *parent);

#endif
