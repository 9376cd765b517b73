/* SPDX-License-Identifier: BSD-2-Clause */
/* libmach for C functions that are user programs. */
#include "user.h"

#include <mach/host_reboot.h>
#include <mach/rpc.h>
#include <mach/startup.h>
#include <stddef.h>
#include <string.h>

#define REG_TP 4
#define REG_REPLY_PORT 8
#define REG_TASK_SELF 18

/* --- registers --- */

uint64_t user_window(void)
{
    return sim_registers()->x[REG_TP];
}

mach_port_t user_start(uint64_t arg)
{
    /* the stack lies below the start block */
    sim_registers()->x[REG_TP] = (arg - USER_WINDOW_SIZE) & ~(uint64_t)15;
    return sim_load32(arg + offsetof(struct mach_startup, host_priv));
}

mach_port_t user_device_master(uint64_t arg)
{
    return sim_load32(arg + offsetof(struct mach_startup, device_master));
}

mach_port_t user_task_self(void)
{
    if (sim_registers()->x[REG_TASK_SELF] == MACH_PORT_NULL) {
        const mach_port_t self = mach_task_self_trap();
        sim_registers()->x[REG_TASK_SELF] = self;
    }
    return (mach_port_t)sim_registers()->x[REG_TASK_SELF];
}

/* --- traps --- */

static uint64_t trap(unsigned number)
{
    return sim_trap(number, 0, 0, 0, 0, 0, 0, 0);
}

mach_port_name_t mach_reply_port(void)
{
    return (mach_port_name_t)trap(MACH_TRAP_REPLY_PORT);
}

mach_port_name_t mach_thread_self(void)
{
    return (mach_port_name_t)trap(MACH_TRAP_THREAD_SELF);
}

mach_port_name_t mach_task_self_trap(void)
{
    return (mach_port_name_t)trap(MACH_TRAP_TASK_SELF);
}

uint64_t mach_port_allocate_trap(mach_port_name_t task, mach_port_right_t right)
{
    return sim_trap(MACH_TRAP_PORT_ALLOCATE, task, right, 0, 0, 0, 0, 0);
}

kern_return_t mach_port_destroy_trap(mach_port_name_t task, mach_port_name_t name)
{
    return (kern_return_t)sim_trap(MACH_TRAP_PORT_DESTROY, task, name, 0, 0, 0, 0, 0);
}

kern_return_t mach_port_deallocate_trap(mach_port_name_t task, mach_port_name_t name)
{
    return (kern_return_t)sim_trap(MACH_TRAP_PORT_DEALLOCATE, task, name, 0, 0, 0, 0, 0);
}

kern_return_t mach_port_mod_refs_trap(mach_port_name_t task, mach_port_name_t name, mach_port_right_t right,
                                      mach_port_delta_t delta)
{
    return (kern_return_t)sim_trap(MACH_TRAP_PORT_MOD_REFS, task, name, right, (uint64_t)delta, 0, 0, 0);
}

kern_return_t mach_port_insert_right_trap(mach_port_name_t task, mach_port_name_t name,
                                          mach_port_name_t right, mach_msg_type_name_t disposition)
{
    return (kern_return_t)sim_trap(MACH_TRAP_PORT_INSERT_RIGHT, task, name, right, disposition, 0, 0, 0);
}

kern_return_t mach_port_move_member_trap(mach_port_name_t task, mach_port_name_t member,
                                         mach_port_name_t after)
{
    return (kern_return_t)sim_trap(MACH_TRAP_PORT_MOVE_MEMBER, task, member, after, 0, 0, 0, 0);
}

kern_return_t mach_port_insert_member_trap(mach_port_name_t task, mach_port_name_t name,
                                           mach_port_name_t pset)
{
    return (kern_return_t)sim_trap(MACH_TRAP_PORT_INSERT_MEMBER, task, name, pset, 0, 0, 0, 0);
}

kern_return_t mach_port_extract_member_trap(mach_port_name_t task, mach_port_name_t name,
                                            mach_port_name_t pset)
{
    return (kern_return_t)sim_trap(MACH_TRAP_PORT_EXTRACT_MEMBER, task, name, pset, 0, 0, 0, 0);
}

uint64_t mach_vm_allocate_trap(mach_port_name_t task, mach_vm_address_t address, mach_vm_size_t size,
                               int flags)
{
    return sim_trap(MACH_TRAP_VM_ALLOCATE, task, address, size, (uint32_t)flags, 0, 0, 0);
}

kern_return_t mach_vm_deallocate_trap(mach_port_name_t task, mach_vm_address_t address, mach_vm_size_t size)
{
    return (kern_return_t)sim_trap(MACH_TRAP_VM_DEALLOCATE, task, address, size, 0, 0, 0, 0);
}

