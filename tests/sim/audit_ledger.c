/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit of ledgers: every object that is charged to an account is counted again, by kind, and what the accounts say must be
 * the sum.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "audit_i.h"

/* What was found of one account. */
struct count {
    const struct ledger_account *account;
    uint64_t used;
    uint64_t below; /* family of the accounts right below */
};

static struct {
    struct count *count; /* by address of the account */
    size_t accounts;
} sums;

static void add_account(const struct ledger_account *account)
{
    sums.count[sums.accounts++] = (struct count){.account = account};
}

static int count_compare(const void *a, const void *b)
{
    const uintptr_t x = (uintptr_t)((const struct count *)a)->account;
    const uintptr_t y = (uintptr_t)((const struct count *)b)->account;

    return (x > y) - (x < y);
}

static struct count *count_of(const struct ledger_account *account, const void *object)
{
    const struct count key = {.account = account};
    struct count *found = bsearch(&key, sums.count, sums.accounts, sizeof(key), count_compare);

    AUDIT(found != NULL, "ledger-payer", object, "charged to %p, which is no account", (const void *)account);
    return found;
}

void audit_ledgers_begin(void)
{
    free(sums.count);
    sums.accounts = 0;
    sums.count = calloc(2 * audit_objects(AUDIT_LEDGER)->count + 1, sizeof(*sums.count));
    if (sums.count == NULL)
        abort();
    add_account(&ledger_kernel.memory);
    AUDIT_EACH(o, AUDIT_LEDGER)
    {
        add_account(&((const struct ledger *)(const void *)o->address)->memory);
        add_account(&((const struct ledger *)(const void *)o->address)->messages);
    }
    qsort(sums.count, sums.accounts, sizeof(*sums.count), count_compare);
}

void audit_charge(const struct ledger_account *account, uint64_t bytes, const void *object)
{
    count_of(account, object)->used += bytes;
}

/* --- by kind --- */

static uint64_t table_bytes(const struct ipc_space *space)
{
    uint64_t bytes = space->leaf_capacity * sizeof(*space->leaf);

    for (uint32_t i = 0; i < space->size >> IPC_LEAF_SHIFT; i++)
        bytes += space->leaf[i] != empty_leaf ? HAL_PAGE_SIZE : 0;
    for (const struct ipc_directory *old = space->old; old != NULL; old = old->next)
        bytes += old->capacity * sizeof(*old->leaf);
    return bytes + (space->bucket_count + BUCKETS_PAGE - 1) / BUCKETS_PAGE * HAL_PAGE_SIZE;
}

static void charge_tasks(void)
{
    AUDIT_EACH(o, AUDIT_TASK)
    {
        const struct task *task = (const void *)o->address;
        audit_object(AUDIT_LEDGER, task->ledger, task)->refs++;
        audit_charge(&task->ledger->memory, sizeof(*task), task);
        audit_charge(&task->ledger->messages, LEDGER_PART, task);
    }
    AUDIT_EACH(o, AUDIT_THREAD)
    {
        const struct thread *t = (const void *)o->address;
        if (!t->kernel)
            audit_charge(&t->task->ledger->memory, sizeof(*t) + (t->fpu != NULL ? hal_info.fpu_size : 0), t);
    }
}

static void charge_ipc(void)
{
    AUDIT_EACH(o, AUDIT_SPACE)
    {
        const struct ipc_space *space = (const void *)o->address;
        AUDIT(space->charged == sizeof(*space) + table_bytes(space), "space-charged", space,
              "%" PRIu64 " bytes, counted %" PRIu64, sizeof(*space) + table_bytes(space), space->charged);
        audit_charge(&space->ledger->memory, space->charged, space);
    }
    AUDIT_EACH(o, AUDIT_PORT)
    audit_charge(((const struct ipc_port *)(const void *)o->address)->payer, sizeof(struct ipc_port),
                 o->address);
    AUDIT_EACH(o, AUDIT_PSET)
    audit_charge(((const struct ipc_pset *)(const void *)o->address)->payer, sizeof(struct ipc_pset),
                 o->address);
    AUDIT_EACH(o, AUDIT_PSET_LINK)
    audit_charge(((const struct ipc_pset_link *)(const void *)o->address)->pset->payer,
                 sizeof(struct ipc_pset_link), o->address);
    AUDIT_EACH(o, AUDIT_REQUEST)
    audit_charge(((const struct ipc_port_request *)(const void *)o->address)->payer,
                 sizeof(struct ipc_port_request), o->address);
}

