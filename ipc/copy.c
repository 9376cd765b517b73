/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on their way in and out: from the sender's names and memory to what the kernel holds, and from there to names and memory
 * of the receiver.  Nothing is taken before everything was checked: on the way in, what is out of line is first read
 * (prepare), then all rights are taken in one step, then the memory that the sender gives away is removed (commit).
 */
#include <ipc/check.h>
#include <ipc/entry.h>
#include <ipc/kmsg.h>
#include <ipc/ool.h>
#include <ipc/right.h>
#include <ipc/scatter.h>
#include <kern/cache.h>
#include <kern/panic.h>
#include <kern/task.h>
#include <vm/memory_object.h>
#include <vm/vm_map.h>
#include <vm/vm_map_copy.h>

#define RIGHTS_INLINE 8u /* of a body, that need no memory to be taken */
#define TAKE_REMOTE 0u
#define TAKE_LOCAL 1u
#define TAKE_BODY 2u
#define NAMES_STEP 32u /* read back at a time */

/* --- in --- */

/* What was read of a descriptor. */
union copyin_ool {
    mach_port_name_t *names;  /* array of ports */
    struct vm_map_copy *copy; /* memory */
};

/* A message on its way in: what was read of it, and not taken yet. */
struct copyin {
    const struct task *task;
    struct ipc_kmsg *kmsg;
    struct ipc_check_count count;
    struct ipc_right_take *takes; /* of the header, then of the body in its order */
    uint32_t taken;               /* those that are set */
    union copyin_ool *ool;        /* of descriptor i, if it is out of line */
};

static mach_msg_return_t take_error(uint32_t failed)
{
    switch (failed) {
    case TAKE_REMOTE:
        return MACH_SEND_INVALID_DEST;
    case TAKE_LOCAL:
        return MACH_SEND_INVALID_REPLY;
    default:
        return MACH_SEND_INVALID_RIGHT;
    }
}

static void prepare_header(struct copyin *in)
{
    const mach_msg_header_t *head = &in->kmsg->head;
    mach_msg_type_name_t local = MACH_MSGH_BITS_LOCAL(head->msgh_bits);

    in->takes[TAKE_REMOTE] = (struct ipc_right_take){
        .name = head->msgh_remote_port, .disposition = MACH_MSGH_BITS_REMOTE(head->msgh_bits), .alive = true};
    in->takes[TAKE_LOCAL] = (struct ipc_right_take){
        .name = head->msgh_local_port, .disposition = local != 0 ? local : MACH_MSG_TYPE_COPY_SEND};
    in->taken = TAKE_BODY;
}

static void prepare_right(struct copyin *in, mach_port_name_t name, mach_msg_type_name_t disposition)
{
    in->takes[in->taken++] = (struct ipc_right_take){.name = name, .disposition = disposition};
}

static mach_msg_return_t prepare_ool_ports(struct copyin *in, const mach_msg_ool_ports_descriptor_t *d,
                                           mach_port_name_t **names)
{
    if (!ipc_kmsg_charge(in->kmsg, d->count * sizeof(struct ipc_port *)))
        return MACH_SEND_NO_BUFFER;
    mach_msg_return_t mr = ipc_ool_ports_read(in->task->map, d, names);

    for (uint32_t i = 0; i < d->count && mr == MACH_MSG_SUCCESS; i++)
        prepare_right(in, (*names)[i], d->disposition);
    return mr;
}

static mach_msg_return_t prepare_body(struct copyin *in)
{
    mach_msg_descriptor_t *d = ipc_kmsg_descriptors(in->kmsg);
    mach_msg_return_t mr = MACH_MSG_SUCCESS;

    for (uint32_t i = 0; i < in->count.descriptors; i++, d = ipc_descriptor_next(d)) {
        in->ool[i] = (union copyin_ool){.names = NULL};
        if (mr != MACH_MSG_SUCCESS)
            continue; /* all are set, for abandon() */
        if (d->type.type == MACH_MSG_PORT_DESCRIPTOR)
            prepare_right(in, d->port.name, d->port.disposition);
        else if (d->type.type == MACH_MSG_OOL_DESCRIPTOR)
            mr = ipc_ool_read(in->task->map, &d->out_of_line, &in->ool[i].copy);
        else
            mr = prepare_ool_ports(in, &d->ool_ports, &in->ool[i].names);
    }
    return mr;
}

