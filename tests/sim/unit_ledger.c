/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ledgers (kern/ledger.c), called directly: random charges, limits and ends in a tree of them are compared with plain sums.
 */
#include "unit.h"

#include <hal/hal.h>
#include <kern/ledger.h>

#define LEDGERS 8u /* at a time */
#define ACCOUNTS (2 * LEDGERS)
#define PARTS 32u /* charges that are held, of each account */
#define STEPS 60000u
#define PART_MAX (UINT64_C(1) << 18)
/* What an account has in advance may keep this much from the others: used and a chunk, before it gives back. */
#define SLACK (3 * LEDGER_CHUNK)

/* An account with what was taken from it. */
struct holder {
    struct ledger_account *account; /* NULL: none */
    uint64_t part[PARTS];
    uint64_t fixed; /* for the account itself, and for the accounts below it */
    bool lowered;   /* the limit is below what there was, with the credit of the accounts below */
};

/* Ledger i has the holders 2i (memory) and 2i + 1 (messages). */
static struct {
    struct holder holder[ACCOUNTS];
    struct ledger *ledger[LEDGERS];
    int parent[LEDGERS]; /* index; -1: the kernel's */
} t;

static uint64_t state = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 16) % below;
}

/* --- sums --- */

static uint64_t own(uint32_t i)
{
    uint64_t sum = t.holder[i].fixed;

    for (uint32_t k = 0; k < PARTS; k++)
        sum += t.holder[i].part[k];
    return sum;
}

/* Does holder i count for the limit of holder top? */
static bool is_below(uint32_t i, uint32_t top)
{
    if (i == top)
        return true;
    if (top % 2 != 0)
        return false;
    for (int at = (int)(i / 2); at >= 0; at = t.parent[at]) {
        if ((uint32_t)at == top / 2)
            return true;
    }
    return false;
}

/* What all below holder top have, and how many accounts these are. */
static uint64_t family(uint32_t top, uint32_t *accounts)
{
    uint64_t sum = 0;

    *accounts = 0;
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        if (t.holder[i].account == NULL || !is_below(i, top))
            continue;
        sum += own(i);
        (*accounts)++;
    }
    return sum;
}

static void check(void)
{
    struct ledger_state s;
    uint32_t accounts;

    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        const struct holder *h = &t.holder[i];
        if (h->account == NULL)
            continue;
        ledger_account_state(h->account, &s);
        const uint64_t sum = family(i, &accounts);
        SIM_CHECK(s.used == own(i));
        SIM_CHECK(h->lowered || sum <= s.limit);
        /* credit covers what is used, and little more */
        SIM_CHECK(s.used + s.below >= sum && s.used + s.below <= sum + accounts * SLACK);
    }
}

/* May holder i be refused `bytes`? Only if one above it is near its limit. */
static bool may_refuse(uint32_t i, uint64_t bytes)
{
    struct ledger_state s;
    uint32_t accounts;

    for (uint32_t top = 0; top < ACCOUNTS; top++) {
        if (t.holder[top].account == NULL || !is_below(i, top))
            continue;
        const uint64_t sum = family(top, &accounts);
        ledger_account_state(t.holder[top].account, &s);
        if (sum + bytes + accounts * SLACK > s.limit)
            return true;
    }
    return false;
}

/* --- what happens to them --- */

static void take(uint32_t i)
{
    struct holder *h = &t.holder[i];
    uint64_t *part = &h->part[draw(PARTS)];
    const uint64_t bytes = 1 + draw(draw(4) == 0 ? PART_MAX : 200);

    if (*part != 0) {
        ledger_uncharge(h->account, *part);
        *part = 0;
    } else if (ledger_charge(h->account, bytes)) {
        *part = bytes;
    } else {
        SIM_CHECK(may_refuse(i, bytes));
    }
}

/* By force, and back at once: a charge in between fails if it was too much. */
static void take_by_force(uint32_t i)
{
    struct holder *h = &t.holder[i];
    const uint64_t bytes = 1 + draw(PART_MAX);

    ledger_charge_forced(h->account, bytes);
    const bool solvent = ledger_is_solvent(h->account);
    const bool taken = ledger_charge(h->account, 1);
    SIM_CHECK(!solvent || h->account->used == h->account->credit + 1 || taken);
    if (taken)
        ledger_uncharge(h->account, 1);
    ledger_uncharge(h->account, bytes);
}

static void limit(uint32_t i)
{
    struct holder *h = &t.holder[i];
    struct ledger_state s;
    uint32_t accounts;

    ledger_account_state(h->account, &s);
    const uint64_t sum = family(i, &accounts);
    const uint64_t to = draw(2) == 0 ? sum + draw(UINT64_C(8) * PART_MAX) : draw(2 * s.limit + 1);
    const bool raise = draw(2) == 0;
    const bool allowed = raise || to <= s.limit;
    SIM_CHECK(ledger_account_limit(h->account, to, raise) == allowed);
    if (!allowed)
        return;
    ledger_account_state(h->account, &s);
    h->lowered = s.limit < s.used + s.below;
}

static void make(uint32_t i, int parent)
{
    struct ledger *creator = parent < 0 ? &ledger_kernel : t.ledger[parent];
    const uint64_t bytes = 1 + draw(1000);
    struct ledger *ledger = ledger_create(creator, bytes);

    if (ledger == NULL) {
        SIM_CHECK(parent >= 0 && may_refuse(2 * (uint32_t)parent, bytes + 3 * LEDGER_PART));
        return;
    }
    t.ledger[i] = ledger;
    t.parent[i] = parent;
    t.holder[2 * i] = (struct holder){.account = &ledger->memory, .fixed = bytes + LEDGER_PART};
    t.holder[2 * i + 1] = (struct holder){.account = &ledger->messages, .fixed = LEDGER_PART};
    if (parent >= 0)
        t.holder[2 * parent].fixed += LEDGER_PART;
}

