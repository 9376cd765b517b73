/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the audit. */
#ifndef AUDIT_I_H
#define AUDIT_I_H

#include <hal/hal.h>
#include <ipc/entry.h>
#include <ipc/kmsg.h>
#include <ipc/msg.h>
#include <ipc/port.h>
#include <ipc/pset.h>
#include <kern/cpu.h>
#include <kern/host.h>
#include <kern/task.h>
#include <vm/memory_object_i.h>
#include <vm/vm_map_copy.h>
#include <vm/vm_map_i.h>
#include <vm/vm_stat.h>

#include "audit.h"
#include "audit_private.h"

/* The audit ends here: the invariant `check` does not hold for the object at `object`. */
_Noreturn void audit_fail(const char *check, const void *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define AUDIT(condition, check, object, ...)                                                                 \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            audit_fail(check, object, __VA_ARGS__);                                                          \
    } while (0)

/* --- memory (audit_memory.c) --- */

enum audit_kind {
    AUDIT_PORT,
    AUDIT_REQUEST,
    AUDIT_PSET,
    AUDIT_PSET_LINK,
    AUDIT_SPACE,
    AUDIT_KMSG,
    AUDIT_TASK,
    AUDIT_THREAD,
    AUDIT_MAP,
    AUDIT_MAP_ENTRY,
    AUDIT_MAP_COPY,
    AUDIT_MEMORY_ENTRY,
    AUDIT_OBJECT,
    AUDIT_PAGER,
    AUDIT_PAGE_REQUEST,
    AUDIT_PAGE_OUT,
    AUDIT_RADIX,
    AUDIT_STORE,
    AUDIT_PMAP,
    AUDIT_FPU,
    AUDIT_LEDGER,
    AUDIT_INTERRUPT,
    AUDIT_KMEM, /* memory of any size, from all its caches */
    AUDIT_KINDS,
};

/* An object that is allocated, and what points to it. */
struct audit_object {
    char *address;
    const struct cache *cache;
    const char *owner; /* who has it, for what has one owner */
    uint64_t refs;
    uint64_t srights;
    uint32_t sorights;
    uint32_t places; /* where a receive right is, a thread is queued, or a memory object is shown */
    const struct list *entries; /* of a memory object: of the first map or copy that has it, and how */
    int64_t distance;           /* far from its offsets the addresses there are */
    bool several;               /* more than one of them, or distance */
    struct ipc_port *queue;     /* of a port in transit: the port that the message waits at */
};

struct audit_objects {
    struct audit_object *object; /* by address */
    size_t count;
};

/* Check page allocator and caches; find all objects. */
void audit_memory_begin(void);
/* All pages and objects have owners. */
void audit_memory_end(void);
void audit_memory_free(void);

const struct audit_objects *audit_objects(enum audit_kind kind);
/* The object, which `holder` points to: it must be allocated. */
struct audit_object *audit_object(enum audit_kind kind, const void *address, const void *holder);
/* The same; `owner` is the only one that has it. */
struct audit_object *audit_own(enum audit_kind kind, const void *address, const char *owner);
/* The memory from kmem_alloc(size), or the pages from vm_page_alloc(order), belong to `owner` alone. */
void audit_own_memory(const void *address, size_t size, const char *owner);
void audit_own_pages(const void *address, unsigned order, const char *owner);
/* A memory object, or a node of its tree, has a reference to the page. */
void audit_page_ref(const struct vm_page *page, const void *holder);
/* How many pages have such references. */
uint64_t audit_page_count(void);
/* Note who pays them. */
void audit_page_charges(void);
/* The page structure of a page that is in use. */
const struct vm_page *audit_page(const void *address, const void *holder);
/* The page with number `index` of the object, or NULL.  *own: nothing on the way to it is shared; *writable: it counts as
 * mapped writable. */
const struct vm_page *audit_object_page(const struct vm_object *object, uint64_t index, bool *own,
                                        bool *writable);
/* Is [address, address + size) memory that the kernel may have objects in? */
bool audit_is_memory(const void *address, size_t size);

#define AUDIT_EACH(o, kind)                                                                                  \
    for (struct audit_object *o = audit_objects(kind)->object, *o##_end = o + audit_objects(kind)->count;    \
         o < o##_end; o++)

/* The node behind `node` of the list `head`, checked for being linked both ways. */
struct list *audit_next(const struct list *head, struct list *node);

#define AUDIT_LIST(node, head)                                                                               \
    for (struct list *node = audit_next(head, (struct list *)(head)); node != (head);                        \
         node = audit_next(head, node))

bool audit_on_list(const struct list *head, const struct list *node);
uint32_t audit_list_count(const struct list *head);

/* --- the modules --- */

void audit_sched(void);   /* audit_sched.c: CPUs, run queues, timeouts */
void audit_threads(void); /* audit_thread.c: threads and tasks */
void audit_spaces(void);  /* audit_space.c: name spaces */
void audit_ports(void);   /* audit_port.c: ports, sets, messages */
void audit_port_counts(void);
void audit_maps(void); /* audit_vm.c: maps and objects; behind the ports, whose messages have copies */
void audit_copy(const struct vm_map_copy *copy, uint64_t size, const char *holder);
/* A memory entry, which a port alone holds. */
void audit_memory_entry(const struct vm_memory_entry *entry);
void audit_pagers(void); /* audit_pager.c: memory objects of pagers, behind the threads that wait for them */
void audit_pages_out(void); /* behind the maps: what stands for pages that are out */
/* The request that the thread has in hand, if there is one. */
void audit_page_request(const struct thread *t);
/* Is the thread among those that wait for the page that it notes? */
bool audit_page_waits(const struct thread *t);
/* Does the copy show what is number `index` of its source? */
bool audit_copy_shows(const struct vm_object *copy, uint64_t index);
void audit_pmaps(void); /* audit_pmap.c: page tables, ASIDs, TLBs */

/* --- who pays (audit_ledger.c) --- */

/* `bytes` were charged to the account for the object at `object`. */
void audit_charge(const struct ledger_account *account, uint64_t bytes, const void *object);
void audit_ledgers_begin(void); /* behind audit_memory_begin() */
void audit_ledgers(void); /* behind all others: adds up what is charged by kind of object, and compares */

/* --- rights, as they are found --- */

enum audit_right { AUDIT_RECEIVE, AUDIT_SEND, AUDIT_SEND_ONCE };

/* `holder` has a right to `port`; NULL and IPC_PORT_DEAD are fine. */
void audit_right(const struct ipc_port *port, enum audit_right right, const void *holder);
/* `holder` has a reference to the port, and no right. */
void audit_port_ref(const struct ipc_port *port, const void *holder);
/* `holder` has the message, and what was in it is not its any more. */
void audit_message_memory(struct ipc_kmsg *kmsg, const char *holder);
/* The same, but the descriptors from `next` on are in kernel form; named: that one, an array, has names already. */
void audit_message_rest(struct ipc_kmsg *kmsg, uint32_t next, bool named, const char *holder);
/* `holder` has the message; `queue` is the port that it waits at, or NULL. */
void audit_message(struct ipc_kmsg *kmsg, struct ipc_port *queue, const char *holder);

#endif
