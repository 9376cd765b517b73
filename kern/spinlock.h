/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin locks, ranked.  A CPU may take a lock only while every lock that it holds has a lower rank (two of the
 * same rank only where lock_rank_enter() is told so).  Checked builds verify rank and owner and panic with both places.
 * A CPU that waits for a lock serves its cross-call mailbox (kern/smp.h), so shootdown can't deadlock. The
 * kernel runs with interrupts masked, so no lock needs to mask them.
 */
#ifndef KERN_SPINLOCK_H
#define KERN_SPINLOCK_H

#include <kern/thread_safety.h>
#include <stdbool.h>
#include <stdint.h>

/* The lock order, lowest first. */
enum lock_rank {
    LOCK_RANK_TASK = 1,     /* struct task: threads, special ports */
    LOCK_RANK_MAP,          /* struct vm_map */
    LOCK_RANK_OBJECT,       /* struct vm_object */
    LOCK_RANK_PAGED_OBJECT, /* one with a pager */
    LOCK_RANK_SPACE,        /* struct ipc_space */
    LOCK_RANK_TRANSIT,      /* destinations of receive rights in messages */
    LOCK_RANK_PORT,         /* struct ipc_port (its lock is the word `rx`) */
    LOCK_RANK_PSET,         /* struct ipc_pset */
    LOCK_RANK_PAGER,        /* table of memory objects */
    LOCK_RANK_REAPER,       /* queue of the reaper */
    LOCK_RANK_THREAD,       /* struct thread */
    LOCK_RANK_TIMEOUT,      /* timeout queue of a CPU */
    LOCK_RANK_RUNQ,         /* run queue of a CPU */
    LOCK_RANK_PMAP,         /* struct pmap */
    LOCK_RANK_ASID,         /* ASID allocator */
    LOCK_RANK_SMP,          /* cross-calls */
    LOCK_RANK_INTERRUPT,    /* table of device lines */
    LOCK_RANK_CACHE,        /* object caches */
    LOCK_RANK_PAGE,         /* page allocator */
    LOCK_RANK_LEDGER,       /* tree of ledgers */
    LOCK_RANK_CONSOLE,      /* console output */
};

typedef struct CAPABILITY("spinlock") spinlock {
    uint32_t held;
#ifdef KERN_CHECKED
    uint16_t rank;
    uint16_t owner; /* CPU index + 1 */
    const char *file;
    uint32_t line;
#endif
} spinlock_t;

/* Make an unlocked lock of `rank`. */
void spin_init(spinlock_t *lock, enum lock_rank rank);

#ifdef KERN_CHECKED
void spin_lock_checked(spinlock_t *lock, const char *file, unsigned line) ACQUIRE(*lock);
bool spin_trylock_checked(spinlock_t *lock, const char *file, unsigned line) TRY_ACQUIRE(true, *lock);
void spin_unlock(spinlock_t *lock) RELEASE(*lock);
bool spin_held(const spinlock_t *lock); /* by this CPU */
#define spin_lock(lock) spin_lock_checked(lock, __FILE__, __LINE__)
#define spin_trylock(lock) spin_trylock_checked(lock, __FILE__, __LINE__)
#else
/* Wait until nobody else holds the lock; out of line part of spin_lock(). */
void spin_lock_wait(spinlock_t *lock);

static inline void spin_lock(spinlock_t *lock) ACQUIRE(*lock) NO_THREAD_SAFETY_ANALYSIS
{
    /* acquire: what the previous holder wrote is visible after the exchange */
    if (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0)
        spin_lock_wait(lock);
}

static inline bool spin_trylock(spinlock_t *lock) TRY_ACQUIRE(true, *lock) NO_THREAD_SAFETY_ANALYSIS
{
    return __atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spin_unlock(spinlock_t *lock) RELEASE(*lock) NO_THREAD_SAFETY_ANALYSIS
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}
#endif

/* This CPU holds no lock. Nothing in release builds. */
#ifdef KERN_CHECKED
void lock_assert_none(void);
#else
#define lock_assert_none() ((void)0)
#endif

/* For words that serve as locks themselves (ipc/port.h): account in checked builds, nothing in release
 * builds. */
#ifdef KERN_CHECKED
void lock_rank_enter(const void *lock, enum lock_rank rank, bool same_rank_allowed, const char *file,
                     unsigned line);
void lock_rank_leave(const void *lock);
#else
#define lock_rank_enter(lock, rank, same, file, line) ((void)0)
#define lock_rank_leave(lock) ((void)0)
#endif

#endif