/* The message stays as the user wrote it. */
static void abandon(struct copyin *in)
{
    mach_msg_descriptor_t *d = ipc_kmsg_descriptors(in->kmsg);

    for (uint32_t i = 0; i < in->count.descriptors; i++, d = ipc_descriptor_next(d)) {
        if (d->type.type == MACH_MSG_OOL_DESCRIPTOR)
            vm_map_copy_discard(in->ool[i].copy);
        else if (in->ool[i].names != NULL)
            kmem_free(in->ool[i].names, d->ool_ports.count * sizeof(struct ipc_port *));
    }
}

static void commit_header(struct copyin *in)
{
    struct ipc_kmsg *kmsg = in->kmsg;
    mach_msg_header_t *head = &kmsg->head;
    mach_msg_type_name_t local = 0;

    kmsg->remote = in->takes[TAKE_REMOTE].port;
    kmsg->local = in->takes[TAKE_LOCAL].port;
    if (kmsg->local != NULL)
        local = ipc_right_result(in->takes[TAKE_LOCAL].disposition);
    head->msgh_bits = (head->msgh_bits & MACH_MSGH_BITS_COMPLEX) |
                      MACH_MSGH_BITS(ipc_right_result(in->takes[TAKE_REMOTE].disposition), local);
}

static void commit_ool_ports(struct copyin *in, mach_msg_ool_ports_descriptor_t *d, mach_port_name_t *names,
                             const struct ipc_right_take *takes)
{
    struct ipc_port **port = (struct ipc_port **)(void *)names;
    hal_va_t source = d->address;

    d->address = (uintptr_t)port;
    d->disposition = ipc_right_result(d->disposition) & 0xffu;
    for (uint32_t i = 0; i < d->count; i++)
        port[i] = takes[i].port;
    if (d->deallocate)
        (void)vm_map_deallocate(in->task->map, source, d->count * sizeof(mach_port_name_t));
}

static void commit_ool(struct copyin *in, mach_msg_ool_descriptor_t *d, struct vm_map_copy *copy)
{
    hal_va_t source = d->address;

    d->address = (uintptr_t)copy;
    if (d->deallocate)
        (void)vm_map_deallocate(in->task->map, source, d->size);
}

/* The rights are out of the space: put them into the message, and remove the memory that goes with it. */
static void commit_body(struct copyin *in)
{
    mach_msg_descriptor_t *d = ipc_kmsg_descriptors(in->kmsg);
    const struct ipc_right_take *take = in->takes + TAKE_BODY;

    for (uint32_t i = 0; i < in->count.descriptors; i++, d = ipc_descriptor_next(d)) {
        if (d->type.type == MACH_MSG_PORT_DESCRIPTOR) {
            d->port.disposition = ipc_right_result(d->port.disposition) & 0xffu;
            in->kmsg->port[i] = take->port;
            take++;
        } else if (d->type.type == MACH_MSG_OOL_DESCRIPTOR) {
            commit_ool(in, &d->out_of_line, in->ool[i].copy);
        } else {
            commit_ool_ports(in, &d->ool_ports, in->ool[i].names, take);
            take += d->ool_ports.count;
        }
    }
}

/* takes and ool have room. */
static mach_msg_return_t copyin_run(struct copyin *in)
{
    uint32_t failed = TAKE_REMOTE;

    prepare_header(in);
    mach_msg_return_t mr = prepare_body(in);
    if (mr == MACH_MSG_SUCCESS &&
        ipc_right_take(in->task->space, in->takes, in->taken, &failed) != KERN_SUCCESS)
        mr = take_error(failed);
    if (mr != MACH_MSG_SUCCESS) {
        abandon(in);
        return mr;
    }
    commit_header(in);
    commit_body(in);
    task_token_read(&in->task->token, &ipc_kmsg_trailer(in->kmsg)->msgh_sender);
    in->kmsg->from_user = true;
    return MACH_MSG_SUCCESS;
}

