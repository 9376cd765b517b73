/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory objects: from the first mapping of a pager's port to the end.
 *
 * A table finds the object again by its pager's port.  When nothing shows an object any more, a kernel thread ends it, since whoever
 * removed the last mapping holds locks under which no message can be sent.  Until then it can be mapped again.  What the end
 * needs (the message that tells the pager, the request that tells the kernel of the pager's death) is there from the beginning, so
 * it never fails.
 *
 * Locks: the table's, for the table and the queue of the kernel thread; an object's own, before it.
 */
#include <hal/hal.h>
#include <ipc/kobject.h>
#include <ipc/mqueue.h>
#include <ipc/request.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <kern/ref.h>
#include <kern/thread.h>
#include <mach/memory_object_kernel.h>
#include <mach/vm_param.h>
#include <sched/sched.h>
#include <vm/memory_object_i.h>
#include <vm/vm_store.h>

#define TABLE_SIZE 64u
#define CLEAR_PAGES 256u /* freed in one step */

static struct cache memory_object_cache;

static struct {
    spinlock_t lock; /* rank LOCK_RANK_PAGER */
    struct list bucket[TABLE_SIZE] GUARDED_BY(lock);
    struct list queue GUARDED_BY(lock); /* struct memory_object.work_link */
    struct list dead GUARDED_BY(lock);  /* the same: without references */
    bool waiting GUARDED_BY(lock);
    struct thread *thread;
} pagers;

/* --- messages --- */

struct ipc_kmsg *memory_object_message(uint32_t size, struct ledger_account *payer)
{
    struct ipc_kmsg *kmsg = ipc_kmsg_alloc(size, payer);

    if (kmsg != NULL)
        kmsg->head = (mach_msg_header_t){0};
    return kmsg;
}

struct mig_kernel_message memory_object_fill(struct ipc_kmsg *kmsg, unsigned descriptors)
{
    KASSERT(descriptors <= IPC_KMSG_PORTS_INLINE); /* so that they need no memory */
    kmsg->port_count = descriptors;
    for (unsigned i = 0; i < descriptors; i++)
        kmsg->port[i] = NULL;
    return (struct mig_kernel_message){.head = &kmsg->head, .port = kmsg->port};
}

void memory_object_address(struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    kmsg->head.msgh_bits |= MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND, 0);
    kmsg->remote = ipc_port_copy_send(port);
}

/*
 * The port is a user's: memory_object_find() took no other.  Only messages with receive rights have to be looked at whether they would keep
 * themselves alive: memory_object_pass().
 */
bool memory_object_queue(struct ipc_kmsg *kmsg, struct thread **receiver)
{
    *receiver = NULL;
    return IPC_PORT_VALID(kmsg->remote) && ipc_mqueue_send(kmsg, true, NULL, NULL, receiver) != IPC_SEND_DEAD;
}

void memory_object_post(struct ipc_kmsg *kmsg, bool handoff)
{
    struct thread *receiver;

    if (!memory_object_queue(kmsg, &receiver))
        ipc_kmsg_destroy(kmsg);
    else if (receiver != NULL && handoff)
        thread_handoff(receiver);
    else if (receiver != NULL)
        thread_wakeup(receiver, THREAD_AWAKENED);
}

void memory_object_send(const struct memory_object *pager, struct ipc_kmsg *kmsg)
{
    memory_object_address(pager->pager, kmsg);
    memory_object_post(kmsg, false);
}

void memory_object_reply(struct ipc_port *reply_to, struct ipc_kmsg *kmsg)
{
    kmsg->head.msgh_bits |= MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, 0);
    kmsg->remote = reply_to;
    ipc_kmsg_send_from_kernel(kmsg);
}

void memory_object_send_init(const struct memory_object *pager, struct ipc_kmsg *kmsg)
{
    struct mig_kernel_message m = memory_object_fill(kmsg, 2);

    memory_object_init_request(&m, ipc_port_make_send(pager->control), ipc_port_make_send(pager->name),
                               PAGE_SIZE);
    memory_object_send(pager, kmsg);
}

