/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: what comes out of line where the receiver wants it (scatter lists), and the kernel's own lists. */
#include "scenario_run.h"

#include <mach_debug/ipc_info.h>
#include <string.h>

#define PAGE 4096u
#define SIZE 5000u /* of a piece: not whole pages */
#define RIGHTS 3u

static mach_port_t self(void)
{
    return mach_task_self();
}

/* Two pieces of memory and an array of ports. */
struct pieces {
    mach_msg_base_t base;
    mach_msg_ool_descriptor_t first;
    mach_msg_ool_ports_descriptor_t ports;
    mach_msg_ool_descriptor_t second;
    mach_msg_max_trailer_t trailer;
};
#define PIECES_SIZE ((mach_msg_size_t)offsetof(struct pieces, trailer))

static mach_msg_ool_descriptor_t piece(mach_vm_address_t at, mach_msg_size_t size,
                                       mach_msg_copy_options_t copy)
{
    return (mach_msg_ool_descriptor_t){
        .address = (void *)(uintptr_t)at, .size = size, .copy = copy & 0xff, .type = MACH_MSG_OOL_DESCRIPTOR};
}

static mach_msg_ool_ports_descriptor_t array(mach_vm_address_t at, mach_msg_copy_options_t copy)
{
    return (mach_msg_ool_ports_descriptor_t){.address = (void *)(uintptr_t)at,
                                             .count = RIGHTS,
                                             .copy = copy & 0xff,
                                             .disposition = MACH_MSG_TYPE_COPY_SEND,
                                             .type = MACH_MSG_OOL_PORTS_DESCRIPTOR};
}

static void pieces_post(mach_port_t port, mach_vm_address_t names, mach_vm_address_t memory)
{
    struct pieces m = {
        .base = {.header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                            .msgh_size = PIECES_SIZE,
                            .msgh_remote_port = port,
                            .msgh_id = 720},
                 .body = {.msgh_descriptor_count = 3}},
        .first = piece(memory + 10, SIZE, MACH_MSG_VIRTUAL_COPY),
        .ports = array(names, MACH_MSG_PHYSICAL_COPY),
        .second = piece(memory, SIZE, MACH_MSG_PHYSICAL_COPY)};
    mach_msg_return_t mr;

    for (uint32_t i = 0; i < RIGHTS; i++)
        sim_store32(names + i * sizeof(mach_port_name_t), port);
    do
        mr = mach_msg(&m.base.header, MACH_SEND_MSG, PIECES_SIZE, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    while (scenario_fails() &&
           (mr == MACH_SEND_NO_BUFFER || mr == MACH_SEND_INVALID_MEMORY || mr == MACH_SEND_INVALID_DATA));
    SIM_CHECK(mr == MACH_MSG_SUCCESS);
}

/* Receive with the list in m. */
static mach_msg_return_t pieces_receive(mach_port_t port, struct pieces *m)
{
    mach_msg_return_t mr;

    sim_store(user_window(), m, sizeof(*m));
    do
        mr = (mach_msg_return_t)sim_trap(MACH_TRAP_MSG, user_window(),
                                         (uint32_t)(MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_OVERWRITE), 0,
                                         sizeof(*m), port, 0, PIECES_SIZE);
    while (scenario_fails() && mr == MACH_RCV_INTERRUPTED);
    sim_load(m, user_window(), sizeof(*m));
    return mr;
}

/* Look at a piece, and give it back if it is new memory. */
static void piece_take(const mach_msg_ool_descriptor_t *d, uint8_t expected)
{
    const mach_vm_address_t at = (uintptr_t)d->address;

    SIM_CHECK(scenario_fails() || (at != 0 && sim_load8(at) == expected && sim_load8(at + SIZE - 1) == 0));
    if (d->deallocate && at != 0)
        CALL(mach_vm_deallocate(self(), at, d->size));
}