/* A message that has more rights, or descriptors, than are kept on the stack. */
static mach_msg_return_t copyin_large(struct copyin *in)
{
    uint64_t ool_size = in->count.descriptors * sizeof(*in->ool);
    uint64_t takes_size = (TAKE_BODY + in->count.rights) * sizeof(*in->takes);
    char *memory = kmem_alloc(takes_size + ool_size);

    if (memory == NULL)
        return MACH_SEND_NO_BUFFER;
    in->takes = (void *)memory;
    in->ool = (void *)(memory + takes_size);
    mach_msg_return_t mr = copyin_run(in);
    kmem_free(memory, takes_size + ool_size);
    return mr;
}

mach_msg_return_t ipc_kmsg_copyin(const struct task *task, struct ipc_kmsg *kmsg)
{
    struct ipc_right_take takes[TAKE_BODY + RIGHTS_INLINE];
    union copyin_ool ool[RIGHTS_INLINE];
    struct copyin in = {.task = task, .kmsg = kmsg, .takes = takes, .ool = ool};

    mach_msg_return_t mr = ipc_check_header(&kmsg->head);
    if (mr == MACH_MSG_SUCCESS)
        mr = ipc_check_body(kmsg->head.msgh_bits, kmsg->head.msgh_size, &kmsg->body, &in.count);
    if (mr != MACH_MSG_SUCCESS)
        return mr;
    if (in.count.descriptors > 0 && ipc_kmsg_alloc_ports(kmsg, in.count.descriptors) != KERN_SUCCESS)
        return MACH_SEND_NO_BUFFER;
    if (in.count.rights <= RIGHTS_INLINE && in.count.descriptors <= RIGHTS_INLINE)
        return copyin_run(&in);
    return copyin_large(&in);
}

/* --- out --- */

mach_msg_return_t ipc_kmsg_nameless(kern_return_t why, struct ipc_port *port, mach_msg_type_name_t type)
{
    ipc_right_destroy(port, type);
    return why == KERN_RESOURCE_SHORTAGE ? MACH_MSG_IPC_KERNEL : MACH_MSG_IPC_SPACE;
}

mach_port_name_t ipc_kmsg_name_right(struct ipc_space *space, struct ipc_port *port,
                                     mach_msg_type_name_t type, mach_msg_return_t *shortage)
{
    mach_port_name_t name = MACH_PORT_NULL;

    if (port == NULL)
        return name;
    kern_return_t kr = ipc_right_copyout(space, port, type, &name);
    if (kr == KERN_SUCCESS)
        return name;
    *shortage |= ipc_kmsg_nameless(kr, port, type);
    return MACH_PORT_NULL;
}

void ipc_kmsg_name_undo(struct ipc_space *space, mach_port_name_t name, mach_msg_type_name_t type)
{
    struct ipc_port *port;

    if (MACH_PORT_VALID(name) && ipc_right_copyin(space, name, type, &port) == KERN_SUCCESS)
        ipc_right_destroy(port, type);
}

static void copyout_port(const struct task *task, mach_msg_port_descriptor_t *d, struct ipc_port *port,
                         mach_msg_return_t *shortage)
{
    d->name = ipc_kmsg_name_right(task->space, port, d->disposition, shortage);
    d->pad1 = 0;
    d->pad2 = 0;
}

/* The names of an array, in its memory. */
static void name_ool_ports(const struct task *task, mach_msg_ool_ports_descriptor_t *d,
                           mach_msg_return_t *shortage)
{
    struct ipc_port **port = ipc_ool_ports(d);
    mach_port_name_t *names = (mach_port_name_t *)(void *)port;

    for (uint32_t i = 0; i < d->count; i++)
        names[i] = ipc_kmsg_name_right(task->space, port[i], d->disposition, shortage);
}

/*
 * place: memory of the receiver that the piece goes to; NULL: new memory, which who sends the message on passes on.
 * Returns: 0; MACH_MSG_VM_*: the piece is lost; IPC_OOL_WAIT, if there is a place: try again.
 */
