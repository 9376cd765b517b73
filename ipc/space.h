/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Name spaces: the table of port rights of a task.
 *
 * A name is index << 8 | generation (index 0 is not used).  Entry i is in leaf page i / IPC_LEAF_ENTRIES; leaf pages
 * never move and live as long as the space, so a CPU on the fast path reads entries without a lock.  The directory of
 * leaves doubles; old directories are kept until the space is freed for the same reason.
 *
 * entry.key == name exactly when the entry is a plain send right; every other kind keeps ~name there, so the fast path
 * checks generation and type with one compare (an index never equals its own complement).
 *
 * Port -> name: a port knows the name of its receive right; for send rights alone there is a hash table inside the space (linear
 * hashing: it grows by one bucket per insert, so no insert costs O(n)).
 */
#ifndef IPC_SPACE_H
#define IPC_SPACE_H

#include <hal/types.h>
#include <ipc/port.h>
#include <ipc/uref.h>
#include <kern/ledger.h>
#include <kern/ref.h>
#include <kern/spinlock.h>
#include <mach/port.h>

/*
 * Lock: the space's.  A send or send-once entry of a live port changes only while that port is locked too, so that the
 * fast path, which holds the port and not the space, finds it stable.  A thread may hold one *reserved* entry (bits 0,
 * on no list, its next name in key) into which the fast path mints a send-once right without the space's lock.
 */
struct ipc_entry {
    union {
        uint32_t key; /* name, or ~name */
        uint8_t
            generation; /* its low byte (all ISAs are little endian): in key == ~name, one less is the next generation */
    };
    uint32_t bits; /* type (MACH_PORT_TYPE_*), 0: free or reserved */
    void *
        object; /* struct ipc_port (a reference), struct ipc_pset (likewise), or &ipc_object_none (dead name, free) */
    uint32_t urefs;                   /* send and dead name: 1 .. IPC_UREFS_MAX; others 1 or 0 */
    uint32_t next;                    /* index: next in hash chain, or next free entry */
    struct ipc_port_request *request; /* for a notification, or NULL */
};
_Static_assert(sizeof(struct ipc_entry) == 32, "entries are found by shift");

#define IPC_LEAF_SHIFT 7u
#define IPC_LEAF_ENTRIES (1u << IPC_LEAF_SHIFT)
#define IPC_SPACE_NAMES_MAX LEDGER_NAMES_MAX /* indices */

#define IPC_NAME_INDEX(name) ((uint32_t)(name) / 256u)
#define IPC_NAME_GENERATION(name) ((uint32_t)(name) & 255u)
#define IPC_NAME(index, generation) ((mach_port_name_t)((index) << 8 | (generation)))

struct ipc_space {
    struct ipc_entry **leaf; /* directory; read without the lock on the fast path */
    uint32_t size; /* entries that have leaves: a multiple of IPC_LEAF_ENTRIES; written after leaf */
    uint32_t leaf_capacity;
    spinlock_t lock; /* rank LOCK_RANK_SPACE; all below, and writes above */
    bool active;
    uint64_t refs;             /* kern/ref.h */
    uint32_t free;             /* index of the first free entry, 0: none */
    uint32_t used;             /* entries in use */
    uint32_t clear_cursor;     /* next index that ipc_space_clear_step() looks at */
    struct ipc_directory *old; /* directories outgrown */
    struct ipc_entry
        *recent; /* would be in the hash table, but came last, or vacant (ipc/hash.h), or &ipc_entry_none */
    uint32_t **bucket;     /* hash table (ipc/hash.c): pages of heads */
    uint32_t bucket_pages; /* room in `bucket` */
    uint32_t bucket_count; /* buckets that exist */
    uint32_t hash_mask;
    uint32_t hash_used;
    struct ledger *ledger; /* constant; of the task */
    uint64_t charged;      /* bytes of tables */
};
typedef struct ipc_space *ipc_space_t;

void ipc_space_init_module(void);
/* A new empty space, one reference, or NULL. It and its tables are charged to the ledger, which limits its names, too. */
HAL_NODISCARD struct ipc_space *ipc_space_create(struct ledger *ledger);
/* The last reference went. */
void ipc_space_free(struct ipc_space *space);

static inline void ipc_space_ref(struct ipc_space *space)
{
    ref_get(&space->refs);
}

static inline void ipc_space_unref(struct ipc_space *space)
{
    if (ref_put(&space->refs))
        ipc_space_free(space);
}

/* Memory for its tables, which lives as long as the space: paid for. Returns false above the limit. Context: space->lock held,
 * or nobody else knows the space. */
HAL_NODISCARD bool ipc_space_charge(struct ipc_space *space, uint64_t bytes);
/* There is less of it. */
void ipc_space_uncharge(struct ipc_space *space, uint64_t bytes);

/* Names in use, those in reserve for waiting threads included. */
uint32_t ipc_space_names(struct ipc_space *space);

/* From now on nothing enters it. */
void ipc_space_deactivate(struct ipc_space *space);
/* Destroy up to a bounded number of rights of an inactive space. Returns true when none is left. */
bool ipc_space_clear_step(struct ipc_space *space);

#endif