static bool has_children(uint32_t i)
{
    for (uint32_t k = 0; k < LEDGERS; k++) {
        if (t.ledger[k] != NULL && t.parent[k] == (int)i)
            return true;
    }
    return false;
}

/* The task goes first, in half of the cases, and the objects that it made later. */
static void end(uint32_t i)
{
    const bool task_first = draw(2) == 0;
    const uint64_t bytes = t.holder[2 * i].fixed - LEDGER_PART;

    if (task_first)
        ledger_release(t.ledger[i], bytes);
    for (uint32_t k = 2 * i; k < 2 * i + 2; k++) {
        for (uint32_t p = 0; p < PARTS; p++) {
            if (t.holder[k].part[p] != 0)
                ledger_uncharge(t.holder[k].account, t.holder[k].part[p]);
        }
        t.holder[k].account = NULL;
    }
    if (!task_first)
        ledger_release(t.ledger[i], bytes);
    t.ledger[i] = NULL;
    if (t.parent[i] >= 0)
        t.holder[2 * t.parent[i]].fixed -= LEDGER_PART;
}

static void step(void)
{
    const uint32_t i = (uint32_t)draw(LEDGERS), account = 2 * i + (uint32_t)draw(2);
    const int parent = (int)draw(LEDGERS + 1) - 1;

    if (t.ledger[i] == NULL) {
        if (parent < 0 || t.ledger[parent] != NULL)
            make(i, parent);
        return;
    }
    switch (draw(16)) {
    case 0:
        limit(account);
        break;
    case 1:
        take_by_force(account);
        break;
    case 2:
        if (!has_children(i) && draw(8) == 0)
            end(i);
        break;
    default:
        take(account);
        break;
    }
}

static void test_random(void)
{
    struct ledger_state before, after;

    ledger_account_state(&ledger_kernel.memory, &before);
    for (uint32_t i = 0; i < STEPS; i++) {
        step();
        if (i % 16 == 0)
            check();
    }
    for (uint32_t left = LEDGERS; left > 0;) {
        left = 0;
        for (uint32_t i = 0; i < LEDGERS; i++) {
            left += t.ledger[i] != NULL;
            if (t.ledger[i] != NULL && !has_children(i))
                end(i);
        }
    }
    ledger_account_state(&ledger_kernel.memory, &after);
    SIM_CHECK(before.used == after.used && before.below == after.below && before.limit == after.limit);
}

/* Numbers that one can follow. */
static void test_limits(void)
{
    struct ledger *parent = ledger_create(&ledger_kernel, 100), *child;
    struct ledger_state s;

    SIM_CHECK(parent != NULL && ledger_account_limit(&parent->memory, 10 * LEDGER_CHUNK, false));
    SIM_CHECK(!ledger_account_limit(&parent->memory, 10 * LEDGER_CHUNK + 1, false));
    child = ledger_create(parent, 50);
    SIM_CHECK(child != NULL);
    ledger_account_state(&child->memory, &s);
    SIM_CHECK(s.limit == 10 * LEDGER_CHUNK / 4 * 3 && s.used == 50 + LEDGER_PART);
    ledger_account_state(&child->messages, &s);
    SIM_CHECK(s.limit == 10 * LEDGER_CHUNK / 16 * 3 && s.used == LEDGER_PART);
    SIM_CHECK(!ledger_charge(&child->messages, 2 * LEDGER_CHUNK)); /* its own limit */
    SIM_CHECK(ledger_charge(&parent->memory, 6 * LEDGER_CHUNK));
    SIM_CHECK(!ledger_charge(&child->memory, 5 * LEDGER_CHUNK)); /* that of the parent */
    SIM_CHECK(ledger_charge(&child->memory, LEDGER_CHUNK));
    SIM_CHECK(ledger_account_limit(&parent->memory, 1, false)); /* what there is stays; more there is not */
    SIM_CHECK(!ledger_charge(&child->memory, 3 * LEDGER_CHUNK));
    ledger_charge_forced(&child->memory, 3 * LEDGER_CHUNK);
    SIM_CHECK(!ledger_is_solvent(&child->memory) && !ledger_charge(&child->memory, 1));
    ledger_uncharge(&child->memory, 4 * LEDGER_CHUNK);
    ledger_uncharge(&parent->memory, 6 * LEDGER_CHUNK);
    SIM_CHECK(ledger_account_limit(&parent->memory, 10 * LEDGER_CHUNK, true));
    ledger_release(parent, 100); /* the child keeps it */
    SIM_CHECK(ledger_charge(&child->memory, 5 * LEDGER_CHUNK));
    ledger_uncharge(&child->memory, 5 * LEDGER_CHUNK);
    ledger_release(child, 50);
}

/* The last part of an account that nobody has any more: more is given back than was taken. */
static void uncharge_too_much(void)
{
    struct ledger *ledger = ledger_create(&ledger_kernel, 100);

    SIM_CHECK(ledger != NULL);
    ledger_uncharge(&ledger->memory, 100 + LEDGER_PART + 1);
}

int main(void)
{
    struct sim_config config = sim_config_default();

    unit_in_kernel(config, test_limits, SIM_FAILED, UNIT_DONE, "ledgers: limits");
    unit_in_kernel(config, test_random, SIM_FAILED, UNIT_DONE, "ledgers: random charges, limits and ends");
    unit_in_kernel(config, uncharge_too_much, SIM_PANIC, "assertion failed",
                   "more given back than was taken");
    return unit_end();
}
