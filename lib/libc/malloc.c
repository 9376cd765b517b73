/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a program.  Small blocks come in sizes of powers of two, from free lists that are refilled a
 * chunk at a time and never shrink; large ones straight from the kernel, and go back to it.  A header of 16
 * bytes ahead of each block tells which it is.
 */
#include <libmach/lock.h>
#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_CLASSES 12u /* 32 bytes .. 64 KiB, header included */
#define SIZE_SHIFT_MIN 5u
#define CHUNK_SIZE (UINT64_C(64) << 10)
#define CLASS_LARGE SIZE_CLASSES

struct block {
    union {
        struct block *next; /* free */
        uint64_t size;      /* in use: bytes for the caller */
    };
    uint64_t class; /* index of free_list, or CLASS_LARGE */
};
_Static_assert(sizeof(struct block) == 16, "keeps blocks aligned to 16 bytes");

static struct mach_lock lock;
static struct block *free_list[SIZE_CLASSES];

static uint64_t class_size(unsigned class)
{
    return UINT64_C(1) << (class + SIZE_SHIFT_MIN);
}

/* Cut a fresh chunk into blocks of the class. Context: locked. */
static bool refill(unsigned class)
{
    mach_vm_address_t address = 0;

    if (mach_vm_allocate(mach_task_self(), &address, CHUNK_SIZE, VM_FLAGS_ANYWHERE) != KERN_SUCCESS)
        return false;
    for (uint64_t offset = 0; offset < CHUNK_SIZE; offset += class_size(class)) {
        struct block *block = (struct block *)(address + offset);
        block->next = free_list[class];
        free_list[class] = block;
    }
    return true;
}

static struct block *alloc_small(unsigned class)
{
    struct block *block = NULL;

    mach_lock_acquire(&lock);
    if (free_list[class] != NULL || refill(class)) {
        block = free_list[class];
        free_list[class] = block->next;
    }
    mach_lock_release(&lock);
    return block;
}

static struct block *alloc_large(uint64_t size)
{
    mach_vm_address_t address = 0;

    if (mach_vm_allocate(mach_task_self(), &address, size, VM_FLAGS_ANYWHERE) != KERN_SUCCESS)
        return NULL;
    return (struct block *)address;
}

void *malloc(size_t size)
{
    uint64_t total;
    unsigned class = 0;

    if (__builtin_add_overflow(size, sizeof(struct block), &total) || total > UINT64_MAX - PAGE_MASK)
        return NULL;
    while (class < SIZE_CLASSES && class_size(class) < total)
        class ++;
    struct block *block = class < SIZE_CLASSES ? alloc_small(class) : alloc_large(total);
    if (block == NULL)
        return NULL;
    block->size = size;
    block->class = class;
    return block + 1;
}

void free(void *p)
{
    if (p == NULL)
        return;
    struct block *block = (struct block *)p - 1;
    if (block->class == CLASS_LARGE) {
        (void)mach_vm_deallocate(mach_task_self(), (mach_vm_address_t)block, block->size + sizeof(*block));
        return;
    }
    mach_lock_acquire(&lock);
    block->next = free_list[block->class];
    free_list[block->class] = block;
    mach_lock_release(&lock);
}

void *calloc(size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *p = malloc(total);
    if (p != NULL)
        memset(p, 0, total);
    return p;
}

void *realloc(void *p, size_t size)
{
    if (p == NULL)
        return malloc(size);
    size_t old = ((struct block *)p - 1)->size;
    void *grown = malloc(size);
    if (grown != NULL) {
        memcpy(grown, p, old < size ? old : size);
        free(p);
    }
    return grown;
}
