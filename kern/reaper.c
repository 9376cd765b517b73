/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/hal.h>
#include <kern/list.h>
#include <kern/reaper.h>
#include <kern/spinlock.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <sched/sched.h>

static struct {
    spinlock_t lock; /* rank LOCK_RANK_REAPER */
    struct list queue GUARDED_BY(lock);
    bool waiting GUARDED_BY(lock);
    struct thread *thread;
} reaper;

void reaper_enter(struct task *task)
{
    spin_lock(&reaper.lock);
    list_insert_tail(&reaper.queue, &task->link);
    bool waiting = reaper.waiting;
    reaper.waiting = false;
    spin_unlock(&reaper.lock);
    if (waiting)
        thread_wakeup(reaper.thread, THREAD_AWAKENED);
}

/* The task to work on, which stays in the queue; NULL: none, and the reaper waits. */
static struct task *reaper_next(struct thread *self);

/* One step for the task at the head; the exit runs it again, with interrupts taken in between. */
static void reaper_step(struct thread *self)
{
    struct task *task = reaper_next(self);

    if (task == NULL || !task_reclaim_step(task))
        return;
    spin_lock(&reaper.lock);
    list_remove(&task->link);
    spin_unlock(&reaper.lock);
    task_unref(task);
}

static struct task *reaper_next(struct thread *self)
{
    spin_lock(&reaper.lock);
    struct list *first = list_first(&reaper.queue);
    if (first == NULL) {
        reaper.waiting = true;
        thread_block(self, THREAD_WAIT_KERNEL, &reaper, reaper_step);
    }
    spin_unlock(&reaper.lock);
    return first == NULL ? NULL : CONTAINER_OF(first, struct task, link);
}

void reaper_start(void) NO_THREAD_SAFETY_ANALYSIS
{
    spin_init(&reaper.lock, LOCK_RANK_REAPER);
    list_init(&reaper.queue);
    reaper.thread = thread_create_kernel("reaper", reaper_step, SCHED_PRIORITY_DEFAULT + 1);
}