kern_return_t mach_vm_protect_trap(mach_port_name_t task, mach_vm_address_t address, mach_vm_size_t size,
                                   boolean_t set_maximum, vm_prot_t new_protection)
{
    return (kern_return_t)sim_trap(MACH_TRAP_VM_PROTECT, task, address, size, (uint32_t)set_maximum,
                                   (uint32_t)new_protection, 0, 0);
}

mach_port_name_t mach_host_self(void)
{
    return (mach_port_name_t)trap(MACH_TRAP_HOST_SELF);
}

void user_yield(void)
{
    (void)sim_trap(MACH_TRAP_THREAD_SWITCH, MACH_PORT_NULL, SWITCH_OPTION_NONE, 0, 0, 0, 0, 0);
}

mach_msg_return_t user_msg_trap(uint64_t va, mach_msg_option_t option, mach_msg_size_t send_size,
                                mach_msg_size_t rcv_size, mach_port_name_t rcv_name,
                                mach_msg_timeout_t timeout)
{
    return (mach_msg_return_t)sim_trap(MACH_TRAP_MSG, va, (uint32_t)option, send_size, rcv_size, rcv_name,
                                       timeout, 0);
}

void user_sleep(uint32_t ms)
{
    (void)sim_trap(MACH_TRAP_THREAD_SWITCH, MACH_PORT_NULL, SWITCH_OPTION_WAIT, ms, 0, 0, 0, 0);
}

/* What the kernel wrote to the window, as far as it is a message. */
static void window_read(mach_msg_header_t *msg, mach_msg_size_t room)
{
    mach_msg_trailer_t trailer;
    const uint64_t va = user_window();

    if (room < sizeof(*msg))
        return;
    sim_load(msg, va, sizeof(*msg));
    mach_msg_size_t size = msg->msgh_size;
    if (size < sizeof(*msg) || size > room)
        return;
    if (size + sizeof(trailer) <= room) {
        sim_load(&trailer, va + size, sizeof(trailer));
        if (trailer.msgh_trailer_size <= room - size)
            size += trailer.msgh_trailer_size;
    }
    sim_load((char *)msg + sizeof(*msg), va + sizeof(*msg), size - sizeof(*msg));
}

mach_msg_return_t mach_msg(mach_msg_header_t *msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_name_t notify)
{
    const mach_msg_size_t room = send_size > rcv_size ? send_size : rcv_size;

    (void)notify;
    SIM_CHECK(room <= USER_WINDOW_OWN);
    if (option & MACH_SEND_MSG)
        sim_store(user_window(), msg, send_size);
    mach_msg_return_t mr = user_msg_trap(user_window(), option, send_size, rcv_size, rcv_name, timeout);
    while (mr == MACH_SEND_INTERRUPTED && (option & MACH_SEND_INTERRUPT) == 0)
        mr = user_msg_trap(user_window(), option, send_size, rcv_size, rcv_name, timeout);
    while (mr == MACH_RCV_INTERRUPTED && (option & MACH_RCV_INTERRUPT) == 0)
        mr = user_msg_trap(user_window(), option & ~MACH_SEND_MSG, 0, rcv_size, rcv_name, timeout);
    if (mr != MACH_MSG_SUCCESS || (option & MACH_RCV_MSG) != 0)
        window_read(msg, room);
    return mr;
}

/* --- MIG --- */

mach_port_t mig_get_reply_port(void)
{
    if (sim_registers()->x[REG_REPLY_PORT] == MACH_PORT_NULL) {
        const mach_port_t made = mach_reply_port(); /* before the registers are looked for */
        sim_registers()->x[REG_REPLY_PORT] = made;
    }
    return (mach_port_t)sim_registers()->x[REG_REPLY_PORT];
}

/* A call failed: its answer may still come, so the next call needs another port. */
void mig_dealloc_reply_port(mach_port_t reply_port)
{
    if (sim_registers()->x[REG_REPLY_PORT] != reply_port || reply_port == MACH_PORT_NULL)
        return; /* the call below failed, too */
    sim_registers()->x[REG_REPLY_PORT] = MACH_PORT_NULL;
    /* without memory for this call the port would be lost: again, but not for ever */
    for (unsigned i = 0; i < 4; i++)
        if (mach_port_mod_refs(mach_task_self(), reply_port, MACH_PORT_RIGHT_RECEIVE, -1) == KERN_SUCCESS)
            break;
}

void mig_put_reply_port(mach_port_t reply_port)
{
    (void)reply_port; /* the thread keeps it for its next call */
}

