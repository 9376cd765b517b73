/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit: a walk over the whole state of the kernel that checks its invariants.
 *
 * It reads the kernel's own structures, private ones included (audit_private.h), and counts for itself what the kernel
 * counts: every reference, right, page and entry is looked for where it can be.  All objects are found twice, by walking
 * from the roots (CPUs, tasks, the host) and in the slabs of their caches, so what nobody reaches any more shows.
 *
 * It is exact only while no CPU executes kernel code: then no function holds a reference, a message or a lock in its
 * local variables.  It calls nothing of the kernel and writes nothing.
 */
#ifndef AUDIT_H
#define AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the audit found first. */
struct audit_finding {
    char check[32]; /* name of the invariant */
    char text[224]; /* object and place */
};

/* Check everything. Returns true: the kernel is as it should be; false: *finding says what is not.
 * Context: no CPU executes kernel code. */
bool audit_kernel(struct audit_finding *finding);

#define AUDIT_CACHES_MAX 48u

/* How much memory is in use: what a program that gave back everything finds as it was before. */
struct audit_counts {
    uint64_t pages; /* allocated for other things than caches of objects */
    uint32_t caches;
    struct {
        const char *name;
        uint64_t live; /* objects allocated */
    } cache[AUDIT_CACHES_MAX];
};

/* Context: as audit_kernel(), which returned true for this state. */
void audit_count(struct audit_counts *counts);

/* Are they equal? If not, `text` tells the first difference. */
bool audit_counts_equal(const struct audit_counts *before, const struct audit_counts *after, char *text,
                        size_t size);

#endif
