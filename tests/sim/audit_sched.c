/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of CPUs: run queues, timeouts, kicked threads, and what the machine is made to do. */
#include <inttypes.h>
#include <sim/sim.h>

#include "audit_i.h"

static void queue_thread(const struct thread *t, const struct cpu *cpu, const char *place)
{
    struct audit_object *o = audit_object(AUDIT_THREAD, t, cpu);

    o->places++;
    AUDIT(t->state == THREAD_READY && t->cpu == cpu, "run-queue", t,
          "in %s of CPU %u: state %u, its CPU is %u", place, cpu->index, t->state,
          t->cpu != NULL ? t->cpu->index : UINT32_MAX);
}

static uint64_t best_ready(const struct cpu *cpu)
{
    return cpu->runq.bitmap == 0 ? 0 : 31u - (unsigned)__builtin_clz(cpu->runq.bitmap);
}

static void check_run_queue(const struct cpu *cpu)
{
    const struct sched_runq *q = &cpu->runq;
    uint32_t count = 0;

    for (unsigned priority = 0; priority < SCHED_PRIORITIES; priority++) {
        bool empty = list_empty(&q->queue[priority]);
        AUDIT(empty == ((q->bitmap >> priority & 1) == 0), "run-bitmap", cpu, "priority %u, bitmap 0x%x",
              priority, q->bitmap);
        AUDIT_LIST(node, &q->queue[priority])
        {
            const struct thread *t = CONTAINER_OF(node, struct thread, run_link);
            queue_thread(t, cpu, "the run queue");
            AUDIT(t->priority == priority, "run-priority", t, "priority %" PRIu64 ", in queue %u",
                  t->priority, priority);
            count++;
        }
    }
    AUDIT(count == q->count, "run-count", cpu, "%u threads in the queue, counted %u", count, q->count);
    AUDIT(cpu->top_priority == CPU_TOP_URGENT || cpu->top_priority == best_ready(cpu), "run-top", cpu,
          "best priority %" PRIu64 ", top_priority %" PRIu64, best_ready(cpu), cpu->top_priority);
    if (cpu->handoff != NULL)
        queue_thread(cpu->handoff, cpu, "hand-off");
}

/* --- timeouts --- */

static const struct thread *timeout_thread(const struct timeout *node)
{
    AUDIT_EACH(o, AUDIT_THREAD)
    {
        const struct thread *t = (const void *)o->address;
        if (node == &t->timeout || node == &t->depression)
            return t;
    }
    return NULL;
}

/* Returns the nodes below `node`, itself included. */
static uint32_t check_heap(const struct cpu *cpu, const struct timeout *node, const struct timeout *parent)
{
    if (node == NULL)
        return 0;
    AUDIT(timeout_thread(node) != NULL, "timeout-owner", node, "in the queue of CPU %u, of no thread",
          cpu->index);
    AUDIT(node->parent == parent && node->cpu == cpu, "timeout-link", node,
          "in the queue of CPU %u: parent %p", cpu->index, (void *)node->parent);
    AUDIT(parent == NULL || parent->deadline <= node->deadline, "timeout-order", node,
          "deadline %" PRIu64 " below %" PRIu64, node->deadline, parent->deadline);
    uint32_t left = node->left != NULL ? node->left->rank : 0;
    uint32_t right = node->right != NULL ? node->right->rank : 0;
    AUDIT(left >= right && node->rank == right + 1, "timeout-rank", node, "rank %u, children %u and %u",
          node->rank, left, right);
    AUDIT(!node->running, "timeout-running", node, "in the queue, and its function runs");
    return 1 + check_heap(cpu, node->left, node) + check_heap(cpu, node->right, node);
}

static void check_timeouts(const struct cpu *cpu)
{
    const struct timeout *root = cpu->timeouts.root;
    uint32_t in_heap = check_heap(cpu, root, NULL);
    uint32_t queued = 0;

    AUDIT_EACH(o, AUDIT_THREAD)
    {
        const struct thread *t = (const void *)o->address;
        queued += (t->timeout.cpu == cpu) + (t->depression.cpu == cpu);
    }
    AUDIT(in_heap == queued, "timeout-count", cpu, "%u timeouts in the queue, %u say so", in_heap, queued);
    AUDIT(root == NULL || cpu->timer_deadline <= root->deadline, "timeout-timer", cpu,
          "armed for %" PRIu64 ", due at %" PRIu64, cpu->timer_deadline, root->deadline);
}

