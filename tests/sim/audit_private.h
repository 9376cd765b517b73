/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private parts of the kernel that the audit looks at: copies of the definitions in the files named, and their
 * variables, which the build makes visible (audit_private.txt).  A copy that has become wrong shows in the first audit
 * after boot.
 */
#ifndef AUDIT_PRIVATE_H
#define AUDIT_PRIVATE_H

#include <hal/info.h>
#include <kern/cache.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <vm/pmap.h>
#include <vm/vm_page_i.h>

/* --- kern/cache.c --- */
struct slab {
    struct list link;
    struct cache *cache;
    uint32_t free_count;
    uint16_t free[]; /* [slab_capacity], then uint8_t live[slab_capacity] */
};

extern struct list cache_list;

/* --- vm/vm_page.c --- */
struct vm_page_zone {
    uint64_t first;
    uint64_t count;
    struct vm_page *page;
};

struct vm_page_cache {
    uint32_t count;
    uint32_t zero_count;
    bool refused;
    void *page[64];
    void *zero[4];
} __attribute__((aligned(64)));

extern struct list page_free_list[VM_PAGE_ORDER_MAX + 1];
extern uint64_t page_free_blocks;
extern struct vm_page_zone zone_table[];
extern uint32_t zone_count;
extern uint64_t page_total;
extern struct vm_page_cache page_cache[HAL_CPU_MAX];

/* --- vm/memory_object.c --- */
extern struct pager_table {
    spinlock_t lock;
    struct list bucket[64];
    struct list queue;
    struct list dead;
    bool waiting;
    struct thread *thread;
} pagers;
void pager_step(struct thread *self);

/* --- vm/vm_store.c, vm/vm_pageout.c --- */
struct vm_page_out {
    struct vm_page page;
    struct memory_object *store;
    uint64_t index;
    bool sent;
};
struct vm_store {
    struct memory_object *object;
    struct ipc_port *manager;
    uint64_t limit;
    uint64_t count;
    uint64_t next;
    struct list waiters;
    struct list askers;
};
extern struct store_list {
    spinlock_t lock;
    struct memory_object *store;
    struct list forgotten;
} stores;
extern struct pageout_state {
    spinlock_t lock;
    struct list maps;
    uint64_t map_count;
    bool waiting;
    bool wanted;
    uint64_t kept;
    struct thread *thread;
} pageout;
void pageout_step(struct thread *self);

/* --- ipc/msg.c --- */
void msg_accept_continue(struct thread *self);
void msg_copyout_continue(struct thread *self);
void msg_unsent_continue(struct thread *self);
void msg_write_continue(struct thread *self);

/* --- vm/vm_radix.c --- */
#define RADIX_SHIFT 6u
#define RADIX_SLOTS (1u << RADIX_SHIFT)

struct radix_node {
    uint64_t refs;
    uint64_t used;
    uint64_t writable;
    struct ledger_account *payer;
    void *slot[RADIX_SLOTS];
};

/* --- vm/pmap_asid.c --- */
extern struct list asid_pmaps;
extern uint32_t asid_limit;
extern uint64_t pmap_kernel_token;

/* --- ipc/space.c, ipc/hash.c --- */
struct ipc_directory {
    struct ipc_directory *next;
    struct ipc_entry **leaf;
    uint32_t capacity;
};

extern struct ipc_entry empty_leaf[];

#define BUCKETS_PAGE 1024u

/* --- ipc/kmsg.c --- */
#define KMSG_SMALL 256u

/* --- kern/reaper.c --- */
struct reaper {
    spinlock_t lock;
    struct list queue;
    bool waiting;
    struct thread *thread;
};

extern struct reaper reaper;

/* --- kern/interrupt.c --- */
struct interrupt {
    uint64_t refs;
    struct ledger_account *payer;
    hal_irq_t line;
    struct ipc_kmsg *message;
};

extern struct interrupt *interrupt_table[HAL_IRQ_MAX];

/* --- sched/sched.c --- */
extern cpu_mask_t idle_cpus;

/* --- continuations: ipc/msg.c, ipc/rpc.c, kern/exception.c, kern/trap_calls.c, kern/reaper.c --- */
void msg_send_continue(struct thread *self);
void rpc_send_continue(struct thread *self);
void exception_continue(struct thread *self);
void wait_over(struct thread *self);
void reaper_step(struct thread *self);

#endif
