/* SPDX-License-Identifier: BSD-2-Clause */
/* Pagers for tests: a thread that serves memory objects, and says what it heard. */
#ifndef TEST_PAGER_H
#define TEST_PAGER_H

#include <mach/mach.h>
#include <stdbool.h>

/* What a message of the kernel to a pager said. */
struct pager_message {
    mach_msg_id_t id; /* 0: none came */
    memory_object_control_t control;
    memory_object_name_t name;
    memory_object_offset_t offset;
    vm_size_t length;
    vm_prot_t access;
    kern_return_t result;
    uint32_t word; /* the first of the data, which is gone */
    bool dirty;
    bool kept;
};

#define PAGER_INIT 2200
#define PAGER_TERMINATE 2201
#define PAGER_COPY 2202 /* name: the receive right of the new object */
#define PAGER_DATA_REQUEST 2203
#define PAGER_DATA_UNLOCK 2204
#define PAGER_DATA_RETURN 2205
#define PAGER_LOCK_COMPLETED 2206
#define PAGER_SUPPLY_COMPLETED 2207
#define PAGER_CHANGE_COMPLETED 2208
#define PAGER_SYNCHRONIZE 2209 /* access: the flags */

/* Take the next message of the kernel at the port, waiting at most `ms`. The rights in it are the caller's. */
struct pager_message pager_receive(mach_port_t object, unsigned ms);
/* Take the next one, which should have this id. */
struct pager_message pager_expect(mach_port_t object, mach_msg_id_t id);

/* A new memory object's port with a send right, and a mapping of `pages` pages of it, by offset 0. */
mach_port_t pager_object(unsigned pages, mach_vm_address_t *address);
mach_vm_address_t pager_map(task_t task, mach_port_t object, memory_object_offset_t offset, unsigned pages,
                            boolean_t copy);

/* The object is mapped: take memory_object_init, and say that the pager is ready. Returns its control port. */
memory_object_control_t pager_begin(mach_port_t object, memory_object_copy_strategy_t strategy);
/* Take memory_object_terminate, and give up the rights in it. Returns: was it that? */
bool pager_ended(mach_port_t object);

/* The same, behind pages that are given back. */
bool pager_finished(mach_port_t object);

/* Supply one page filled with `word`. */
void pager_supply(memory_object_control_t control, memory_object_offset_t offset, uint32_t word);

/* A thread that reads, or writes, a word at an address, or does something else, and then is gone. */
struct pager_access {
    volatile uint32_t *address;
    uint32_t word; /* that was read, or is to be written */
    bool write;
    kern_return_t (*call)(struct pager_access *access);
    kern_return_t result; /* of the call */
    thread_act_t thread;
    mach_port_t port; /* where its end is told, or its exception */
};
void pager_access_prepare(struct pager_access *access, mach_vm_address_t address, bool write, uint32_t word);
void pager_access_start(struct pager_access *access, mach_vm_address_t address, bool write, uint32_t word);
void pager_call_start(struct pager_access *access, kern_return_t (*call)(struct pager_access *),
                      mach_vm_address_t address);
/* Wait for its end. Returns: KERN_SUCCESS, or the result of the call; the code of its exception; KERN_OPERATION_TIMED_OUT it goes on after `ms`. */
kern_return_t pager_access_end(struct pager_access *access, unsigned ms);

#endif
