/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch for messages with memory: one piece and nothing else in the body, between threads in the buffer form.
 *
 * The memory is copied first (vm/vm_map_copy.h), while no lock is held and nothing has changed; without the switch the copy is discarded, and
 * the general path starts over.  Then it is the switch of ipc/direct.c, and the copy is entered into the partner's map.  Memory that the
 * sender gives away is removed behind the switch, when the sender may have ended on another CPU: its map is held for that.
 *
 * A message that a thread sends to where it receives itself, with nothing there yet, needs no partner.  It would be queued and taken at
 * once: what is left of that is the port's lock, for the sequence number and the count of rights that were made.
 */
#include <ipc/check.h>
#include <ipc/direct.h>
#include <ipc/kmsg.h>
#include <vm/vm_map_copy.h>

#define MEMORY_SIZE ((uint32_t)(sizeof(mach_msg_base_t) + sizeof(mach_msg_ool_descriptor_t)))
#define BITS_COPIED (MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX)
#define BITS_MADE (MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0) | MACH_MSGH_BITS_COMPLEX)

/* The memory of a message on its way. */
struct memory {
    mach_msg_ool_descriptor_t *descriptor;
    struct vm_map_copy copy;
    struct vm_map *source; /* a reference: the map that gives it away; NULL: none does */
};

static mach_msg_ool_descriptor_t *descriptor_of(struct direct_message *m)
{
    return (void *)((char *)m + sizeof(mach_msg_base_t));
}

/* Is the body such as can go this way? */
static bool has_memory(struct direct_message *m, uint32_t size)
{
    const mach_msg_body_t *body = (const void *)m->body;
    const mach_msg_ool_descriptor_t *d = descriptor_of(m);

    return size >= MEMORY_SIZE && size <= IPC_DIRECT_SMALL && body->msgh_descriptor_count == 1 &&
           d->type == MACH_MSG_OOL_DESCRIPTOR && ipc_check_copy(d->copy);
}

/* Copy it. Returns false: nothing changed. */
SPECIALISED bool memory_read(struct memory *memory, struct direct_message *m, struct vm_map *map)
{
    mach_msg_ool_descriptor_t *d = descriptor_of(m);

    memory->descriptor = d;
    memory->source = NULL;
    if (vm_map_copy_fill(&memory->copy, map, d->address, d->size, task_payer()) != KERN_SUCCESS)
        return false;
    if (d->deallocate) {
        vm_map_ref(map);
        memory->source = map;
    }
    return true;
}

static void memory_discard(struct memory *memory)
{
    vm_map_copy_free(&memory->copy);
    if (memory->source != NULL)
        vm_map_unref(memory->source);
}

/* The sender has it no more, and the receiver gets it. Returns: the result of the receive. */
SPECIALISED mach_msg_return_t memory_pass(struct memory *memory, struct vm_map *map)
{
    mach_msg_ool_descriptor_t *d = memory->descriptor;
    hal_va_t address;

    if (memory->source != NULL) {
        (void)vm_map_deallocate(memory->source, d->address, d->size);
        vm_map_unref(memory->source);
    }
    d->deallocate = true;
    kern_return_t kr = vm_map_copy_enter(&memory->copy, map, &address);
    d->address = address;
    if (__builtin_expect(kr == KERN_SUCCESS, 1))
        return MACH_MSG_SUCCESS;
    vm_map_copy_free(&memory->copy);
    d->size = 0;
    return MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE;
}

/* The receiver, d->next, goes on with the message. bits: of its header. */
SPECIALISED struct uctx *memory_deliver(const struct direct *d, struct direct_message *m,
                                        struct memory *memory, mach_msg_bits_t bits)
{
    mach_msg_return_t result = memory_pass(memory, d->next->task->map);

    if (!deliver_bits(d, m, bits | MACH_MSGH_BITS_COMPLEX))
        return ipc_direct_late(d->next, m, 1, result, d->size + d->trailer_size);
    hal_uctx_set_result(&d->next->uctx, (uint32_t)result);
    fpu_resume(d->cpu, d->next);
    return trap_exit_running(d->next); /* to free a map may have woken somebody */
}

/* --- to a partner --- */

/* Does somebody wait at the destination? A guess. */
static inline bool somebody_waits(const struct direct *d)
{
    return (__atomic_load_n(&d->port->rx, __ATOMIC_RELAXED) & 1) == 0;
}

