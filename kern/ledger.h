/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ledgers: who pays for memory, and how much one may have.
 *
 * A task has a ledger with two accounts: `memory`, for pages and for the kernel's objects, and `messages`, for what it has sent
 * and nobody has received yet.  An object remembers the account that it was charged to, and gives back there what it took, wherever
 * it has got to meanwhile.
 *
 * Accounts form a tree: messages below memory, a task's memory below that of the task that made it.  A limit holds for an account
 * together with all below it, so nobody gets more by making tasks.  To charge need not look upwards, since an
 * account has credit: what it has from the accounts above in advance.  Only when that is used up, or far too
 * much, the tree is walked, under the one lock.
 *
 *   used <= credit     family == sum of the credit of the account and all below it     family <= limit
 *
 * (the last unless the limit was lowered below what is there).  `used` is what keeps a ledger, too: a task holds a part of both
 * accounts, every object the part it took, and each account a part of the one above; at 0 the account ends.
 */
#ifndef KERN_LEDGER_H
#define KERN_LEDGER_H

#include <hal/types.h>
#include <kern/panic.h>

struct ledger_account {
    uint64_t used;                 /* bytes; atomic */
    uint64_t credit;               /* bytes; atomic, written under the lock */
    uint64_t family;               /* bytes; under the lock */
    uint64_t limit;                /* bytes; under the lock */
    struct ledger_account *parent; /* constant; NULL: the root */
    struct ledger *ledger;         /* constant: what ends with the account; NULL: nothing */
};

struct ledger {
    struct ledger_account memory;
    struct ledger_account messages;
    uint32_t names_max;   /* entries of the name space; atomic */
    uint32_t threads_max; /* atomic */
};

/* The root: what the kernel has for itself, and all other ledgers below it. */
extern struct ledger ledger_kernel;

#define LEDGER_NAMES_MAX (1u << 20) /* the most that a task can have */
#define LEDGER_THREADS_MAX 4096u
#define LEDGER_CHUNK UINT64_C(32768) /* credit is taken, and kept, in about such amounts */
#define LEDGER_PART UINT64_C(64)     /* what holds an account, and nothing else */

/* Boot, behind vm_page_init(). */
void ledger_init_module(void);

/* Whether all together have a limit, as at first: not while page-out sees to it that some pages are free (vm/vm_pageout.c). */
void ledger_set_root_limit(bool on);

/*
 * A ledger for a task that `creator` makes, with a part of `bytes` in memory for the task itself.  Its limits: of memory three
 * quarters of the creator's, so that something is left to that; of messages a quarter of those; else the creator's.
 * Returns NULL without memory, or beyond the creator's limit.
 */
HAL_NODISCARD struct ledger *ledger_create(struct ledger *creator, uint64_t bytes);
/* The task goes, with its part of `bytes`; the ledger when the last object has. */
void ledger_release(struct ledger *ledger, uint64_t bytes);

/* `used` is above the credit. Returns false, with `bytes` taken back: that is above a limit. */
HAL_NODISCARD bool ledger_charge_beyond(struct ledger_account *account, uint64_t bytes);
/*
 * There will be far too much credit: give up the caller's part of `bytes`, but for what keeps the account meanwhile, and then the credit.
 * Returns what is left of the part.
 */
uint64_t ledger_return_credit(struct ledger_account *account, uint64_t bytes);
/* Nobody has a part any more. */
void ledger_end(struct ledger_account *account);

/*
 * Take `bytes`. Returns false above the limit of the account, or of one above it: nothing is taken.
 * Context: the caller, or something that it keeps from ending, has a part of the account; no lock of rank >= LOCK_RANK_LEDGER.
 */
HAL_NODISCARD static inline bool ledger_charge(struct ledger_account *account, uint64_t bytes)
{
    /* seq_cst: ledger_return_credit() writes credit and then reads used; one of both sees the other */
    uint64_t used = __atomic_add_fetch(&account->used, bytes, __ATOMIC_SEQ_CST);

    return __builtin_expect(used <= __atomic_load_n(&account->credit, __ATOMIC_SEQ_CST), 1) ||
           ledger_charge_beyond(account, bytes);
}

/* Take `bytes` whatever the limit: for what can't be undone any more. The next ledger_charge() fails if it was too much. */
static inline void ledger_charge_forced(struct ledger_account *account, uint64_t bytes)
{
    (void)__atomic_add_fetch(&account->used, bytes, __ATOMIC_RELAXED);
}

/* May something be taken? A guess: for whoever will take by force. */
static inline bool ledger_is_solvent(const struct ledger_account *account)
{
    return __atomic_load_n(&account->used, __ATOMIC_RELAXED) <=
           __atomic_load_n(&account->credit, __ATOMIC_RELAXED);
}

/* Give back what was taken. Context: no lock of rank >= LOCK_RANK_LEDGER. */
static inline void ledger_uncharge(struct ledger_account *account, uint64_t bytes)
{
    uint64_t credit = __atomic_load_n(&account->credit, __ATOMIC_RELAXED);
    uint64_t used = __atomic_load_n(&account->used, __ATOMIC_RELAXED);

    KASSERT(used >= bytes);
    if (__builtin_expect(used - bytes + 2 * LEDGER_CHUNK < credit, 0))
        bytes = ledger_return_credit(account, bytes);
    /* acq_rel: who finds 0 comes behind all that had a part */
    if (__builtin_expect(__atomic_sub_fetch(&account->used, bytes, __ATOMIC_ACQ_REL) == 0, 0))
        ledger_end(account);
}

/* --- limits --- */

struct ledger_state {
    uint64_t used;  /* by the account itself */
    uint64_t below; /* family, without its own credit: by the accounts below */
    uint64_t limit;
};
void ledger_account_state(struct ledger_account *account, struct ledger_state *state);
/*
 * What is used already stays, even if that is more; so does credit of the accounts below, which they may use: not more than
 * 2 * LEDGER_CHUNK each.  raise: it may become higher.  Returns false: it would, unchanged.
 */
HAL_NODISCARD bool ledger_account_limit(struct ledger_account *account, uint64_t limit, bool raise);

#endif
