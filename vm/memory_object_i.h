/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files that implement memory objects. */
#ifndef VM_MEMORY_OBJECT_I_H
#define VM_MEMORY_OBJECT_I_H

#include <ipc/kmsg.h>
#include <kern/list.h>
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
    struct ipc_port *control;       /* kernel object; constant until it ends */
    struct ipc_port *name;          /* the same */
    struct ipc_port_request *death; /* constant; tells when the pager's port dies */
    struct ipc_kmsg *terminate;     /* reserved, for the end */
    struct ledger_account *payer;   /* constant */
    struct list work_link;          /* of the queue; its lock */
    bool queued;                    /* the same */

    /* under the lock of the object */
    uint8_t state;  /* enum memory_object_state */
    bool may_cache; /* the pages stay without mappings */
    int copy_strategy;
    struct list requests; /* struct page_request */
    struct list copies;   /* struct vm_object.copy_link: those that have it as source */
};

/* Threads wait for a page. All but the constants under the lock of the object. */
struct page_request {
    struct list link;             /* memory_object.requests */
    struct list waiters;          /* struct thread.wait_link */
    uint64_t index;               /* constant */
    vm_prot_t access;             /* constant: what the pager was asked for */
    struct ipc_kmsg *message;     /* not sent, until the pager is ready; or NULL */
    struct ledger_account *payer; /* constant */
};

void memory_object_fault_init_module(void);

/* The request for the page, or NULL. */
struct page_request *page_request_find(const struct memory_object *pager, uint64_t index);
/*
 * The requests for [first, end) are answered: all who wait are woken with `result` (THREAD_AWAKENED: they try again;
 * THREAD_OBJECT_DEAD: they get an error).
 * Context: the object is locked.
 */
void page_requests_answer(struct memory_object *pager, uint64_t first, uint64_t end,
                          enum thread_wait_result result);

/* The same for those that wait for an error. The first index in [first, end) that is asked for; false: none. Context: no lock. */
void page_request_fail(struct memory_object *pager, uint64_t first, uint64_t end);
bool page_request_first(struct memory_object *pager, uint64_t first, uint64_t end, uint64_t *index);
/* The pager is ready: send what could not be sent. Context: no lock. */
void page_requests_send(struct memory_object *pager);

/* A message to a pager, with room for `size` bytes and `rights` rights, for the stub to fill. NULL without memory. */
#define MEMORY_OBJECT_RIGHTS_MAX 2u
struct ipc_kmsg *memory_object_message(uint32_t size, unsigned rights, struct ledger_account *payer);
/* Send it: never blocks, ignores limits, and does nothing if the pager is dead. Context: no lock. */
void memory_object_send(const struct memory_object *pager, struct ipc_kmsg *kmsg);
/* Tell who wants to know (NULL: nobody) how a supply went; consumes the send-once right. Without memory that goes unused. */
void memory_object_supply_done(const struct memory_object *pager, struct ipc_port *reply_to, uint64_t offset,
                               uint64_t size, kern_return_t result, uint64_t error_offset);

#endif
