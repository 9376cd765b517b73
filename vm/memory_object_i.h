/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files that implement memory objects. */
#ifndef VM_MEMORY_OBJECT_I_H
#define VM_MEMORY_OBJECT_I_H

#include <ipc/kmsg.h>
#include <kern/list.h>
#include <kern/mig_kernel.h>
#include <mach/vm_param.h>
#include <mach/vm_sync.h>
#include <vm/memory_object.h>
#include <vm/vm_map_i.h>
#include <vm/vm_page_i.h>

struct ipc_port_request;

enum memory_object_state {
    MEMORY_OBJECT_NEW, /* the pager has not said that it is ready */
    MEMORY_OBJECT_READY,
    MEMORY_OBJECT_FAILED, /* the pager is dead, or has given the object up: nothing can be asked for */
    MEMORY_OBJECT_ENDED,  /* nothing shows it, and nothing will */
};

struct memory_object {
    struct list link;               /* of the table; its lock */
    uint64_t refs;                  /* kern/ref.h: the table's, the queue's, those of threads that wait */
    struct vm_object *object;       /* constant; a reference */
    struct ipc_port *pager;         /* constant; a send right */
    struct ipc_port *control;       /* kernel object, the pager's when it ends; constant; a reference */
    struct ipc_port *name;          /* the same */
    struct ipc_port_request *death; /* constant; tells when the pager's port dies */
    struct ipc_kmsg *terminate;     /* reserved, for the end */
    struct vm_store *store; /* what else belongs to the default pager's object; NULL: another; constant */
    struct ledger_account *payer; /* constant */
    struct list work_link;        /* of the queue; its lock */
    struct list cache_link;       /* memory_object_cache.c */
    bool queued;                  /* the same */

    /* under the lock of the object; of a new one nobody's */
    uint8_t state;  /* enum memory_object_state */
    bool may_cache; /* the pages stay without mappings */
    bool uncached;  /* but not this time: memory is low */
    memory_object_copy_strategy_t copy_strategy;
    uint32_t cluster;     /* pages that are asked for at once, if they are missing */
    uint64_t scan;        /* while it ends: pages below have nothing to be given back */
    struct list requests; /* struct page_request */
    struct list syncs;    /* the same: whose pager is to say that what was given back is safe */
    struct list copies;   /* struct vm_object.copy_link: those that have it as source */
};

/* Threads wait for the first of some pages, or for another of them. All but the constants under the lock of the object. */
struct page_request {
    struct list link;             /* memory_object.requests */
    struct list waiters;          /* struct thread.wait_link */
    uint64_t index;               /* of the first; constant */
    uint32_t count;               /* that were asked for, and not answered from there on */
    vm_prot_t access;             /* constant: what the pager was asked for */
    vm_sync_t sync;               /* constant; of a sync: VM_SYNC_* */
    struct ipc_kmsg *message;     /* not sent, until the pager is ready; or NULL */
    struct ledger_account *payer; /* constant */
};

/* Instead of the number of a page, in thread.page.index: the thread waits for memory, whatever page; or (of the default pager's object)
 * until fewer pages are asked for. */
#define MEMORY_OBJECT_ANY_PAGE UINT64_MAX
#define MEMORY_OBJECT_ANY_REQUEST (UINT64_MAX - 1)

void memory_object_fault_init_module(void);
void memory_object_cache_init_module(void);
/* The object stays though nobody uses it (keep), or it ends, or is used: it is no longer what can be ended. Context: it is locked. */
void memory_object_keep(struct memory_object *pager, bool keep);
/* A new object that is in no table, for a send right, which it consumes; one reference; or NULL. */
HAL_NODISCARD struct memory_object *memory_object_create(struct ipc_port *right,
                                                         struct ledger_account *payer);

/*
 * The same in two steps, where the stack is deep.  alloc: one reference, or NULL.  build: consumes the right; returns false without
 * memory, or if the pager's port is dead: the object is to be given up by memory_object_unref(), which frees it with an empty stack.
 */
HAL_NODISCARD struct memory_object *memory_object_alloc(struct ledger_account *payer);
HAL_NODISCARD bool memory_object_build(struct memory_object *pager, struct ipc_port *right);

/* One that nobody has seen goes, as far as it was built: its only reference is given up. */
void memory_object_discard(struct memory_object *pager);
/* A new one gets into the table, with another reference, and `entry`, which is in no map, shows it. */
void memory_object_begin(struct memory_object *pager, struct vm_map_entry *entry);
/* The pager is told of the object. */
void memory_object_send_init(const struct memory_object *pager, struct ipc_kmsg *kmsg);

/* The death of the pager is no news any more: so it is before the last reference to the object goes. Context: no lock. */
void memory_object_unwatch(struct memory_object *pager);

/* A page of the object is missing, or its pager does not let the access through: fill that in for memory_object_resolve(). Returns
 * KERN_PAGE_WAIT; KERN_MEMORY_ERROR the pager is dead. Context: the object is locked. */
kern_return_t memory_object_ask(struct memory_object *pager, uint64_t index, enum vm_object_access access,
                                struct vm_object_fill *fill);

