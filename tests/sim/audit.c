/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit: order of the checks, findings, lists, and counts of what is in use. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit_i.h"

#include <ipc/ipc.h>

static struct {
    jmp_buf failed;
    struct audit_finding *finding;
} audit;

void audit_fail(const char *check, const void *object, const char *format, ...)
{
    struct audit_finding *f = audit.finding;
    va_list args;

    (void)snprintf(f->check, sizeof(f->check), "%s", check);
    int n = snprintf(f->text, sizeof(f->text), "%p: ", object);
    va_start(args, format);
    (void)vsnprintf(f->text + n, sizeof(f->text) - (size_t)n, format, args);
    va_end(args);
    longjmp(audit.failed, 1);
}

/* Locks that only whoever executes kernel code may hold. */
static void check_quiet(void)
{
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        const struct cpu *cpu = cpu_table[i];
        AUDIT(cpu->held_count == 0, "lock-held", cpu->held[0].lock, "by CPU %" PRIu32 ", taken at %s:%u", i,
              cpu->held[0].file, cpu->held[0].line);
        AUDIT(list_empty(&cpu->graves), "message-unburied", &cpu->graves,
              "CPU %" PRIu32 " left messages that it was to destroy", i);
    }
}

static void own_message_buffers(void)
{
    for (uint32_t i = 0; i < hal_info.cpu_count; i++) {
        audit_own_memory(cpu_table[i]->message, IPC_DIRECT_BUFFER_SIZE, "CPU");
        if (cpu_table[i]->reply != NULL)
            audit_message(cpu_table[i]->reply, NULL, "CPU");
    }
}

bool audit_kernel(struct audit_finding *finding)
{
    audit.finding = finding;
    if (setjmp(audit.failed) != 0) {
        audit_memory_free();
        return false;
    }
    check_quiet();
    audit_memory_begin();
    own_message_buffers();
    audit_ledgers_begin();
    audit_sched();
    audit_spaces();
    audit_ports();
    audit_threads();
    audit_pagers();
    audit_port_counts();
    audit_maps();
    audit_pages_out();
    audit_pmaps();
    audit_ledgers();
    audit_memory_end();
    audit_memory_free();
    return true;
}

/* --- lists --- */

struct list *audit_next(const struct list *head, struct list *node)
{
    struct list *next = node->next;

    AUDIT(next == head || audit_is_memory(next, sizeof(*next)), "list-link", node, "next is %p",
          (void *)next);
    AUDIT(next->prev == node, "list-link", node, "next %p has %p before it", (void *)next,
          (void *)next->prev);
    return next;
}

bool audit_on_list(const struct list *head, const struct list *node)
{
    AUDIT_LIST(each, head)
    {
        if (each == node)
            return true;
    }
    return false;
}

uint32_t audit_list_count(const struct list *head)
{
    uint32_t count = 0;

    AUDIT_LIST(node, head)
    count++;
    return count;
}

/* --- counts --- */

static uint64_t pages_free(void)
{
    uint64_t pages = page_free_blocks;

    for (uint32_t i = 0; i < hal_info.cpu_count; i++)
        pages += page_cache[i].count + page_cache[i].zero_count;
    return pages;
}

void audit_count(struct audit_counts *counts)
{
    counts->pages = page_total - pages_free();
    counts->caches = 0;
    LIST_FOR_EACH(node, &cache_list)
    {
        const struct cache *cache = CONTAINER_OF(node, struct cache, link);
        uint64_t live = cache->slab_objects;
        for (uint32_t i = 0; i < hal_info.cpu_count; i++)
            live -= cache->magazine[i].count;
        counts->pages -= cache->slabs << cache->slab_order;
        counts->cache[counts->caches].name = cache->name;
        counts->cache[counts->caches].live = live;
        counts->caches++;
    }
}

bool audit_counts_equal(const struct audit_counts *before, const struct audit_counts *after, char *text,
                        size_t size)
{
    for (uint32_t i = 0; i < before->caches; i++) {
        if (before->cache[i].live == after->cache[i].live)
            continue;
        (void)snprintf(text, size, "%s: %" PRIu64 " objects, before %" PRIu64, before->cache[i].name,
                       after->cache[i].live, before->cache[i].live);
        return false;
    }
    if (before->pages == after->pages)
        return true;
    (void)snprintf(text, size, "%" PRIu64 " pages in use, before %" PRIu64, after->pages, before->pages);
    return false;
}
