/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ledgers.  One lock for all: it is taken when an account has used up its credit, every LEDGER_CHUNK bytes at most as long as
 * the limit is not near, and when one has far too much.  The number of accounts above one is that of tasks that made each other.
 */
#include <hal/hal.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/spinlock.h>
#include <vm/vm_page.h>

#define ROOT_SHIFT 3u /* 1/8 of all memory is not lent: what allocators keep, and the kernel itself */

struct ledger ledger_kernel;

static spinlock_t ledger_lock;
static struct cache ledger_cache;

static uint64_t root_limit(void)
{
    const uint64_t bytes = vm_page_total_count() << HAL_PAGE_SHIFT;

    return bytes - (bytes >> ROOT_SHIFT);
}

void ledger_init_module(void)
{
    spin_init(&ledger_lock, LOCK_RANK_LEDGER);
    cache_init(&ledger_cache, "ledger", sizeof(struct ledger), 64);
    /* the root has a part in itself, and does not end */
    ledger_kernel = (struct ledger){
        .memory = {.used = LEDGER_PART, .credit = LEDGER_PART, .family = LEDGER_PART, .limit = root_limit()},
        .names_max = LEDGER_NAMES_MAX,
        .threads_max = LEDGER_THREADS_MAX,
    };
}

void ledger_set_root_limit(bool on)
{
    (void)ledger_account_limit(&ledger_kernel.memory, on ? root_limit() : UINT64_MAX, true);
}

/* --- credit --- */

static void credit_set(struct ledger_account *account, uint64_t credit) REQUIRES(ledger_lock)
{
    uint64_t before = account->credit;

    for (struct ledger_account *a = account; a != NULL; a = a->parent)
        a->family += credit - before; /* modulo 2^64: it may become less */
    /* seq_cst: see ledger_charge() */
    __atomic_store_n(&account->credit, credit, __ATOMIC_SEQ_CST);
}

/* Returns false: above a limit. */
static bool credit_add(struct ledger_account *account, uint64_t bytes) REQUIRES(ledger_lock)
{
    for (const struct ledger_account *a = account; a != NULL; a = a->parent) {
        if (a->family > a->limit || bytes > a->limit - a->family)
            return false;
    }
    credit_set(account, account->credit + bytes);
    return true;
}

bool ledger_charge_beyond(struct ledger_account *account, uint64_t bytes)
{
    spin_lock(&ledger_lock);
    uint64_t used = __atomic_load_n(&account->used, __ATOMIC_RELAXED);
    uint64_t credit = account->credit;
    bool good = used <= credit || credit_add(account, used - credit + LEDGER_CHUNK) ||
                credit_add(account, used - credit);
    if (!good)
        (void)__atomic_sub_fetch(&account->used, bytes, __ATOMIC_RELAXED); /* the caller has a part yet */
    spin_unlock(&ledger_lock);
    return good;
}

/* Leave credit for `more` bytes than are used, at most. */
static void credit_trim(struct ledger_account *account, uint64_t more) REQUIRES(ledger_lock)
{
    uint64_t credit = account->credit;
    uint64_t keep = __atomic_load_n(&account->used, __ATOMIC_RELAXED) + more;

    if (keep >= credit)
        return;
    credit_set(account, keep);
    /* who charged meanwhile, and found the credit that there was, keeps it */
    uint64_t used = __atomic_load_n(&account->used, __ATOMIC_SEQ_CST);
    if (used > keep)
        credit_set(account, used < credit ? used : credit);
}

uint64_t ledger_return_credit(struct ledger_account *account, uint64_t bytes)
{
    uint64_t rest = bytes > 0;

    (void)__atomic_sub_fetch(&account->used, bytes - rest, __ATOMIC_RELAXED); /* the rest orders it for all */
    spin_lock(&ledger_lock);
    credit_trim(account, LEDGER_CHUNK);
    spin_unlock(&ledger_lock);
    return rest;
}

/* --- life --- */

void ledger_end(struct ledger_account *account)
{
    struct ledger_account *parent;

    do {
        parent = account->parent;
        spin_lock(&ledger_lock);
        credit_set(account, 0);
        KASSERT(account->family == 0);
        spin_unlock(&ledger_lock);
        if (account->ledger != NULL)
            cache_free(&ledger_cache, account->ledger);
        account = parent;
        /* acq_rel: as in ledger_uncharge() */
    } while (__atomic_sub_fetch(&parent->used, LEDGER_PART, __ATOMIC_ACQ_REL) == 0);
}

struct ledger *ledger_create(struct ledger *creator, uint64_t bytes)
{
    struct ledger *ledger = cache_alloc_zero(&ledger_cache);

    if (ledger == NULL)
        return NULL;
    if (!ledger_charge(&creator->memory, LEDGER_PART)) {
        cache_free(&ledger_cache, ledger);
        return NULL;
    }
    ledger->names_max = __atomic_load_n(&creator->names_max, __ATOMIC_RELAXED);
    ledger->threads_max = __atomic_load_n(&creator->threads_max, __ATOMIC_RELAXED);
    spin_lock(&ledger_lock);
    uint64_t limit = creator->memory.limit;
    spin_unlock(&ledger_lock);
    ledger->memory.parent = &creator->memory;
    ledger->memory.ledger = ledger;
    /* the first task may have all that there is */
    ledger->memory.limit = creator == &ledger_kernel ? limit : limit - (limit >> 2);
    ledger->messages.parent = &ledger->memory;
    ledger->messages.limit = ledger->memory.limit >> 2;
    ledger->memory.used = LEDGER_PART; /* that of the account of messages */
    if (ledger_charge(&ledger->memory, bytes)) {
        if (ledger_charge(&ledger->messages, LEDGER_PART))
            return ledger;
        ledger_uncharge(&ledger->memory, bytes);
    }
    ledger_uncharge(&ledger->memory, LEDGER_PART);
    return NULL;
}

void ledger_release(struct ledger *ledger, uint64_t bytes)
{
    ledger_uncharge(&ledger->messages, LEDGER_PART);
    ledger_uncharge(&ledger->memory, bytes);
}

/* --- limits --- */

void ledger_account_state(struct ledger_account *account, struct ledger_state *state)
{
    spin_lock(&ledger_lock);
    *state = (struct ledger_state){
        .used = __atomic_load_n(&account->used, __ATOMIC_RELAXED),
        .below = account->family - account->credit,
        .limit = account->limit,
    };
    spin_unlock(&ledger_lock);
}

bool ledger_account_limit(struct ledger_account *account, uint64_t limit, bool raise)
{
    spin_lock(&ledger_lock);
    bool allowed = raise || limit <= account->limit;
    if (allowed) {
        account->limit = limit;
        credit_trim(account, 0); /* it is asked for again, and refused if it is too much now */
    }
    spin_unlock(&ledger_lock);
    return allowed;
}