/* A request that no object has yet, with its message, of `size` bytes (0: none), at the cost of the current task; or NULL. */
struct page_request *page_request_create(uint64_t index, uint32_t count, vm_prot_t access, uint32_t size);
/* Take it off its list; who waits is woken. Context: the object is locked. */
void page_request_end(struct page_request *request, enum thread_wait_result result);
/* The current thread has to wait for `request`, of `pager`: both are the thread's from now on. */
void page_request_note(struct memory_object *pager, struct page_request *request, bool sync);
/* All who wait for the pager to make safe what was given back to it. Context: the object is locked. */
void memory_object_syncs_end(struct memory_object *pager, enum thread_wait_result result);
/* What its message says. Context: the object is locked. */
void memory_object_sync_fill(const struct memory_object *pager, const struct page_request *request);

/* The request that asked for the page, or NULL. */
struct page_request *page_request_find(const struct memory_object *pager, uint64_t index);
/*
 * The pager has said something of pages [first, end): all who wait for one of them are woken with `result` (THREAD_AWAKENED: they try again;
 * THREAD_OBJECT_DEAD: they get an error).  What else was asked for from `first` on is not expected any more: who waits for it tries again.
 * Context: the object is locked.
 */
void page_requests_answer(struct memory_object *pager, uint64_t first, uint64_t end,
                          enum thread_wait_result result);
/* The pages are there. One who waits is left for the caller to wake, *waiter, unless there is one already. Context: as above. */
void page_requests_supplied(struct memory_object *pager, uint64_t first, uint64_t end,
                            struct thread **waiter);

/* They get an error. / The first page in [first, end) that somebody waits for, *index; false: none. Context: no lock. */
void page_request_fail(struct memory_object *pager, uint64_t first, uint64_t end);
bool page_request_first(struct memory_object *pager, uint64_t first, uint64_t end, uint64_t *index);
/* The pager is ready: send what could not be sent. Context: no lock. */
void page_requests_send(struct memory_object *pager);

static inline void memory_object_set_lock(struct vm_page *page, vm_prot_t lock)
{
    const uint8_t marks = VM_PAGE_DIRTY | VM_PAGE_GIVEN | VM_PAGE_PRECIOUS;

    page->pager_flags = (uint8_t)((page->pager_flags & marks) | (uint8_t)lock << VM_PAGE_LOCK_SHIFT);
}
/* Pages [*first, *end) of an object. Returns false: no whole pages, or they wrap around. */
static inline bool memory_object_range(memory_object_offset_t offset, uint64_t size, uint64_t *first,
                                       uint64_t *end)
{
    if (((offset | size) & PAGE_MASK) != 0 || size > UINT64_MAX - offset)
        return false;
    *first = offset >> PAGE_SHIFT;
    *end = (offset + size) >> PAGE_SHIFT;
    return true;
}
/* Does the page let `access` through? */
static inline bool memory_object_allows(const struct vm_page *page, vm_prot_t access)
{
    const vm_prot_t lock = page->pager_flags >> VM_PAGE_LOCK_SHIFT;

    return (lock & access) == 0 && (lock & VM_PROT_EXECUTE) == 0;
}

/*
 * Give back to the pager the pages with one of `marks` (VM_PAGE_*) from number *index on, below `end`, as far as they follow each
 * other, up to a few.  flush: what was looked at leaves memory, but for wired pages.  *index becomes the next page to be
 * looked at, `end` if there is none.
 * Returns false: there was no memory for the page at *index.
 * Context: no lock.
 */
HAL_NODISCARD bool memory_object_return_pages(struct memory_object *pager, uint64_t *index, uint64_t end,
                                              uint8_t marks, bool flush);

/* A message to a pager, with room for `size` bytes. NULL without memory. */
struct ipc_kmsg *memory_object_message(uint32_t size, struct ledger_account *payer);
/* What the stub that fills it in needs: it will have as many descriptors. */
struct mig_kernel_message memory_object_fill(struct ipc_kmsg *kmsg, unsigned descriptors);
/* Send it, in two steps: it gets a right to the pager's port; then it goes, and perhaps (handoff) who receives it runs next. */
void memory_object_address(struct ipc_port *port, struct ipc_kmsg *kmsg);
void memory_object_post(struct ipc_kmsg *kmsg, bool handoff);
/* The second step where the object is locked, so that messages come in the order of what they tell. *receiver: to be woken, or NULL.
 * Returns false: the pager is dead, the message is the caller's to destroy. */
HAL_NODISCARD bool memory_object_queue(struct ipc_kmsg *kmsg, struct thread **receiver);
/* Send it: never blocks, ignores limits, and does nothing if the pager is dead. Context: no lock. */
void memory_object_send(const struct memory_object *pager, struct ipc_kmsg *kmsg);
/* The same by `port`, of one that carries receive rights. */
void memory_object_pass(struct ipc_port *port, struct ipc_kmsg *kmsg);
/* A message by a send-once right: the same. */
void memory_object_reply(struct ipc_port *reply_to, struct ipc_kmsg *kmsg);

#endif
