/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pager that says anything, in any order and of any range, to the kernel, while threads read, write, copy and synchronize the memory that it
 * provides.  Only those threads may notice: each of their calls ends, with one of the results that it may have, the audit finds nothing, and
 * the machine goes on.
 */
#include "driver.h"
#include "property_counts.h"
#include "user.h"

#define ROUNDS 250u
#define QUIET_EVERY 50u
#define PAGES 12u
#define CLIENTS 2u
#define ID_INIT 2200

static struct {
    mach_port_t object, control;
    mach_vm_address_t at;   /* where it is mapped */
    mach_vm_address_t data; /* the pager's */
    bool ended;
    uint32_t gone; /* clients */
} r;

static uint32_t below(uint32_t count)
{
    return (uint32_t)(sim_random() % count);
}

/* --- who uses the memory --- */

static bool expected(kern_return_t kr)
{
    return kr == KERN_SUCCESS || kr == KERN_MEMORY_ERROR || kr == KERN_ABORTED ||
           kr == KERN_RESOURCE_SHORTAGE;
}

static kern_return_t use_once(void)
{
    const mach_port_t self = mach_task_self();
    const mach_vm_address_t at = r.at + below(PAGES) * PAGE_SIZE + 8 * below(512);
    uint8_t bytes[8] = {1, 2, 3};
    mach_msg_type_number_t count = sizeof(bytes);
    mach_vm_address_t copy = 0;

    switch (below(5)) {
    case 0:
        return mach_vm_write_inband(self, at, bytes, count);
    case 1:
        return mach_vm_msync(self, at, below(4) * PAGE_SIZE,
                             below(2) ? VM_SYNC_SYNCHRONOUS : VM_SYNC_ASYNCHRONOUS | VM_SYNC_INVALIDATE);
    case 2: /* a copy, which lives for a moment */
        if (mach_vm_map(self, &copy, 3 * PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, r.object, below(8) * PAGE_SIZE,
                        TRUE, VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_NONE) != KERN_SUCCESS)
            return KERN_SUCCESS; /* the pager is gone */
        const kern_return_t kr = mach_vm_write_inband(self, copy + below(3) * PAGE_SIZE, bytes, count);
        SIM_CHECK(mach_vm_deallocate(self, copy, 3 * PAGE_SIZE) == KERN_SUCCESS);
        return kr;
    case 3:
        return mach_vm_behavior_set(self, at, PAGE_SIZE,
                                    below(2) ? VM_BEHAVIOR_SEQUENTIAL : VM_BEHAVIOR_DEFAULT);
    default:
        return mach_vm_read_inband(self, at, sizeof(bytes), bytes, &count);
    }
}

static void client(uint64_t unused)
{
    (void)unused;
    while (!__atomic_load_n(&r.ended, __ATOMIC_ACQUIRE))
        SIM_CHECK(expected(use_once()));
    __atomic_fetch_add(&r.gone, 1, __ATOMIC_RELEASE);
    user_thread_exit();
}

/* --- the pager --- */

/* Mostly a page of the object, sometimes anything. */
static uint64_t any_offset(void)
{
    return below(16) == 0 ? sim_random() >> below(64) : (uint64_t)below(PAGES + 2) * PAGE_SIZE;
}

static uint64_t any_size(void)
{
    return below(16) == 0 ? sim_random() >> below(64) : (uint64_t)below(6) * PAGE_SIZE;
}

static vm_prot_t any_lock(void)
{
    return below(3) == 0 ? (vm_prot_t)below(17) : VM_PROT_NONE;
}

static kern_return_t supply(void)
{
    const mach_msg_type_number_t size = below(6) * PAGE_SIZE + (below(16) == 0 ? 8 : 0);
    const vm_offset_t from = r.data + (below(16) == 0 ? 8 : 0);

    return memory_object_data_supply(r.control, any_offset(), from, size, FALSE, any_lock(),
                                     (boolean_t)below(2), below(4) == 0 ? r.object : MACH_PORT_NULL);
}

static kern_return_t say_anything(void)
{
    switch (below(9)) {
    case 0:
        return memory_object_data_unavailable(r.control, any_offset(), any_size());
    case 1:
        return memory_object_data_error(r.control, any_offset(), any_size(), KERN_FAILURE);
    case 2:
        return memory_object_lock_request(
            r.control, any_offset(), any_size(), (memory_object_return_t)below(4), (boolean_t)below(2),
            below(2) ? VM_PROT_NO_CHANGE : any_lock(), below(2) ? r.object : MACH_PORT_NULL);
    case 3:
        return memory_object_set_cluster_size(r.control, any_size());
    case 4:
        return memory_object_synchronize_completed(r.control, any_offset(), any_size());
    case 5:
        return memory_object_change_attributes(r.control, (boolean_t)below(2),
                                               (memory_object_copy_strategy_t)below(5), MACH_PORT_NULL);
    default:
        return supply();
    }
}

struct init_message {
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t control, name;
    uint8_t rest[256];
};

static void begin(void)
{
    const mach_port_t self = mach_task_self();
    struct init_message m;

    r.ended = false;
    r.gone = 0;
    r.at = r.data = 0;
    SIM_CHECK(mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &r.object) == KERN_SUCCESS);
    SIM_CHECK(mach_port_insert_right(self, r.object, r.object, MACH_MSG_TYPE_MAKE_SEND) == KERN_SUCCESS);
    SIM_CHECK(mach_vm_allocate(self, &r.data, 8 * PAGE_SIZE, VM_FLAGS_ANYWHERE) == KERN_SUCCESS);
    SIM_CHECK(mach_vm_map(self, &r.at, (PAGES + 4) * PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, r.object, 0, FALSE,
                          VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_NONE) == KERN_SUCCESS);
    SIM_CHECK(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof(m), r.object, 0, MACH_PORT_NULL) ==
                  MACH_MSG_SUCCESS &&
              m.head.msgh_id == ID_INIT);
    r.control = m.control.name;
    SIM_CHECK(memory_object_ready(r.control, FALSE, MEMORY_OBJECT_COPY_DELAY) == KERN_SUCCESS);
}

/* What the kernel sends stays in the queue, and goes with the port. */
static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg), self = mach_task_self();

    begin();
    for (uint32_t i = 0; i < CLIENTS; i++)
        SIM_CHECK(user_thread_start(self, client, 0, NULL) == KERN_SUCCESS);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        SIM_CHECK(say_anything() == KERN_SUCCESS); /* it is sent, whatever comes of it */
        if (below(4) == 0)
            user_yield();
    }
    __atomic_store_n(&r.ended, true, __ATOMIC_RELEASE);
    if (below(2) == 0)
        SIM_CHECK(memory_object_destroy(r.control, KERN_FAILURE) == KERN_SUCCESS);
    /* with it go the objects of copies that the pager was to make: nobody waits for them any more */
    SIM_CHECK(mach_port_mod_refs(self, r.object, MACH_PORT_RIGHT_RECEIVE, -1) == KERN_SUCCESS);
    while (__atomic_load_n(&r.gone, __ATOMIC_ACQUIRE) < CLIENTS)
        user_yield();
    user_power_off(host_priv);
}

static void configure(struct sim_config *config)
{
    property_counts_watch(config, QUIET_EVERY);
}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {
        {.name = "pager", .program = first_program, .configure = configure}};

    return driver_main(argc, argv, table, 1);
}
