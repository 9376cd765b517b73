/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of race_returned.c that is wrong, made between the kernel's modules (the linker's --wrap). */
#include "race_returned.h"

#include <hal/hal.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <vm/memory_object_i.h>

#define ID_DATA_RETURN 2205
#define PAUSES 64u /* a CPU may be slow at any place */

bool race_returned_late;

static struct ipc_kmsg *late; /* pages on their way; one thread at a time returns some */

bool __real_memory_object_queue(struct ipc_kmsg *kmsg, struct thread **receiver);
bool __wrap_memory_object_queue(struct ipc_kmsg *kmsg, struct thread **receiver);
bool __real_memory_object_return_pages(struct memory_object *pager, uint64_t *index, uint64_t end,
                                       uint8_t marks, bool flush);
bool __wrap_memory_object_return_pages(struct memory_object *pager, uint64_t *index, uint64_t end,
                                       uint8_t marks, bool flush);

bool __wrap_memory_object_queue(struct ipc_kmsg *kmsg, struct thread **receiver)
{
    if (!race_returned_late || kmsg->head.msgh_id != ID_DATA_RETURN)
        return __real_memory_object_queue(kmsg, receiver);
    late = kmsg;
    *receiver = NULL;
    return true;
}

bool __wrap_memory_object_return_pages(struct memory_object *pager, uint64_t *index, uint64_t end,
                                       uint8_t marks, bool flush)
{
    struct thread *receiver;
    const bool done = __real_memory_object_return_pages(pager, index, end, marks, flush);

    if (late == NULL)
        return done;
    for (unsigned i = 0; i < PAUSES; i++) {
        smp_poll();
        hal_cpu_pause();
    }
    if (!__real_memory_object_queue(late, &receiver))
        ipc_kmsg_destroy(late);
    else if (receiver != NULL)
        thread_wakeup(receiver, THREAD_AWAKENED);
    late = NULL;
    return done;
}