void memory_object_pass(struct ipc_port *port, struct ipc_kmsg *kmsg)
{
    memory_object_address(port, kmsg);
    if (IPC_PORT_VALID(kmsg->remote) && !ipc_transit_begin(kmsg))
        ipc_kmsg_destroy(kmsg);
    else
        memory_object_post(kmsg, false);
}

/* A port of the kernel's becomes a receive right on its way. */
static struct ipc_port *port_give_up(struct ipc_port *port)
{
    ipc_port_lock(port);
    __atomic_store_n(&port->kotype, IPC_KOTYPE_NONE, __ATOMIC_RELAXED);
    /* atomic: read beside the lock, too */
    __atomic_store_n(&port->place, IPC_PORT_IN_TRANSIT, __ATOMIC_RELAXED);
    __atomic_store_n(&port->receiver, NULL, __ATOMIC_RELAXED);
    port->name = MACH_PORT_NULL;
    ipc_port_moved(port);
    ipc_port_unlock(port);
    return port;
}

static void send_terminate(struct memory_object *pager)
{
    struct ipc_kmsg *kmsg = pager->terminate;
    struct mig_kernel_message m = memory_object_fill(kmsg, 2);

    memory_object_terminate_request(&m, port_give_up(pager->control), port_give_up(pager->name));
    memory_object_pass(pager->pager, kmsg);
}

/* --- life ----------------------------------------------------------------------------------------------- */

void memory_object_init_module(void) NO_THREAD_SAFETY_ANALYSIS
{
    cache_init(&memory_object_cache, "memory_object", sizeof(struct memory_object), 8);
    memory_object_fault_init_module();
    memory_object_cache_init_module();
    spin_init(&pagers.lock, LOCK_RANK_PAGER);
    list_init(&pagers.queue);
    list_init(&pagers.dead);
    for (unsigned i = 0; i < TABLE_SIZE; i++)
        list_init(&pagers.bucket[i]);
}

void memory_object_ref(struct memory_object *pager)
{
    ref_get(&pager->refs);
}

/* One of the kernel's ports, or NULL, and the reference to it; if it is the pager's by now, the reference alone. */
static void port_free(struct ipc_port *port)
{
    if (port == NULL)
        return;
    if (ipc_port_kotype(port) != IPC_KOTYPE_NONE)
        ipc_kobject_destroy(port);
    ipc_port_unref(port);
}

static struct ipc_port *port_create(enum ipc_kotype kotype, struct memory_object *pager)
{
    struct ipc_port *port = ipc_kobject_create(kotype, pager, pager->payer);

    if (port != NULL)
        ipc_port_ref(port);
    return port;
}

void memory_object_unwatch(struct memory_object *pager)
{
    ipc_request_kernel_end(pager->pager, pager->death);
    pager->death = NULL;
}

/* What memory_object_create() made, as far as it got. */
static void object_free(struct memory_object *pager)
{
    if (pager->terminate != NULL)
        ipc_kmsg_free(pager->terminate);
    if (pager->death != NULL)
        ipc_request_kernel_end(pager->pager, pager->death);
    port_free(pager->control);
    port_free(pager->name);
    if (pager->object != NULL)
        vm_object_unref(pager->object);
    if (pager->store != NULL)
        vm_store_free(pager->store);
    ipc_port_release_send(pager->pager);
    ledger_uncharge(pager->payer, sizeof(*pager));
    cache_free(&memory_object_cache, pager);
}

/* The kernel thread frees it: the end of its ports may be news for others, and who calls this may be told such news. */
void memory_object_unref(struct memory_object *pager)
{
    if (!ref_put(&pager->refs))
        return;
    spin_lock(&pagers.lock);
    pager->queued = true;
    list_insert_tail(&pagers.dead, &pager->work_link);
    bool wake = pagers.waiting;
    pagers.waiting = false;
    spin_unlock(&pagers.lock);
    if (wake)
        thread_wakeup(pagers.thread, THREAD_AWAKENED);
}