/* --- kicked threads --- */

static void check_kicked(const struct cpu *cpu, const struct thread *t)
{
    for (; t != NULL; t = t->kick_next) {
        struct audit_object *o = audit_object(AUDIT_THREAD, t, cpu);
        AUDIT(t->kicked == 1, "kick-list", t, "on the list of CPU %u, kicked is %u", cpu->index, t->kicked);
        AUDIT(!o->several, "kick-list", t, "on two lists");
        o->several = true;
        o->refs++;
    }
}

/* --- the machine --- */

static void check_current(const struct cpu *cpu, const struct sim_cpu_view *view)
{
    const struct thread *t = cpu->current;

    AUDIT((view->mode == SIM_CPU_USER) == (t != NULL), "cpu-current", cpu, "CPU %u in mode %u, current %p",
          cpu->index, view->mode, (const void *)t);
    AUDIT(view->fp_on == (cpu->fpu_owner != NULL), "cpu-fpu", cpu,
          "CPU %u: vector state enabled: %d, owner %p", cpu->index, view->fp_on, (void *)cpu->fpu_owner);
    if (t == NULL) {
        AUDIT(cpu->fpu_owner == NULL, "cpu-fpu", cpu, "CPU %u is idle, its vector state has an owner",
              cpu->index);
        return;
    }
    (void)audit_object(AUDIT_THREAD, t, cpu);
    AUDIT(t->state == THREAD_RUNNING && t->cpu == cpu && !t->kernel && view->uctx == &t->uctx, "cpu-current",
          t, "current on CPU %u: state %u", cpu->index, t->state);
    AUDIT(cpu->fpu_owner == NULL || cpu->fpu_owner == t, "cpu-fpu", t, "vector state on CPU %u is that of %p",
          cpu->index, (void *)cpu->fpu_owner);
    AUDIT(cpu->pmap == t->pmap, "cpu-pmap", t, "current on CPU %u: pmap %p, active is %p", cpu->index,
          (void *)t->pmap, (void *)cpu->pmap);
}

/* A CPU that has something to do notices. */
static void check_noticed(const struct cpu *cpu, const struct sim_cpu_view *view)
{
    bool better = cpu->runq.count > 0 && (cpu->current == NULL || best_ready(cpu) > cpu->current->priority);

    AUDIT(cpu->examined == NULL, "cpu-kick", cpu, "CPU %u left kicked threads to nobody", cpu->index);
    AUDIT(cpu->kicked == NULL || view->ipi_pending, "cpu-kick", cpu,
          "CPU %u has kicked threads, and nothing makes it look", cpu->index);
    AUDIT(!better || view->ipi_pending, "cpu-better", cpu,
          "CPU %u has a better thread to run, and nothing makes it look", cpu->index);
    AUDIT(cpu->calls == 0 || view->ipi_pending, "cpu-call", cpu, "CPU %u does not hear of a cross-call",
          cpu->index);
    AUDIT(view->deadline == cpu->timer_deadline, "cpu-timer", cpu,
          "CPU %u: armed for %" PRIu64 ", says %" PRIu64, cpu->index, view->deadline, cpu->timer_deadline);
}

void audit_sched(void)
{
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        const struct cpu *cpu = cpu_table[i];
        struct sim_cpu_view view = sim_cpu_view(i);
        if (i > 0)
            audit_own_memory(cpu, sizeof(*cpu), "CPU");
        AUDIT(cpu->index == i, "cpu-index", cpu, "%u, says %u", i, cpu->index);
        if (view.mode == SIM_CPU_OFF)
            continue;
        check_run_queue(cpu);
        check_timeouts(cpu);
        check_kicked(cpu, cpu->kicked);
        check_kicked(cpu, cpu->examined);
        check_current(cpu, &view);
        check_noticed(cpu, &view);
        AUDIT((idle_cpus >> i & 1) == 0 || view.mode == SIM_CPU_IDLE, "cpu-idle", cpu,
              "CPU %u is marked idle and runs", i);
    }
}