mach_msg_size_t mig_strncpy(char *dest, const char *src, mach_msg_size_t len)
{
    mach_msg_size_t size = 0;

    while (size + 1 < len && src[size] != '\0')
        size++;
    memcpy(dest, src, size);
    dest[size] = '\0';
    return size + 1;
}

/* Release the rights in a message that nobody wants. */
void mach_msg_destroy(mach_msg_header_t *msg)
{
    const mach_msg_base_t *base = (const mach_msg_base_t *)msg;
    const mach_msg_port_descriptor_t *d = (const mach_msg_port_descriptor_t *)(base + 1);

    if (MACH_PORT_VALID(msg->msgh_remote_port))
        (void)mach_port_deallocate(mach_task_self(), msg->msgh_remote_port);
    if (!MACH_MSGH_BITS_IS_COMPLEX(msg->msgh_bits))
        return;
    for (mach_msg_size_t i = 0; i < base->body.msgh_descriptor_count; i++) {
        if (!MACH_PORT_VALID(d[i].name))
            continue;
        if (d[i].disposition == MACH_MSG_TYPE_PORT_RECEIVE)
            (void)mach_port_mod_refs(mach_task_self(), d[i].name, MACH_PORT_RIGHT_RECEIVE, -1);
        else
            (void)mach_port_deallocate(mach_task_self(), d[i].name);
    }
}

/* --- lists out of line --- */

/* Take a list of `count` words at `va`: the first `room` are read, its memory is given back. */
static void take_list(uint64_t va, uint32_t count, uint32_t *words, uint32_t room)
{
    mach_vm_size_t size = count * sizeof(*words);
    unsigned tries = 0;

    if (count == 0)
        return;
    sim_load(words, va, (count < room ? count : room) * sizeof(*words));
    while (mach_vm_deallocate(mach_task_self(), va, size) != KERN_SUCCESS)
        SIM_CHECK(++tries < 100); /* for want of memory to split a range */
}

kern_return_t user_port_names(mach_port_t task, mach_port_name_t *names, mach_port_type_t *types,
                              uint32_t room, uint32_t *count)
{
    mach_port_name_array_t name_list;
    mach_port_type_array_t type_list;
    mach_msg_type_number_t type_count;

    kern_return_t kr = mach_port_names(task, &name_list, count, &type_list, &type_count);
    if (kr != KERN_SUCCESS)
        return kr;
    SIM_CHECK(type_count == *count);
    take_list((uintptr_t)name_list, *count, names, room);
    take_list((uintptr_t)type_list, *count, types, room);
    return KERN_SUCCESS;
}

kern_return_t user_set_members(mach_port_t task, mach_port_name_t set, mach_port_name_t *names, uint32_t room,
                               uint32_t *count)
{
    mach_port_name_array_t list;

    kern_return_t kr = mach_port_get_set_status(task, set, &list, count);
    if (kr == KERN_SUCCESS)
        take_list((uintptr_t)list, *count, names, room);
    return kr;
}

/* --- tasks and threads --- */

kern_return_t user_thread_start_in(mach_port_t task, mach_vm_address_t window, sim_program_t program,
                                   uint64_t arg, mach_port_t *thread)
{
    struct riscv64_thread_state state = {
        .pc = sim_program_pc(program), .sp = window + USER_WINDOW_SIZE, .tp = window, .a0 = arg};
    mach_port_t made;

    const kern_return_t kr = thread_create_running(task, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)&state,
                                                   RISCV64_THREAD_STATE_COUNT, &made);
    if (kr == KERN_SUCCESS && thread != NULL)
        *thread = made;
    else if (kr == KERN_SUCCESS)
        (void)mach_port_deallocate(mach_task_self(), made);
    return kr;
}

kern_return_t user_thread_start(mach_port_t task, sim_program_t program, uint64_t arg, mach_port_t *thread)
{
    mach_vm_address_t window = 0;
    kern_return_t kr = mach_vm_allocate(task, &window, USER_WINDOW_SIZE, VM_FLAGS_ANYWHERE);

    if (kr != KERN_SUCCESS)
        return kr;
    kr = user_thread_start_in(task, window, program, arg, thread);
    if (kr != KERN_SUCCESS)
        (void)mach_vm_deallocate(task, window, USER_WINDOW_SIZE);
    return kr;
}

void user_thread_exit(void)
{
    for (;;)
        (void)thread_terminate(mach_thread_self());
}

void user_power_off(mach_port_t host_priv)
{
    for (;;)
        (void)host_reboot(host_priv, HOST_REBOOT_HALT);
}