static mach_msg_return_t copyout_ool_ports(const struct task *task, mach_msg_ool_ports_descriptor_t *d,
                                           const hal_va_t *place)
{
    const mach_port_name_t *names = (const mach_port_name_t *)(const void *)ipc_ool_ports(d);

    d->deallocate = place == NULL;
    if (place != NULL)
        d->copy = MACH_MSG_OVERWRITE;
    mach_msg_return_t why =
        place == NULL ? ipc_ool_ports_write(task->map, d) : ipc_ool_ports_overwrite(task->map, d, *place);
    if (why == 0 || why == IPC_OOL_WAIT)
        return why;
    for (uint32_t i = 0; i < d->count; i++)
        ipc_kmsg_name_undo(task->space, names[i], d->disposition);
    ipc_ool_ports_free(d);
    d->count = 0;
    return why;
}

static mach_msg_return_t copyout_ool(const struct task *task, mach_msg_ool_descriptor_t *d,
                                     const hal_va_t *place, uint64_t *done)
{
    d->deallocate = place == NULL;
    if (place != NULL)
        d->copy = MACH_MSG_OVERWRITE;
    return place == NULL ? ipc_ool_write(task->map, d) : ipc_ool_overwrite(task->map, d, *place, done);
}

/* How far a copyout has come: of the current thread. */
typedef __typeof__(((struct thread *)NULL)->op.ipc.copyout) copyout_state_t;

static mach_msg_return_t copyout_piece(const struct task *task, mach_msg_descriptor_t *d,
                                       struct ipc_scatter *scatter, copyout_state_t *state,
                                       mach_msg_return_t *shortage)
{
    hal_va_t address;
    const hal_va_t *place = scatter != NULL && ipc_scatter_place(scatter, d, &address) ? &address : NULL;

    if (scatter != NULL && scatter->failed && memory_object_must_wait(thread_current()))
        return IPC_OOL_WAIT;
    if (d->type.type == MACH_MSG_OOL_DESCRIPTOR)
        return copyout_ool(task, &d->out_of_line, place, &state->done);
    if (!state->named)
        name_ool_ports(task, &d->ool_ports, shortage);
    state->named = true;
    return copyout_ool_ports(task, &d->ool_ports, place);
}

/* From the descriptor state->next on. Returns: as ipc_kmsg_copyout_rest(). */
static mach_msg_return_t copyout_body(const struct task *task, struct ipc_kmsg *kmsg,
                                      struct ipc_scatter *scatter, copyout_state_t *state)
{
    mach_msg_descriptor_t *d = ipc_kmsg_descriptors(kmsg);
    mach_msg_return_t shortage = (mach_msg_return_t)state->body;
    hal_va_t address;

    for (uint32_t i = 0; i < kmsg->port_count; i++, d = ipc_descriptor_next(d)) {
        mach_msg_return_t why = 0;
        if (i < state->next) {
            if (scatter != NULL && d->type.type != MACH_MSG_PORT_DESCRIPTOR)
                (void)!ipc_scatter_place(scatter, d, &address);
            continue;
        }
        if (d->type.type == MACH_MSG_PORT_DESCRIPTOR)
            copyout_port(task, &d->port, kmsg->port[i], &shortage);
        else
            why = copyout_piece(task, d, scatter, state, &shortage);
        state->body = (uint32_t)shortage;
        if (__builtin_expect(why == IPC_OOL_WAIT, 0))
            return why;
        shortage |= why;
        kmsg->port[i] = NULL;
        state->next = i + 1;
        state->named = false;
        state->done = 0;
    }
    if (state->header != 0)
        return MACH_RCV_HEADER_ERROR | (mach_msg_return_t)state->header;
    return shortage == 0 ? MACH_MSG_SUCCESS : MACH_RCV_BODY_ERROR | shortage;
}

/* Name the reply right of a message. One that can be used once goes into the entry that the current thread has in reserve. */
static mach_port_name_t name_reply(const struct task *task, struct ipc_port *port, mach_msg_type_name_t type,
                                   mach_msg_return_t *shortage)
{
    if (port == NULL)
        return MACH_PORT_NULL;
    struct ipc_entry *entry = thread_current()->reply_entry;
    if (type != MACH_MSG_TYPE_PORT_SEND_ONCE || !IPC_PORT_VALID(port) || !ipc_port_alive(port) ||
        entry->bits != 0)
        return ipc_kmsg_name_right(task->space, port, type, shortage);
    return ipc_entry_mint(entry, port);
}