struct memory_object *memory_object_alloc(struct ledger_account *payer)
{
    struct memory_object *pager = NULL;

    if (ledger_charge(payer, sizeof(*pager)) && (pager = cache_alloc(&memory_object_cache)) == NULL)
        ledger_uncharge(payer, sizeof(*pager));
    if (pager == NULL)
        return NULL;
    *pager = (struct memory_object){
        .refs = 1, .payer = payer, .cluster = 1, .copy_strategy = MEMORY_OBJECT_COPY_DELAY};
    list_init(&pager->link);
    list_init(&pager->work_link);
    list_init(&pager->cache_link);
    list_init(&pager->requests);
    list_init(&pager->syncs);
    list_init(&pager->copies);
    return pager;
}

bool memory_object_build(struct memory_object *pager, struct ipc_port *right)
{
    struct ledger_account *payer = pager->payer;

    pager->pager = right;
    pager->object = vm_object_create_paged(payer, pager);
    pager->control = port_create(IPC_KOTYPE_MEMORY_CONTROL, pager);
    pager->name = port_create(IPC_KOTYPE_MEMORY_NAME, pager);
    pager->terminate = memory_object_message(sizeof(__Request__memory_object_terminate_t), payer);
    if (pager->object == NULL || pager->control == NULL || pager->name == NULL || pager->terminate == NULL)
        return false;
    pager->death = ipc_request_kernel_begin(pager->pager, ipc_port_make_send_once(pager->control), payer);
    return pager->death != NULL;
}

struct memory_object *memory_object_create(struct ipc_port *right, struct ledger_account *payer)
{
    struct memory_object *pager = memory_object_alloc(payer);

    if (pager == NULL)
        ipc_port_release_send(right);
    else if (memory_object_build(pager, right))
        return pager;
    else
        memory_object_unref(pager);
    return NULL;
}

static struct list *bucket_of(const struct ipc_port *port) REQUIRES(pagers.lock)
{
    return &pagers.bucket[(uintptr_t)port / sizeof(*port) % TABLE_SIZE];
}

/* The object that the table has for the port, with a reference; or NULL. */
static struct memory_object *table_find(const struct ipc_port *port) REQUIRES(pagers.lock)
{
    LIST_FOR_EACH(node, bucket_of(port))
    {
        struct memory_object *pager = CONTAINER_OF(node, struct memory_object, link);
        /* relaxed: memory_object_attach() looks again, under the lock */
        if (pager->pager == port && __atomic_load_n(&pager->state, __ATOMIC_RELAXED) != MEMORY_OBJECT_ENDED) {
            memory_object_ref(pager);
            return pager;
        }
    }
    return NULL;
}

static struct memory_object *table_lookup(const struct ipc_port *port)
{
    spin_lock(&pagers.lock);
    struct memory_object *pager = table_find(port);
    spin_unlock(&pagers.lock);
    return pager;
}

/* Enter an object, which the table then has a reference to as well, unless there is one. Returns that, with a reference, or NULL. */
static struct memory_object *table_enter(struct memory_object *pager)
{
    spin_lock(&pagers.lock);
    struct memory_object *there = table_find(pager->pager);
    if (there == NULL) {
        memory_object_ref(pager);
        list_insert_tail(bucket_of(pager->pager), &pager->link);
    }
    spin_unlock(&pagers.lock);
    return there;
}

void memory_object_discard(struct memory_object *pager)
{
    if (pager->death != NULL)
        memory_object_unwatch(pager);
    memory_object_unref(pager);
}

void memory_object_begin(struct memory_object *pager, struct vm_map_entry *entry)
{
    struct memory_object *there = table_enter(pager);
    bool attached = memory_object_attach(pager, entry);

    KASSERT(there == NULL && attached); /* nobody else has a right to its port yet */
    (void)there, (void)attached;
}