static void array_take(const mach_msg_ool_ports_descriptor_t *d, mach_port_t port)
{
    const mach_vm_address_t at = (uintptr_t)d->address;

    if (at == 0 && scenario_fails())
        return;
    for (uint32_t i = 0; i < d->count; i++) {
        const mach_port_name_t name = sim_load32(at + i * sizeof(name));
        SIM_CHECK(name == port);
        scenario_release(name);
    }
    if (d->deallocate)
        CALL(mach_vm_deallocate(self(), at, d->count * sizeof(mach_port_name_t)));
}

/* All that came with the result mr. */
static void pieces_take(const struct pieces *m, mach_port_t port, mach_msg_return_t mr)
{
    if (mr != MACH_MSG_SUCCESS && (mr & ~MACH_MSG_MASK) != MACH_RCV_BODY_ERROR)
        return;
    piece_take(&m->first, 2);
    array_take(&m->ports, port);
    piece_take(&m->second, 1);
}

/* Some of it to places that are there, some to new memory; then a list that does not fit, so the message is lost. */
static void scatter_list(void)
{
    const mach_port_t port = scenario_port_send();
    mach_vm_address_t memory = 0, place = 0, names;
    struct pieces m = {.base = {.body = {.msgh_descriptor_count = 3}}};

    CALL(mach_vm_allocate(self(), &memory, 2 * PAGE, VM_FLAGS_ANYWHERE));
    CALL(mach_vm_allocate(self(), &place, 4 * PAGE, VM_FLAGS_ANYWHERE));
    names = place + 3 * PAGE;
    sim_store8(memory, 1);
    sim_store8(memory + 10, 2);
    pieces_post(port, names, memory);
    m.first = piece(place + 100, SIZE, MACH_MSG_OVERWRITE);
    m.ports = array(names + 100, MACH_MSG_OVERWRITE);
    m.second = piece(0, 0, MACH_MSG_ALLOCATE);
    const mach_msg_return_t mr = pieces_receive(port, &m);
    SIM_CHECK(mr == MACH_MSG_SUCCESS || scenario_fails());
    SIM_CHECK(scenario_fails() || ((uintptr_t)m.first.address == place + 100 && !m.first.deallocate &&
                                   (uintptr_t)m.ports.address == names + 100 && m.second.deallocate));
    pieces_take(&m, port, mr);
    pieces_post(port, names, memory);
    m.base.body.msgh_descriptor_count = 3;
    m.first = piece(place, 1, MACH_MSG_OVERWRITE);
    const mach_msg_return_t refused = pieces_receive(port, &m);
    SIM_CHECK(refused == MACH_RCV_SCATTER_SMALL || scenario_fails());
    pieces_take(&m, port, refused); /* without memory the list could not be read, so there was none */
    CALL(mach_vm_deallocate(self(), memory, 2 * PAGE));
    CALL(mach_vm_deallocate(self(), place, 4 * PAGE));
    scenario_port_end(port);
}

/* A space with its names, which are more than the kernel guesses at first. */
static void space_list(void)
{
    enum { PORTS = 40 };
    const mach_port_t task = scenario_task();
    ipc_info_space_t info;
    ipc_info_name_array_t table;
    ipc_info_tree_name_array_t tree;
    mach_msg_type_number_t count, none;
    mach_port_t port;

    for (unsigned i = 0; i < PORTS; i++)
        CALL(mach_port_allocate(task, MACH_PORT_RIGHT_RECEIVE, &port));
    CALL(mach_port_space_info(task, &info, &table, &count, &tree, &none));
    SIM_CHECK(count == PORTS && none == 0 && info.iis_table_size > PORTS);
    CALL(mach_vm_deallocate(self(), (uintptr_t)table, count * sizeof(*table)));
    scenario_task_end(task);
}

const struct scenario scenarios_ool[] = {
    {"scatter_list", scatter_list},
    {"space_list", space_list},
    {NULL, NULL},
};
