/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for spin locks, and in checked builds the account of who holds what.  A CPU that waits serves its
 * mailbox on every turn: the holder may be waiting in smp_call() for exactly this CPU.
 */
#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/spinlock.h>

#ifndef KERN_CHECKED

void spin_init(spinlock_t *lock, enum lock_rank rank)
{
    (void)rank;
    lock->held = 0;
}

void spin_lock_wait(spinlock_t *lock) NO_THREAD_SAFETY_ANALYSIS
{
    do {
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0) {
            smp_poll();
            hal_cpu_pause();
        }
        /* acquire: what the previous holder wrote is visible after the exchange */
    } while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0);
}

#else

#define HELD_MAX (sizeof(((struct cpu *)0)->held) / sizeof(((struct cpu *)0)->held[0]))
#define WAIT_SECONDS_MAX 10u
#define TURNS_PER_CLOCK 1024u /* reading the time may be slow */

void spin_init(spinlock_t *lock, enum lock_rank rank)
{
    *lock = (spinlock_t){.rank = (uint16_t)rank};
}

void lock_rank_enter(const void *lock, enum lock_rank rank, bool same_rank_allowed, const char *file,
                     unsigned line)
{
    struct cpu *cpu = hal_cpu_self();

    for (uint32_t i = 0; i < cpu->held_count; i++) {
        uint32_t held = cpu->held[i].rank;
        if (held > rank || (held == rank && !same_rank_allowed))
            panic("lock order: rank %u at %s:%u while holding rank %u of %s:%u", rank, file, line, held,
                  cpu->held[i].file, cpu->held[i].line);
    }
    if (cpu->held_count == HELD_MAX)
        panic("too many locks at %s:%u", file, line);
    cpu->held[cpu->held_count].lock = lock;
    cpu->held[cpu->held_count].rank = rank;
    cpu->held[cpu->held_count].file = file;
    cpu->held[cpu->held_count].line = line;
    cpu->held_count++;
}

void lock_rank_leave(const void *lock)
{
    struct cpu *cpu = hal_cpu_self();

    for (uint32_t i = cpu->held_count; i-- > 0;) {
        if (cpu->held[i].lock != lock)
            continue;
        cpu->held[i] = cpu->held[--cpu->held_count];
        return;
    }
    panic("unlock of lock %p, which this CPU does not hold", lock);
}

void lock_assert_none(void)
{
    const struct cpu *cpu = hal_cpu_self();

    if (cpu->held_count > 0)
        panic("a lock is held where none may be: taken at %s:%u", cpu->held[0].file, cpu->held[0].line);
}

/* The holder may change while this is printed: the place is a hint. */
static void lock_wait_panic(const spinlock_t *lock, const char *file, unsigned line)
{
    panic("lock of rank %u wanted at %s:%u for %u s; held by CPU %u since %s:%u", lock->rank, file, line,
          WAIT_SECONDS_MAX, lock->owner - 1u, lock->file != NULL ? lock->file : "?", lock->line);
}

static void lock_wait(const spinlock_t *lock, const char *file, unsigned line)
{
    hal_ticks_t limit = hal_time_now() + WAIT_SECONDS_MAX * hal_info.time_hz;

    for (unsigned turn = 0; __atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0; turn++) {
        smp_poll();
        hal_cpu_pause();
        if (turn % TURNS_PER_CLOCK == TURNS_PER_CLOCK - 1 && hal_time_now() > limit)
            lock_wait_panic(lock, file, line);
    }
}

/* relaxed: others only compare it with themselves */
static void lock_owner_set(spinlock_t *lock, uint32_t owner)
{
    __atomic_store_n(&lock->owner, (uint16_t)owner, __ATOMIC_RELAXED);
}

static void lock_own(spinlock_t *lock, const char *file, unsigned line)
{
    lock_owner_set(lock, hal_cpu_self()->index + 1);
    lock->file = file;
    lock->line = line;
}

void spin_lock_checked(spinlock_t *lock, const char *file, unsigned line) NO_THREAD_SAFETY_ANALYSIS
{
    if (spin_held(lock))
        panic("lock taken twice, at %s:%u and %s:%u", lock->file, lock->line, file, line);
    lock_rank_enter(lock, lock->rank, false, file, line);
    /* acquire: what the previous holder wrote is visible after the exchange */
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0)
        lock_wait(lock, file, line);
    lock_own(lock, file, line);
}

bool spin_trylock_checked(spinlock_t *lock, const char *file, unsigned line) NO_THREAD_SAFETY_ANALYSIS
{
    if (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0)
        return false;
    lock_rank_enter(lock, lock->rank, true, file, line);
    lock_own(lock, file, line);
    return true;
}

void spin_unlock(spinlock_t *lock) NO_THREAD_SAFETY_ANALYSIS
{
    if (!spin_held(lock))
        panic("unlock of a lock that this CPU does not hold: rank %u, CPU %u, %s:%u", lock->rank,
              lock->owner - 1u, lock->file != NULL ? lock->file : "never taken", lock->line);
    lock_rank_leave(lock);
    lock_owner_set(lock, 0);
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

bool spin_held(const spinlock_t *lock)
{
    return __atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0 &&
           __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == hal_cpu_self()->index + 1;
}

#endif