/* As partners_change(), but to nobody who has said where the memory is to go (ipc/scatter.h). */
SPECIALISED bool partners_pass(struct direct *d, struct direct_message *m)
{
    uint64_t rx = lock_port(d);

    if ((rx & 1) != 0) {
        unlock_port(d, rx);
        return false;
    }
    if (!take_receiver(d, m, rx))
        return false;
    if ((hal_uctx_arg(&d->next->uctx, 1) & MACH_RCV_OVERWRITE) == 0 && become_waiter(d))
        return true;
    put_back(d);
    return false;
}

SPECIALISED struct uctx *memory_run(struct thread *self, struct direct_message *m, uint32_t size,
                                    const bool reply)
{
    struct ipc_port *receive = self->rcv_port;
    struct direct d = {.self = self,
                       .cpu = self->cpu,
                       .rights = true,
                       .reply = reply,
                       .timed = receive_is_timed(self, false),
                       .remote = m->head.msgh_remote_port,
                       .rcv_name = (mach_port_name_t)hal_uctx_arg(&self->uctx, 4),
                       .size = size};
    struct memory memory;

    if (m->head.msgh_local_port != (reply ? MACH_PORT_NULL : d.rcv_name) || !find_destination(&d) ||
        !somebody_waits(&d) || !memory_read(&memory, m, self->task->map))
        return NULL;
    if (!partners_pass(&d, m)) {
        memory_discard(&memory);
        return NULL;
    }
    switch_to_next(&d, receive);
    return memory_deliver(&d, m, &memory, bits_received(&d));
}

static NOINLINE struct uctx *memory_call(struct thread *self, struct direct_message *m, uint32_t size)
{
    return memory_run(self, m, size, false);
}

static NOINLINE struct uctx *memory_reply(struct thread *self, struct direct_message *m, uint32_t size)
{
    return memory_run(self, m, size, true);
}

/* --- to oneself --- */

/* Can self receive from the port, and send to it as the header says? */
static inline bool entry_loops(const struct direct *d, bool made)
{
    return ~d->entry->key == d->remote && (d->entry->bits & MACH_PORT_TYPE_RECEIVE) != 0 &&
           (made || (d->entry->bits & MACH_PORT_TYPE_SEND) != 0);
}

/*
 * Send and take the message, as far as the port knows of it: the right comes and goes.  If it was the only one, those who want to know that
 * there is none any more are told on the general path.  Returns false: nothing changed.
 */
SPECIALISED bool port_pass(struct direct *d, bool made)
{
    struct ipc_port *port = d->port;
    uint64_t rx = lock_port(d);
    bool good = entry_loops(d, made) && d->entry->object == port && rx == port->idle && port->qlimit > 0 &&
                (port->srights > 0 || port->no_senders == NULL);

    if (good) {
        if (made)
            port->mscount = ipc_port_count_next(port->mscount);
        d->seqno = port->seqno++;
        d->label = port->context;
        d->name = port->name;
    }
    unlock_port(d, rx);
    return good;
}

static NOINLINE struct uctx *memory_loop(struct thread *self, struct direct_message *m, uint32_t size)
{
    const bool made = m->head.msgh_bits == BITS_MADE;
    struct direct d = {.self = self,
                       .cpu = self->cpu,
                       .next = self,
                       .remote = m->head.msgh_remote_port,
                       .entry = ipc_entry_peek(self->space, m->head.msgh_remote_port),
                       .size = size};
    struct memory memory;

    if (d.entry == NULL || !entry_loops(&d, made) || !receiver_accepts(&d, m))
        return NULL;
    d.port = d.entry->object;
    if (!memory_read(&memory, m, self->task->map))
        return NULL;
    if (!port_pass(&d, made)) {
        memory_discard(&memory);
        return NULL;
    }
    fpu_release(d.cpu);
    return memory_deliver(&d, m, &memory, MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND));
}

struct uctx *ipc_direct_memory(struct thread *self, struct direct_message *m, uint32_t size)
{
    const mach_msg_bits_t bits = m->head.msgh_bits;
    struct uctx *next = NULL;

    if (!has_memory(m, size))
        return ipc_direct_general(self);
    if (bits == (IPC_DIRECT_CALL | MACH_MSGH_BITS_COMPLEX))
        next = memory_call(self, m, size);
    else if (bits == (IPC_DIRECT_REPLY | MACH_MSGH_BITS_COMPLEX))
        next = memory_reply(self, m, size);
    else if ((bits == BITS_MADE || bits == BITS_COPIED) && m->head.msgh_local_port == MACH_PORT_NULL &&
             m->head.msgh_remote_port == (mach_port_name_t)hal_uctx_arg(&self->uctx, 4))
        next = memory_loop(self, m, size);
    return next != NULL ? next : ipc_direct_general(self);
}
