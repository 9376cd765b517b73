/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests for kernel memory that fail.  The linker leads every call from one object of the kernel to another object's
 * allocator through here (--wrap), so each request of a client is a point that can fail by itself, and within it those of the
 * allocators to each other: an object of a cache, then the slab that it needs.  Free lists and magazines hide none.
 */
#include <kern/cache.h>
#include <vm/vm_page.h>

bool sim_alloc_fails(void); /* arch/sim/machine.h */

#define WRAP(name, parameter, argument)                                                                      \
    void *__real_##name(parameter argument);                                                                 \
    void *__wrap_##name(parameter argument);                                                                 \
    void *__wrap_##name(parameter argument)                                                                  \
    {                                                                                                        \
        return sim_alloc_fails() ? NULL : __real_##name(argument);                                           \
    }

WRAP(vm_page_alloc, unsigned, order)
WRAP(vm_page_alloc_zero, unsigned, order)
WRAP(cache_alloc, struct cache *, cache)
WRAP(cache_alloc_zero, struct cache *, cache)
WRAP(kmem_alloc, size_t, size)
WRAP(kmem_alloc_zero, size_t, size)