struct memory_object *memory_object_find(struct ipc_port *port, struct ledger_account *payer,
                                         kern_return_t *why)
{
    *why = KERN_INVALID_ARGUMENT;
    if (!IPC_PORT_VALID(port) || ipc_port_kotype(port) != IPC_KOTYPE_NONE)
        return NULL;
    struct memory_object *pager = table_lookup(port);
    if (pager != NULL)
        return pager;
    struct ipc_port *right = ipc_port_copy_send(port);
    if (right == IPC_PORT_DEAD)
        return NULL;
    *why = KERN_RESOURCE_SHORTAGE;
    struct ipc_kmsg *init = memory_object_message(sizeof(__Request__memory_object_init_t), payer);
    if (init == NULL) {
        ipc_port_release_send(right);
        return NULL;
    }
    pager = memory_object_create(right, payer);
    if (pager == NULL && !ipc_port_looks_alive(port))
        *why = KERN_INVALID_ARGUMENT;
    struct memory_object *there = pager != NULL ? table_enter(pager) : NULL;
    if (pager == NULL || there != NULL) {
        ipc_kmsg_free(init);
        if (pager != NULL)
            memory_object_discard(pager);
        return there;
    }
    memory_object_send_init(pager, init);
    return pager;
}

bool memory_object_attach(struct memory_object *pager, struct vm_map_entry *entry)
{
    struct vm_object *object = pager->object;

    spin_lock(&object->lock);
    bool alive = pager->state != MEMORY_OBJECT_ENDED;
    if (alive) {
        vm_object_ref(object);
        entry->object = object;
        list_insert_tail(&object->users, &entry->object_link);
    }
    spin_unlock(&object->lock);
    return alive;
}

void memory_object_copied(struct memory_object *pager, struct vm_object *copy)
{
    list_insert_tail(&pager->copies, &copy->copy_link);
}

void memory_object_pager_died(struct memory_object *pager)
{
    spin_lock(&pager->object->lock);
    if (pager->state != MEMORY_OBJECT_ENDED) {
        pager->state = MEMORY_OBJECT_FAILED;
        page_requests_answer(pager, 0, UINT64_MAX, THREAD_OBJECT_DEAD);
        memory_object_syncs_end(pager, THREAD_OBJECT_DEAD);
        if (memory_object_is_unused(pager)) /* nothing keeps what was cached */
            memory_object_unused(pager);
    }
    spin_unlock(&pager->object->lock);
    if (pager->store != NULL)
        vm_store_failed();
}

/* --- the end -------------------------------------------------------------------------------------------- */

bool memory_object_is_unused(const struct memory_object *pager)
{
    return pager->store == NULL && list_empty(&pager->object->users) && list_empty(&pager->copies);
}

void memory_object_unused(struct memory_object *pager)
{
    bool wake = false;

    spin_lock(&pagers.lock);
    if (!pager->queued) {
        memory_object_ref(pager);
        pager->queued = true;
        list_insert_tail(&pagers.queue, &pager->work_link);
        wake = pagers.waiting;
        pagers.waiting = false;
    }
    spin_unlock(&pagers.lock);
    if (wake)
        thread_wakeup(pagers.thread, THREAD_AWAKENED);
}

#define RETURN_AGAIN_MS 10u /* when there was no memory for it */

/* Give back some of what was changed, while nobody uses it. Returns false: there was no memory for that. */
static bool end_return(struct memory_object *pager)
{
    uint64_t index = pager->scan;

    if (!memory_object_return_pages(pager, &index, UINT64_MAX, VM_PAGE_DIRTY | VM_PAGE_PRECIOUS, false))
        return false;
    spin_lock(&pager->object->lock);
    const bool unused = memory_object_is_unused(pager);
    pager->scan = unused ? index : 0;
    if (unused)
        memory_object_unused(pager); /* to go on */
    spin_unlock(&pager->object->lock);
    return true;
}

