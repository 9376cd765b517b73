/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_corrupt.h"

#include <sim/sim.h>
#include <stdio.h>
#include <string.h>

#include "audit_i.h"

/* --- the objects whose fields are changed --- */

struct word {
    uint64_t value;
};

static struct objects {
    struct task *task;
    struct ipc_space *space;
    struct vm_map *map;
    struct pmap *pmap;
    struct cpu *cpu;
    struct thread *running, *ready, *sleeping, *in_rx, *stopped;
    struct ipc_port *queue; /* with a message, member of a set, with a request */
    struct ipc_port *idle;
    struct ipc_pset *pset;
    struct ipc_entry *send, *receive, *dead;
    struct ipc_kmsg *kmsg;
    struct ipc_port_request *request;
    struct vm_map_entry *entry; /* of memory that is read only, with pages */
    struct vm_object *object;
    struct radix_node *radix;
    struct vm_page *page;
    struct word *leaf; /* of a page that the TLB of CPU 0 may write */
    struct slab *slab;
    struct ledger *ledger;
    struct memory_object *pager; /* in use, with a request, a page that was changed, and a copy */
    struct page_request *asked;
    struct thread *paged; /* waits for it */
    struct vm_object *copy;
    struct radix_node *copied; /* its pages */
    struct vm_page *changed;
    struct vm_store *store;  /* the default pager's */
    struct vm_page *parked;  /* in it */
    struct vm_page_out *out; /* what stands for that */
    struct word *free_pages;
    struct vm_page_cache *page_cache;
} the;

static void find_threads(void)
{
    AUDIT_EACH(o, AUDIT_THREAD)
    {
        struct thread *t = (void *)o->address;
        if (t->kernel)
            continue;
        if (t->state == THREAD_RUNNING)
            the.running = t;
        else if (t->state == THREAD_READY)
            the.ready = t;
        else if (t->state == THREAD_RECEIVING)
            the.in_rx = t;
        else if (t->state == THREAD_STOPPED)
            the.stopped = t;
        else if (t->wait == THREAD_WAIT_SLEEP)
            the.sleeping = t;
    }
    the.cpu = cpu_table[0];
    the.task = the.running->task;
    the.space = the.task->space;
    the.map = the.task->map;
    the.pmap = the.map->pmap;
    the.ledger = the.task->ledger;
}

static void find_ports(void)
{
    AUDIT_EACH(o, AUDIT_PORT)
    {
        struct ipc_port *port = (void *)o->address;
        if (port->rx == port->idle)
            the.idle = port;
        if (port->msgcount > 0 && port->in_set)
            the.queue = port;
    }
    the.kmsg = CONTAINER_OF(the.queue->messages.next, struct ipc_kmsg, link);
    the.request = CONTAINER_OF(the.queue->requests.next, struct ipc_port_request, link);
    the.pset = CONTAINER_OF(the.queue->sets.next, struct ipc_pset_link, port_link)->pset;
}

static void find_entries(void)
{
    for (uint32_t i = 1; i < IPC_LEAF_ENTRIES; i++) {
        struct ipc_entry *entry = &the.space->leaf[0][i];
        if (entry->bits == MACH_PORT_TYPE_SEND)
            the.send = entry;
        else if (entry->bits == MACH_PORT_TYPE_RECEIVE && entry->object == the.idle)
            the.receive = entry;
        else if (entry->bits == MACH_PORT_TYPE_DEAD_NAME)
            the.dead = entry;
    }
}

static struct word *leaf_slot(hal_va_t va)
{
    hal_pa_t table = the.pmap->root;

    for (unsigned level = hal_info.pt_levels - 1;; level--) {
        hal_pte_t *slot = &((hal_pte_t *)hal_pa_to_ptr(
            table))[va >> (HAL_PAGE_SHIFT + HAL_PT_SHIFT * level) & (HAL_PT_ENTRIES - 1)];
        if (level == 0)
            return (struct word *)slot;
        table = hal_pte_addr(*slot, level);
    }
}

static void find_cached(const struct sim_tlb_view *entry, void *arg)
{
    (void)arg;
    if (entry->asid == the.pmap->asid && (entry->attr & HAL_ATTR_W) != 0)
        the.leaf = leaf_slot(entry->va);
}

static void find_memory(void)
{
    LIST_FOR_EACH(node, &the.map->entries)
    {
        struct vm_map_entry *entry = CONTAINER_OF(node, struct vm_map_entry, link);
        if (entry->object != NULL && entry->protection == VM_PROT_READ && entry->object->pages.height > 0)
            the.entry = entry;
    }
    the.object = the.entry->object;
    the.radix = the.object->pages.root;
    the.page = the.radix->slot[__builtin_ctzll(the.radix->used)];
    the.free_pages = (struct word *)&page_free_blocks;
    the.page_cache = &page_cache[0];
    sim_tlb_each(0, find_cached, NULL);
    const struct cache *cache = CONTAINER_OF(cache_list.next, struct cache, link);
    while (list_empty(&cache->partial))
        cache = CONTAINER_OF(cache->link.next, struct cache, link);
    the.slab = CONTAINER_OF(cache->partial.next, struct slab, link);
}

