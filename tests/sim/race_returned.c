/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page that its pager takes out of memory again and again, while a thread counts in it: no count is lost.
 *
 * It would be if the page were sent when the lock of its object is released: a thread that misses the page then may ask the pager for it first, and be
 * given an older one.  That order is tried, too (race_returned_kernel.c), and must lose some.
 */
#include "race_returned.h"

#include "driver.h"
#include "user.h"

#include <stdio.h>

#define FLUSHES 150u
#define ID_INIT 2200
#define ID_DATA_REQUEST 2203
#define ID_DATA_RETURN 2205

static struct {
    mach_port_t object, control;
    mach_vm_address_t at;    /* where it is mapped */
    mach_vm_address_t store; /* the pager's page */
    bool stop, stopped;
} r;
static uint64_t runs_late, lost_late;

/* What the pager hears; what is at `memory` depends on the message. */
struct message {
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t control;
    mach_msg_ool_descriptor_t memory;
    uint8_t rest[256];
};

static void pager(uint64_t unused)
{
    struct message m;

    (void)unused;
    for (;;) {
        SIM_CHECK(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof(m), r.object, 0, MACH_PORT_NULL) ==
                  MACH_MSG_SUCCESS);
        if (m.head.msgh_id == ID_DATA_REQUEST) {
            SIM_CHECK(memory_object_data_supply(r.control, 0, r.store, PAGE_SIZE, FALSE, VM_PROT_NONE, FALSE,
                                                MACH_PORT_NULL) == KERN_SUCCESS);
        } else if (m.head.msgh_id == ID_DATA_RETURN) {
            const mach_vm_address_t data = (mach_vm_address_t)m.memory.address;
            sim_store64(r.store, sim_load64(data));
            SIM_CHECK(mach_vm_deallocate(mach_task_self(), data, PAGE_SIZE) == KERN_SUCCESS);
        }
    }
}

static void writer(uint64_t unused)
{
    uint64_t count = 0, found;

    (void)unused;
    while (!__atomic_load_n(&r.stop, __ATOMIC_ACQUIRE)) {
        found = sim_load64(r.at);
        SIM_CHECK(found == count || race_returned_late);
        lost_late += found != count;
        count = found + 1;
        sim_store64(r.at, count);
    }
    __atomic_store_n(&r.stopped, true, __ATOMIC_RELEASE);
    user_thread_exit();
}

static void begin(void)
{
    const mach_port_t self = mach_task_self();
    struct message m;

    r.stop = r.stopped = false;
    r.at = r.store = 0;
    SIM_CHECK(mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &r.object) == KERN_SUCCESS);
    SIM_CHECK(mach_port_insert_right(self, r.object, r.object, MACH_MSG_TYPE_MAKE_SEND) == KERN_SUCCESS);
    SIM_CHECK(mach_vm_allocate(self, &r.store, PAGE_SIZE, VM_FLAGS_ANYWHERE) == KERN_SUCCESS);
    SIM_CHECK(mach_vm_map(self, &r.at, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, r.object, 0, FALSE, VM_PROT_DEFAULT,
                          VM_PROT_ALL, VM_INHERIT_NONE) == KERN_SUCCESS);
    SIM_CHECK(mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof(m), r.object, 0, MACH_PORT_NULL) ==
                  MACH_MSG_SUCCESS &&
              m.head.msgh_id == ID_INIT);
    r.control = m.control.name;
    SIM_CHECK(memory_object_ready(r.control, FALSE, MEMORY_OBJECT_COPY_DELAY) == KERN_SUCCESS);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg), self = mach_task_self();

    begin();
    SIM_CHECK(user_thread_start(self, pager, 0, NULL) == KERN_SUCCESS);
    SIM_CHECK(user_thread_start(self, writer, 0, NULL) == KERN_SUCCESS);
    for (uint32_t i = 0; i < FLUSHES; i++) {
        SIM_CHECK(memory_object_lock_request(r.control, 0, PAGE_SIZE, MEMORY_OBJECT_RETURN_DIRTY, TRUE,
                                             VM_PROT_NO_CHANGE, MACH_PORT_NULL) == KERN_SUCCESS);
        if (sim_random() % 4 == 0)
            user_yield();
    }
    __atomic_store_n(&r.stop, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&r.stopped, __ATOMIC_ACQUIRE))
        user_yield();
    user_power_off(host_priv);
}

static void configure(struct sim_config *config)
{
    (void)config;
    race_returned_late = false;
}

static void configure_late(struct sim_config *config)
{
    (void)config;
    race_returned_late = true;
    runs_late++;
}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {
        {.name = "returned", .program = first_program, .configure = configure},
        {.name = "returned_late", .program = first_program, .configure = configure_late},
    };
    const int status = driver_main(argc, argv, table, 2);

    printf("# in the wrong order %llu counts lost in %llu runs\n", (unsigned long long)lost_late,
           (unsigned long long)runs_late);
    return runs_late > 0 && lost_late == 0 ? 1 : status;
}