mach_msg_return_t ipc_kmsg_copyout(const struct task *task, struct ipc_kmsg *kmsg,
                                   mach_port_name_t destination, struct ipc_scatter *scatter)
{
    mach_msg_header_t *head = &kmsg->head;
    mach_msg_type_name_t reply = MACH_MSGH_BITS_LOCAL(head->msgh_bits);
    mach_msg_return_t shortage = 0;

    ipc_kmsg_head_out(head, name_reply(task, kmsg->local, reply, &shortage), destination);
    kmsg->local = NULL;
    if (kmsg->port_count == 0)
        return shortage == 0 ? MACH_MSG_SUCCESS : MACH_RCV_HEADER_ERROR | shortage;
    thread_current()->op.ipc.copyout = (copyout_state_t){.header = (uint32_t)shortage};
    return ipc_kmsg_copyout_rest(task, kmsg, scatter);
}

mach_msg_return_t ipc_kmsg_copyout_rest(const struct task *task, struct ipc_kmsg *kmsg,
                                        struct ipc_scatter *scatter)
{
    return copyout_body(task, kmsg, scatter, &thread_current()->op.ipc.copyout);
}

mach_msg_return_t ipc_kmsg_copyout_unsent(const struct task *task, struct ipc_kmsg *kmsg)
{
    mach_msg_header_t *head = &kmsg->head;
    copyout_state_t state = {.next = 0};
    mach_msg_return_t shortage = 0;

    head->msgh_remote_port =
        ipc_kmsg_name_right(task->space, kmsg->remote, MACH_MSGH_BITS_REMOTE(head->msgh_bits), &shortage);
    head->msgh_local_port =
        ipc_kmsg_name_right(task->space, kmsg->local, MACH_MSGH_BITS_LOCAL(head->msgh_bits), &shortage);
    kmsg->remote = NULL;
    kmsg->local = NULL;
    state.header = (uint32_t)shortage;
    return copyout_body(task, kmsg, NULL, &state);
}

/*
 * The names are read back from the task's own memory: it could have changed them since, but then it has only itself to blame, and
 * loses other rights.
 */
static void undo_ool_ports(const struct task *task, const mach_msg_ool_ports_descriptor_t *d)
{
    mach_port_name_t names[NAMES_STEP];

    for (uint32_t done = 0; done < d->count; done += NAMES_STEP) {
        uint32_t n = d->count - done < NAMES_STEP ? d->count - done : NAMES_STEP;
        if (vm_copyin(task->map, names, d->address + done * sizeof(*names), n * sizeof(*names)) !=
            KERN_SUCCESS)
            break;
        for (uint32_t i = 0; i < n; i++)
            ipc_kmsg_name_undo(task->space, names[i], d->disposition);
    }
    if (d->deallocate)
        (void)vm_map_deallocate(task->map, d->address, d->count * sizeof(*names));
}

static void undo_ool(const struct task *task, const mach_msg_ool_descriptor_t *d)
{
    if (d->deallocate)
        (void)vm_map_deallocate(task->map, d->address, d->size);
}

void ipc_copyout_undo(const struct task *task, const mach_msg_header_t *head, mach_msg_descriptor_t *d,
                      uint32_t count)
{
    ipc_kmsg_name_undo(task->space, head->msgh_remote_port, MACH_MSGH_BITS_REMOTE(head->msgh_bits));
    for (uint32_t i = 0; i < count; i++, d = ipc_descriptor_next(d)) {
        if (d->type.type == MACH_MSG_PORT_DESCRIPTOR)
            ipc_kmsg_name_undo(task->space, d->port.name, d->port.disposition);
        else if (d->type.type == MACH_MSG_OOL_DESCRIPTOR)
            undo_ool(task, &d->out_of_line);
        else
            undo_ool_ports(task, &d->ool_ports);
    }
}