static void find_pager(void)
{
    bool own;

    AUDIT_EACH(o, AUDIT_PAGER)
    {
        if (((const struct memory_object *)(const void *)o->address)->store == NULL)
            the.pager = (void *)o->address;
    }
    the.asked = CONTAINER_OF(the.pager->requests.next, struct page_request, link);
    the.paged = CONTAINER_OF(the.asked->waiters.next, struct thread, wait_link);
    the.copy = CONTAINER_OF(the.pager->copies.next, struct vm_object, copy_link);
    the.copied = the.copy->pages.root;
    the.changed = vm_radix_find(&the.pager->object->pages, 0, false, &own);
}

static void find_store(void)
{
    uint64_t index = 0;

    the.store = stores.store->store;
    the.parked = vm_radix_next(&stores.store->object->pages, &index);
    the.out = (struct vm_page_out *)(void *)the.parked->out;
}

static void find_all(void)
{
    audit_memory_begin();
    find_threads();
    find_ports();
    find_entries();
    find_memory();
    find_pager();
    find_store();
    audit_memory_free();
}

/* --- the faults --- */

#define FAULT(object, field, flip, check)                                                                    \
    {#object "." #field ": " check,    check,                                                                \
     offsetof(struct objects, object), offsetof(__typeof__(*the.object), field),                             \
     sizeof(the.object->field),        flip}

