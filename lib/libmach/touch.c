/* SPDX-License-Identifier: BSD-2-Clause */
/* All memory of a program made resident. */
#include <libmach/program.h>
#include <mach/vm_param.h>
#include <stdint.h>
#include <stdlib.h>

#define STACK_BYTES ((size_t)16 << 10)
#define HEAP_BYTES_MAX ((size_t)32 << 10)

extern char __bss_start[], _end[]; /* set by the linker */

static void touch(volatile char *first, const volatile char *end)
{
    for (volatile char *byte = first; byte < end; byte += PAGE_SIZE)
        *byte = *byte;
}

/* A block of each size that malloc() keeps apart. */
static void touch_heap(void)
{
    for (size_t size = 1; size <= HEAP_BYTES_MAX; size *= 2) {
        char *block = malloc(size);
        if (block != NULL)
            touch(block, block + size);
        free(block);
    }
}

void mach_touch_memory(void)
{
    char stack[STACK_BYTES];

    touch(__bss_start, _end);
    touch(stack, stack + sizeof(stack));
    touch_heap();
}
