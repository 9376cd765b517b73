/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timeouts in leftist heaps.  A node's rank is the length of the shortest way from it down to a missing
 * child; the left child's rank is never less than the right one's, so a right spine has at most log2(n + 1)
 * nodes.  Merging walks two right spines; inserting, taking the first and taking any node off are merges.
 *
 * A CPU sets timeouts only in its own queue; any CPU may cancel.  timeout->cpu is written under the lock of
 * the queue that it names, before and after, so a canceller that finds it unchanged under that lock is right.
 */
#include <hal/hal.h>
#include <kern/cpu.h>
#include <kern/panic.h>
#include <sched/timeout.h>

#define EXPIRE_BATCH 32u /* functions run before other interrupts get their turn */

void timeout_queue_init(struct timeout_queue *q) NO_THREAD_SAFETY_ANALYSIS
{
    spin_init(&q->lock, LOCK_RANK_TIMEOUT);
    q->root = NULL;
}

static inline uint32_t rank_of(const struct timeout *node)
{
    return node == NULL ? 0 : node->rank;
}

/* Restore the shape at `node`, whose children have it. Returns whether its rank changed. */
static bool node_fix(struct timeout *node)
{
    if (rank_of(node->left) < rank_of(node->right)) {
        struct timeout *left = node->left;
        node->left = node->right;
        node->right = left;
    }
    uint32_t rank = rank_of(node->right) + 1;
    bool changed = node->rank != rank;
    node->rank = rank;
    return changed;
}

/* Merge two heaps, the roots of which have no parent. */
static struct timeout *heap_merge(struct timeout *a, struct timeout *b)
{
    struct timeout *root = NULL, *last = NULL;
    struct timeout **link = &root;

    /* both right spines become one, in order of deadline */
    while (a != NULL && b != NULL) {
        if (b->deadline < a->deadline) {
            struct timeout *other = a;
            a = b;
            b = other;
        }
        a->parent = last;
        *link = a;
        last = a;
        link = &a->right;
        a = a->right;
    }
    *link = a != NULL ? a : b;
    if (*link != NULL)
        (*link)->parent = last;
    for (; last != NULL; last = last->parent)
        (void)node_fix(last);
    return root;
}

static void heap_insert(struct timeout_queue *q, struct timeout *node) REQUIRES(q->lock)
{
    node->parent = NULL;
    node->left = NULL;
    node->right = NULL;
    node->rank = 1;
    q->root = heap_merge(q->root, node);
}

static void heap_remove(struct timeout_queue *q, struct timeout *node) REQUIRES(q->lock)
{
    struct timeout *parent = node->parent;

    if (node->left != NULL)
        node->left->parent = NULL;
    if (node->right != NULL)
        node->right->parent = NULL;
    struct timeout *rest = heap_merge(node->left, node->right);
    if (rest != NULL)
        rest->parent = parent;
    if (parent == NULL)
        q->root = rest;
    else if (parent->left == node)
        parent->left = rest;
    else
        parent->right = rest;
    while (parent != NULL && node_fix(parent))
        parent = parent->parent;
}

void timeout_set(struct timeout *timeout, hal_ticks_t deadline, timeout_function_t function)
{
    struct cpu *cpu = hal_cpu_self();

    KASSERT(timeout->cpu == NULL);
    timeout->deadline = deadline;
    timeout->function = function;
    spin_lock(&cpu->timeouts.lock);
    heap_insert(&cpu->timeouts, timeout);
    __atomic_store_n(&timeout->cpu, cpu, __ATOMIC_RELAXED);
    bool first = cpu->timeouts.root == timeout;
    spin_unlock(&cpu->timeouts.lock);
    if (first)
        timeout_arm(cpu);
}

bool timeout_cancel(struct timeout *timeout)
{
    /* acquire: NULL because it was taken off to run means that `running` is seen to be set (timeout_take) */
    struct cpu *cpu = __atomic_load_n(&timeout->cpu, __ATOMIC_ACQUIRE);

    if (cpu == NULL)
        return false;
    spin_lock(&cpu->timeouts.lock);
    bool queued = __atomic_load_n(&timeout->cpu, __ATOMIC_RELAXED) == cpu;
    if (queued) {
        heap_remove(&cpu->timeouts, timeout);
        __atomic_store_n(&timeout->cpu, NULL, __ATOMIC_RELAXED);
    }
    spin_unlock(&cpu->timeouts.lock);
    return queued;
}

void timeout_wait(const struct timeout *timeout)
{
    while (timeout_is_running(timeout)) {
        smp_poll();
        hal_cpu_pause();
    }
}

/* Take off the first timeout if it is due. */
static struct timeout *timeout_take(struct timeout_queue *q, hal_ticks_t now)
{
    spin_lock(&q->lock);
    struct timeout *first = q->root;
    if (first != NULL && first->deadline <= now) {
        heap_remove(q, first);
        __atomic_store_n(&first->running, true, __ATOMIC_RELAXED);
        /* release: who sees that it is off the queue sees that it runs */
        __atomic_store_n(&first->cpu, NULL, __ATOMIC_RELEASE);
    } else {
        first = NULL;
    }
    spin_unlock(&q->lock);
    return first;
}

void timeout_expire(void)
{
    struct cpu *cpu = hal_cpu_self();
    struct timeout *timeout;

    for (unsigned n = 0; n < EXPIRE_BATCH; n++) {
        if ((timeout = timeout_take(&cpu->timeouts, hal_time_now())) == NULL)
            break;
        timeout->function(timeout);
        /* release: the function's effect comes first; after this store the memory may go */
        __atomic_store_n(&timeout->running, false, __ATOMIC_RELEASE);
    }
    timeout_arm(cpu);
}

hal_ticks_t timeout_ms_to_ticks(uint32_t ms)
{
    uint64_t hz = hal_info.time_hz;

    /* ms < 2^32 and hz / 1000 < 2^32 for every clock below 4 THz */
    return ms * (hz / 1000) + (ms * (hz % 1000) + 999) / 1000;
}

void timeout_arm(struct cpu *cpu)
{
    spin_lock(&cpu->timeouts.lock);
    hal_ticks_t next = cpu->timeouts.root == NULL ? HAL_TIMER_OFF : cpu->timeouts.root->deadline;
    spin_unlock(&cpu->timeouts.lock);
    if (cpu->quantum_end < next)
        next = cpu->quantum_end;
    if (next < cpu->timer_deadline || (cpu->current == NULL && next != cpu->timer_deadline)) {
        cpu->timer_deadline = next;
        hal_timer_arm(next);
    }
}