/* Each changes the bits `flip` of a field of one of the objects. */
static const struct {
    const char *name;
    const char *check;
    size_t object;
    size_t field;
    size_t size;
    uint64_t flip;
} faults[] = {
    FAULT(queue, refs, 1, "port-refs"),
    FAULT(queue, srights, 2, "send-rights"),
    FAULT(queue, sorights, 1, "send-once-rights"),
    FAULT(queue, msgcount, 2, "port-messages"),
    FAULT(queue, in_set, 1, "port-in-set"),
    FAULT(queue, messages.next, 8, "list-link"),
    FAULT(idle, guard, 4, "port-guard"),
    FAULT(idle, rx, 0x100, "port-rx"),
    FAULT(idle, idle, 2, "port-idle"),
    FAULT(idle, name, 0x100, "receive-place"),
    FAULT(idle, place, 1, "receive-place"),
    FAULT(idle, destination, 0x40, "pointer"),
    FAULT(kmsg, head.msgh_bits, 8, "message-right"),
    FAULT(kmsg, remote, 0x40, "pointer"),
    FAULT(request, owners, 1, "request-owners"),
    FAULT(request, name, 0x100, "request-name"),
    FAULT(pset, refs, 4, "set-refs"),
    FAULT(pset, name, 0x100, "set-name"),
    FAULT(pset, ready.next, 8, "list-link"),
    FAULT(send, key, 0x10000, "entry-key"),
    FAULT(send, urefs, 0x10000, "entry-urefs"),
    FAULT(dead, bits, 1, "entry-bits"),
    FAULT(receive, object, 0x40, "pointer"),
    FAULT(send, object, 0x40, "hash-bucket"),
    FAULT(send, next, 0x1000000, "hash-chain"),
    FAULT(space, free, 0x10000, "free-list"),
    FAULT(space, used, 1, "space-used"),
    FAULT(space, hash_used, 1, "hash-count"),
    FAULT(space, recent, 8, "hash-recent"),
    FAULT(sleeping, refs, 2, "thread-refs"),
    FAULT(sleeping, timeout.cpu, 0x40, "timeout-link"),
    FAULT(sleeping, timeout.rank, 4, "timeout-rank"),
    FAULT(running, state, THREAD_RUNNING ^ THREAD_WAITING, "cpu-current"),
    FAULT(running, ast, THREAD_AST_TERMINATE, "thread-request"),
    FAULT(ready, state, THREAD_READY ^ THREAD_STOPPED, "run-queue"),
    FAULT(ready, priority, 8, "run-priority"),
    FAULT(ready, own_priority, 8, "thread-priority"),
    FAULT(in_rx, rcv_rx, 0x40, "port-waiter"),
    FAULT(in_rx, rcv_loan, 2, "send-once-rights"),
    FAULT(in_rx, wake_time, 1, "timeout-late"),
    FAULT(in_rx, state, THREAD_RECEIVING ^ THREAD_RECEIVING_TIMED, "timeout-lost"),
    FAULT(stopped, suspend_count, 1, "thread-stopped"),
    FAULT(task, refs, 1, "task-refs"),
    FAULT(task, thread_count, 1, "task-threads"),
    FAULT(task, suspend_count, 1, "task-suspend"),
    FAULT(space, charged, 8, "space-charged"),
    FAULT(kmsg, payer, 0x40, "ledger-payer"),
    FAULT(kmsg, charged, 8, "ledger-used"),
    FAULT(ledger, memory.used, 8, "ledger-used"),
    FAULT(ledger, messages.used, 8, "ledger-used"),
    FAULT(ledger, memory.credit, 8, "ledger-family"),
    FAULT(ledger, messages.family, 8, "ledger-family"),
    FAULT(page, payer, 0x40, "ledger-payer"),
    FAULT(cpu, runq.bitmap, 1u << 30, "run-bitmap"),
    FAULT(cpu, runq.count, 1, "run-count"),
    FAULT(cpu, timer_deadline, UINT64_C(1) << 59, "timeout-timer"),
    FAULT(cpu, held_count, 1, "lock-held"),
    FAULT(map, size, 0x1000, "map-size"),
    FAULT(map, wired, 0x1000, "map-wired"),
    FAULT(map, other, 8, "map-hint"),
    FAULT(entry, start, 0x800, "entry-range"),
    FAULT(entry, max_gap, 0x1000, "entry-gap"),
    FAULT(entry, height, 0x80, "entry-balance"),
    FAULT(entry, protection, VM_PROT_WRITE | VM_PROT_EXECUTE, "entry-protection"),
    FAULT(entry, mapped, 1, "pte-mapped"),
    FAULT(object, refs, 2, "object-refs"),
    FAULT(object, wired, 1, "object-wired"),
    FAULT(object, users.next, 8, "list-link"),
    FAULT(radix, refs, 2, "radix-refs"),
    FAULT(radix, used, 1, "stat-pages"),
    FAULT(radix, writable, UINT64_C(1) << 63, "radix-writable"),
    FAULT(page, refs, 2, "page-refs"),
    FAULT(pmap, resident, 1, "pmap-resident"),
    FAULT(pmap, tables, 1, "pmap-tables"),
    FAULT(pmap, blocks, 1, "pmap-blocks"),
    FAULT(pmap, last.number, 1, "pmap-last"),
    FAULT(pmap, token, 0x1000, "asid-token"),
    FAULT(pmap, cpus, 1, "cpu-mask"),
    FAULT(leaf, value, (uint64_t)HAL_ATTR_W << 2, "tlb-rights"),
    FAULT(pager, refs, 1, "pager-refs"),
    FAULT(pager, queued, 1, "pager-queued"),
    FAULT(pager, state, MEMORY_OBJECT_READY ^ MEMORY_OBJECT_FAILED, "page-request"),
    FAULT(pager, object, 0x40, "wait-lost"),
    FAULT(pager, pager, 0x40, "pointer"),
    FAULT(asked, index, 4, "wait-lost"),
    FAULT(asked, payer, 0x40, "ledger-payer"),
    FAULT(asked, waiters.next, 8, "list-link"),
    FAULT(paged, wait_object, 0x40, "pointer"),
    FAULT(paged, page.index, 4, "wait-lost"),
    FAULT(copy, source, 0x40, "object-source"),
    FAULT(copied, used, 1, "page-given"),
    FAULT(changed, pager_flags, VM_PAGE_DIRTY, "page-dirty"),
    FAULT(store, object, 0x40, "store-object"),
    FAULT(store, manager, 0x40, "pointer"),
    FAULT(store, count, 1, "store-count"),
    FAULT(parked, refs, 2, "page-refs"),
    FAULT(parked, out, 0x40, "store-page"),
    FAULT(out, index, 0x1000, "store-page"),
    FAULT(out, store, 0x40, "pointer"),
    FAULT(out, page.refs, 2, "out-refs"),
    FAULT(out, page.payer, 0x40, "ledger-payer"),
    FAULT(free_pages, value, 1, "page-count"),
    FAULT(page_cache, count, 0x40, "page-cache"),
    FAULT(page_cache, zero_count, 0x40, "page-cache"),
    FAULT(slab, free_count, 0x8000, "slab-count"),
    FAULT(slab, cache, 0x40, "slab-cache"),
};

size_t audit_corrupt_count(void)
{
    return sizeof(faults) / sizeof(faults[0]);
}

const char *audit_corrupt_name(size_t i)
{
    return faults[i].name;
}

static void change(void *field, size_t size, uint64_t bits)
{
    uint64_t value = 0;

    memcpy(&value, field, size);
    value ^= bits;
    memcpy(field, &value, size);
}

bool audit_corrupt(size_t i, char *text, size_t size)
{
    struct audit_finding finding = {.check = "nothing"};

    find_all();
    char *object;
    memcpy(&object, (char *)&the + faults[i].object, sizeof(object));
    if (object == NULL) {
        (void)snprintf(text, size, "there is no such object");
        return false;
    }
    char *field = object + faults[i].field;
    change(field, faults[i].size, faults[i].flip);
    bool found = !audit_kernel(&finding);
    change(field, faults[i].size, faults[i].flip);
    (void)snprintf(text, size, "%s: %s", finding.check, finding.text);
    return found && strcmp(finding.check, faults[i].check) == 0;
}
