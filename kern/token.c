/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens of tasks, and host_security.defs, which sets them. */
#include <hal/hal.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/token.h>
#include <mach/host_security_server.h>

_Static_assert(offsetof(mach_msg_audit_trailer_t, msgh_audit) -
                       offsetof(mach_msg_audit_trailer_t, msgh_sender) ==
                   sizeof(security_token_t),
               "the tokens are neighbours in a trailer");

void kernel_token_get(void *to)
{
    const uint32_t word[2 * TOKEN_WORDS] = {0, 1};

    memcpy(to, word, sizeof(word));
}

void task_token_inherit(struct task *task, const struct task *parent)
{
    task_token_read(&parent->token, task->token.word);
}

/* Context: task->lock held. */
static void token_write(struct task_token *token, const uint64_t *word)
{
    uint32_t version = token->version;

    __atomic_store_n(&token->version, version + 1, __ATOMIC_RELAXED);
    /* who reads a new word sees the odd version */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (unsigned i = 0; i < TOKEN_WORDS; i++)
        __atomic_store_n(&token->word[i], word[i], __ATOMIC_RELAXED);
    __atomic_store_n(&token->version, version + 2, __ATOMIC_RELEASE);
}

kern_return_t host_security_set_task_token(host_priv_t host_priv, task_t task, security_token_t security,
                                           audit_token_t audit)
{
    uint64_t word[TOKEN_WORDS];

    (void)host_priv; /* who has it may do this */
    if (task == NULL)
        return KERN_INVALID_TASK;
    memcpy(word, &security, sizeof(security));
    memcpy((char *)word + sizeof(security), &audit, sizeof(audit));
    spin_lock(&task->lock);
    bool active = task->active;
    if (active)
        token_write(&task->token, word);
    spin_unlock(&task->lock);
    return active ? KERN_SUCCESS : KERN_TERMINATED;
}