static void charge_vm(void)
{
    AUDIT_EACH(o, AUDIT_MAP)
    {
        const struct vm_map *map = (const void *)o->address;
        const struct pmap *pmap = map->pmap;
        audit_charge(map->payer, sizeof(*map), map);
        audit_charge(pmap->payer, sizeof(*pmap) + pmap->tables * HAL_PAGE_SIZE, pmap);
    }
    AUDIT_EACH(o, AUDIT_MAP_ENTRY)
    audit_charge(((const struct vm_map_entry *)(const void *)o->address)->payer, sizeof(struct vm_map_entry),
                 o->address);
    AUDIT_EACH(o, AUDIT_MEMORY_ENTRY)
    audit_charge(((const struct vm_memory_entry *)(const void *)o->address)->payer,
                 sizeof(struct vm_memory_entry), o->address);
    AUDIT_EACH(o, AUDIT_OBJECT)
    {
        const struct vm_object *object = (const void *)o->address;
        const uint64_t block =
            object->kind == VM_OBJECT_CONTIGUOUS ? (uint64_t)HAL_PAGE_SIZE << object->order : 0;
        audit_charge(object->pages.payer, sizeof(*object) + block, object);
    }
    AUDIT_EACH(o, AUDIT_INTERRUPT)
    audit_charge(((const struct interrupt *)(const void *)o->address)->payer, sizeof(struct interrupt),
                 o->address);
    AUDIT_EACH(o, AUDIT_PAGER)
    audit_charge(((const struct memory_object *)(const void *)o->address)->payer,
                 sizeof(struct memory_object), o->address);
    AUDIT_EACH(o, AUDIT_PAGE_REQUEST)
    audit_charge(((const struct page_request *)(const void *)o->address)->payer, sizeof(struct page_request),
                 o->address);
    AUDIT_EACH(o, AUDIT_PAGE_OUT)
    audit_charge(((const struct vm_page *)(const void *)o->address)->payer, sizeof(struct vm_page_out),
                 o->address);
    AUDIT_EACH(o, AUDIT_RADIX)
    audit_charge(((const struct radix_node *)(const void *)o->address)->payer, sizeof(struct radix_node),
                 o->address);
    audit_page_charges();
}

/* --- the sums --- */

static void charge_ledgers(void)
{
    audit_charge(&ledger_kernel.memory, LEDGER_PART, &ledger_kernel);
    AUDIT_EACH(o, AUDIT_LEDGER)
    {
        const struct ledger *ledger = (const void *)o->address;
        count_of(ledger->memory.parent, ledger)->used += LEDGER_PART;
        count_of(ledger->memory.parent, ledger)->below += ledger->memory.family;
        AUDIT(ledger->messages.parent == &ledger->memory || ledger->messages.used == 0, "ledger-parent",
              ledger, "its messages are below %p", (const void *)ledger->messages.parent);
        if (ledger->messages.used > 0)
            count_of(&ledger->memory, ledger)->used += LEDGER_PART;
        count_of(&ledger->memory, ledger)->below += ledger->messages.family;
        o->owner = "charges";
    }
}

void audit_ledgers(void)
{
    charge_tasks();
    charge_ipc();
    charge_vm();
    charge_ledgers();
    for (size_t i = 0; i < sums.accounts; i++) {
        const struct count *c = &sums.count[i];
        AUDIT(c->used == c->account->used, "ledger-used", c->account,
              "%" PRIu64 " bytes are charged to it, counted %" PRIu64, c->used, c->account->used);
        AUDIT(c->account->family == c->account->credit + c->below, "ledger-family", c->account,
              "%" PRIu64 " bytes of credit in the accounts, counted %" PRIu64, c->account->credit + c->below,
              c->account->family);
    }
}