/* Has it nothing to be given back any more, or nobody to give it to? Context: the object is locked. */
static bool end_is_clean(const struct memory_object *pager)
{
    return pager->scan == UINT64_MAX || pager->state != MEMORY_OBJECT_READY ||
           pager->copy_strategy == MEMORY_OBJECT_COPY_TEMPORARY;
}

/* What comes next for an object that nobody uses. */
enum end_step {
    END_NOTHING, /* somebody does, or its pages may stay, or it is done */
    END_RETURN,  /* pages are to be given back */
    END_FREE,    /* it has ended: its pages are freed, and then the pager is told */
};

static enum end_step end_next(struct memory_object *pager)
{
    enum end_step next = END_NOTHING;

    spin_lock(&pager->object->lock);
    const bool unused = memory_object_is_unused(pager);
    pager->uncached &= unused;
    const bool keep = unused && pager->may_cache && !pager->uncached && pager->state == MEMORY_OBJECT_READY;
    memory_object_keep(pager, keep);
    if (pager->state == MEMORY_OBJECT_ENDED) {
        next = pager->terminate != NULL ? END_FREE : END_NOTHING;
    } else if (!unused || keep) {
        pager->scan = 0;
    } else if (end_is_clean(pager)) {
        __atomic_store_n(&pager->state, MEMORY_OBJECT_ENDED, __ATOMIC_RELAXED);
        page_requests_answer(pager, 0, UINT64_MAX, THREAD_AWAKENED);
        memory_object_syncs_end(pager, THREAD_AWAKENED);
        next = END_FREE;
    } else {
        next = END_RETURN;
    }
    spin_unlock(&pager->object->lock);
    return next;
}

/* Free some pages of an object that has ended. Returns whether none is left. */
static bool end_clear(struct memory_object *pager)
{
    uint64_t budget = CLEAR_PAGES;

    spin_lock(&pager->object->lock);
    bool empty = vm_radix_clear(&pager->object->pages, &budget);
    if (!empty)
        memory_object_unused(pager); /* to go on */
    spin_unlock(&pager->object->lock);
    return empty;
}

static void end_finish(struct memory_object *pager)
{
    spin_lock(&pagers.lock);
    list_remove(&pager->link);
    spin_unlock(&pagers.lock);
    memory_object_unwatch(pager);
    send_terminate(pager);
    pager->terminate = NULL;
    memory_object_unref(pager); /* the table's */
}

/* The next object of the queue, with the queue's reference, or (*dead) without references; NULL: none, and the thread waits. */
static struct memory_object *work_next(struct thread *self, thread_continuation_t step, bool *dead)
{
    spin_lock(&pagers.lock);
    struct list *first = list_pop(&pagers.dead);
    *dead = first != NULL;
    if (first == NULL)
        first = list_pop(&pagers.queue);
    struct memory_object *pager = first != NULL ? CONTAINER_OF(first, struct memory_object, work_link) : NULL;
    if (pager != NULL) {
        pager->queued = false;
    } else {
        pagers.waiting = true;
        thread_block(self, THREAD_WAIT_KERNEL, &pagers, step);
    }
    spin_unlock(&pagers.lock);
    return pager;
}

/* One object; the exit runs it again, with interrupts taken in between. */
static void pager_step(struct thread *self)
{
    bool dead;
    struct memory_object *pager = work_next(self, pager_step, &dead);

    if (pager == NULL)
        return;
    if (dead) {
        object_free(pager);
        return;
    }
    const enum end_step next = end_next(pager);
    bool memory = true;
    if (next == END_RETURN)
        memory = end_return(pager);
    else if (next == END_FREE && end_clear(pager))
        end_finish(pager);
    if (!memory) { /* it stays in the queue, and memory may come */
        spin_lock(&pager->object->lock);
        memory_object_unused(pager);
        spin_unlock(&pager->object->lock);
        thread_sleep(self, RETURN_AGAIN_MS, pager_step);
    }
    memory_object_unref(pager);
}

void memory_object_start(void)
{
    pagers.thread = thread_create_kernel("pager", pager_step, SCHED_PRIORITY_DEFAULT + 1);
}
