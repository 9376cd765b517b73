/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: memory (mach_vm.defs), exceptions, the host. */
#include "scenario_run.h"

#include <mach/mach_exc_server.h>
#include <string.h>

#define PAGE 4096u

static mach_port_t self(void)
{
    return mach_task_self();
}

/* --- memory --- */

static void memory_ranges(void)
{
    mach_vm_address_t at = 0, hole;
    mach_vm_size_t size;
    struct vm_region_basic_info_64 info;
    struct vm_region_submap_short_info_64 shared = {.share_mode = 0};
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    natural_t depth = 1;
    integer_t disposition = 0, references = 0;
    mach_port_t object;

    CALL(mach_vm_allocate(self(), &at, 64 * PAGE, VM_FLAGS_ANYWHERE));
    for (unsigned i = 0; i < 64; i += 3)
        sim_store8(at + i * PAGE, (uint8_t)i);
    CALL(mach_vm_protect(self(), at + 8 * PAGE, 4 * PAGE, FALSE, VM_PROT_READ));
    CALL(mach_vm_protect(self(), at + 9 * PAGE, PAGE, TRUE, VM_PROT_READ));
    CALL_IS(KERN_PROTECTION_FAILURE, mach_vm_protect(self(), at + 9 * PAGE, PAGE, FALSE, VM_PROT_DEFAULT));
    SIM_CHECK(sim_load8(at + 9 * PAGE) == 9);
    hole = at + 20 * PAGE;
    CALL(mach_vm_deallocate(self(), hole, 5 * PAGE));
    CALL_IS(KERN_INVALID_ADDRESS, mach_vm_protect(self(), at, 64 * PAGE, FALSE, VM_PROT_READ));
    CALL(mach_vm_allocate(self(), &hole, 2 * PAGE, VM_FLAGS_FIXED));
    CALL_IS(KERN_NO_SPACE, mach_vm_allocate(self(), &hole, 2 * PAGE, VM_FLAGS_FIXED));
    SIM_CHECK(sim_load8(hole) == 0);
    CALL(mach_vm_allocate(self(), &hole, 8 * PAGE, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE));
    SIM_CHECK(sim_load8(at + 24 * PAGE) == 0);
    hole = at + 8 * PAGE;
    CALL(mach_vm_region(self(), &hole, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count,
                        &object));
    SIM_CHECK(hole == at + 8 * PAGE && size == PAGE && info.protection == VM_PROT_READ);
    count = VM_REGION_SUBMAP_SHORT_INFO_COUNT_64;
    CALL(mach_vm_region_recurse(self(), &hole, &size, &depth, (vm_region_info_t)&shared, &count));
    SIM_CHECK(size == PAGE && shared.share_mode == SM_PRIVATE && shared.ref_count > 1 && depth == 0);
    CALL(mach_vm_page_query(self(), at + 9 * PAGE, &disposition, &references));
    SIM_CHECK(disposition == VM_PAGE_QUERY_PAGE_PRESENT && references == (integer_t)shared.ref_count);
    CALL(mach_vm_protect(self(), at + 32 * PAGE, PAGE, FALSE, VM_PROT_READ | VM_PROT_EXECUTE));
    sim_execute(at + 32 * PAGE);
    CALL(mach_vm_protect(self(), at + 32 * PAGE, PAGE, FALSE, VM_PROT_DEFAULT));
    sim_store8(at + 32 * PAGE, 1);
    CALL(mach_vm_deallocate(self(), at, 64 * PAGE));
}

/* The same memory at two places, a copy of it, and a place that is replaced by its neighbour. */
static void memory_remap(void)
{
    mach_vm_address_t at = 0, to = 0;
    vm_prot_t protection, maximum;

    CALL(mach_vm_allocate(self(), &at, 8 * PAGE, VM_FLAGS_ANYWHERE));
    sim_store8(at, 1);
    CALL(mach_vm_protect(self(), at + 4 * PAGE, 4 * PAGE, FALSE, VM_PROT_READ));
    CALL(mach_vm_remap(self(), &to, 8 * PAGE, 0xffff, VM_FLAGS_ANYWHERE, self(), at, FALSE, &protection,
                       &maximum, VM_INHERIT_SHARE));
    SIM_CHECK(to % 0x10000 == 0 && protection == VM_PROT_READ && maximum == VM_PROT_ALL);
    sim_store8(to + PAGE, 2);
    SIM_CHECK(sim_load8(to) == 1 && sim_load8(at + PAGE) == 2);
    CALL(mach_vm_deallocate(self(), to, 8 * PAGE));
    CALL(mach_vm_remap(self(), &to, 8 * PAGE, 0, VM_FLAGS_ANYWHERE, self(), at, TRUE, &protection, &maximum,
                       VM_INHERIT_COPY));
    sim_store8(at, 3);
    SIM_CHECK(sim_load8(to) == 1);
    CALL(mach_vm_deallocate(self(), to, 8 * PAGE));
    to = at + PAGE;
    CALL(mach_vm_remap(self(), &to, 2 * PAGE, 0, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, self(), at, FALSE,
                       &protection, &maximum, VM_INHERIT_COPY));
    SIM_CHECK(sim_load8(at + PAGE) == 3 && sim_load8(at + 2 * PAGE) == 2);
    CALL(mach_vm_deallocate(self(), at, 8 * PAGE));
}

/* A list that the kernel makes has its names, whatever its memory's entry in the map was before. */
static void memory_from_kernel(void)
{
    static mach_port_name_t names[512];
    static mach_port_type_t types[512];
    mach_vm_address_t at = 0;
    uint32_t count;

    CALL(mach_vm_allocate(self(), &at, 3 * PAGE, VM_FLAGS_ANYWHERE));
    for (unsigned i = 0; i < 3; i++)
        sim_store8(at + i * PAGE, 1);
    CALL(mach_vm_deallocate(self(), at + PAGE, PAGE));
    CALL(mach_vm_deallocate(self(), at, 3 * PAGE)); /* frees an entry for the third page of an object */
    CALL(user_port_names(self(), names, types, 512, &count));
    for (uint32_t i = 0; i < count; i++)
        SIM_CHECK(names[i] != MACH_PORT_NULL && types[i] != 0);
}

/* Wired memory and its copies; pages that are given up. */
/* Superpages, or the pages of them where memory has no more blocks: split by what is done to parts of them. */
static void memory_superpages(void)
{
    const uint32_t pages = VM_SUPERPAGE_SIZE / PAGE;
    mach_vm_address_t at = 0, copy = 0;
    vm_prot_t protection, maximum;

    CALL_IS(KERN_INVALID_ARGUMENT,
            mach_vm_allocate(self(), &at, PAGE, VM_FLAGS_ANYWHERE | VM_FLAGS_SUPERPAGE_SIZE_2MB));
    CALL(mach_vm_allocate(self(), &at, 2 * VM_SUPERPAGE_SIZE,
                          VM_FLAGS_ANYWHERE | VM_FLAGS_SUPERPAGE_SIZE_2MB));
    SIM_CHECK(at % VM_SUPERPAGE_SIZE == 0);
    sim_store8(at + 5 * PAGE, 5);
    sim_store8(at + (pages - 1) * PAGE, 6);
    CALL(mach_vm_protect(self(), at, VM_SUPERPAGE_SIZE, FALSE, VM_PROT_READ));
    CALL(mach_vm_protect(self(), at, VM_SUPERPAGE_SIZE, FALSE, VM_PROT_DEFAULT));
    CALL(mach_vm_remap(self(), &copy, VM_SUPERPAGE_SIZE, 0, VM_FLAGS_ANYWHERE, self(), at, TRUE, &protection,
                       &maximum, VM_INHERIT_COPY));
    sim_store8(at + 5 * PAGE, 7);
    SIM_CHECK(sim_load8(copy + 5 * PAGE) == 5 && sim_load8(copy + (pages - 1) * PAGE) == 6);
    CALL(mach_vm_deallocate(self(), copy, VM_SUPERPAGE_SIZE));
    sim_store8(at + VM_SUPERPAGE_SIZE, 8);
    CALL(mach_vm_deallocate(self(), at + VM_SUPERPAGE_SIZE - PAGE, 2 * PAGE));
    SIM_CHECK(sim_load8(at + 5 * PAGE) == 7 && sim_load8(at + VM_SUPERPAGE_SIZE + PAGE) == 0);
    CALL(mach_vm_deallocate(self(), at, 2 * VM_SUPERPAGE_SIZE));
}

static void memory_wired(void)
{
    mach_vm_address_t at = 0, to = 0;
    mach_vm_size_t size;
    vm_prot_t protection, maximum;
    struct vm_region_extended_info info = {.pages_resident = 0};
    mach_msg_type_number_t count = VM_REGION_EXTENDED_INFO_COUNT;
    mach_port_t object;

    CALL(mach_vm_allocate(self(), &at, 8 * PAGE, VM_FLAGS_ANYWHERE));
    sim_store8(at + 2 * PAGE, 1);
    CALL(mach_vm_remap(self(), &to, 8 * PAGE, 0, VM_FLAGS_ANYWHERE, self(), at, TRUE, &protection, &maximum,
                       VM_INHERIT_COPY));
    CALL(mach_vm_wire(scenario_host_priv, self(), at + PAGE, 3 * PAGE, VM_PROT_READ | VM_PROT_WRITE));
    CALL(mach_vm_deallocate(self(), to, 8 * PAGE));
    CALL(mach_vm_remap(self(), &to, 8 * PAGE, 0, VM_FLAGS_ANYWHERE, self(), at, TRUE, &protection, &maximum,
                       VM_INHERIT_COPY));
    sim_store8(at + 2 * PAGE, 2);
    SIM_CHECK(sim_load8(to + 2 * PAGE) == 1);
    CALL(mach_vm_deallocate(self(), to, 8 * PAGE));
    CALL(mach_vm_behavior_set(self(), at, 8 * PAGE, VM_BEHAVIOR_RANDOM));
    CALL(mach_vm_msync(self(), at, 8 * PAGE, VM_SYNC_KILLPAGES));
    to = at + PAGE;
    CALL(mach_vm_region(self(), &to, &size, VM_REGION_EXTENDED_INFO, (vm_region_info_t)&info, &count,
                        &object));
    SIM_CHECK(size == 3 * PAGE && info.pages_resident == 3 && info.pages_shared_now_private == 0);
    CALL(mach_vm_wire(scenario_host_priv, self(), at + PAGE, 3 * PAGE, VM_PROT_NONE));
    size = 8;
    to = at + 6 * PAGE; /* which is there at the latest when the answer comes */
    CALL(mach_vm_page_range_query(self(), at, 8 * PAGE, to, &size));
    SIM_CHECK(size == 8 && sim_load8(to) == 0 &&
              sim_load8(to + 2 * sizeof(integer_t)) == VM_PAGE_QUERY_PAGE_PRESENT);
    CALL(mach_vm_deallocate(self(), at, 8 * PAGE));
}

struct memory_message {
    mach_msg_base_t base;
    mach_msg_ool_descriptor_t memory[2];
    mach_msg_max_trailer_t trailer;
};

static void send_memory(mach_port_t port, uint64_t address, mach_msg_size_t size, bool deallocate)
{
    struct memory_message m = {
        .base = {.header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                            offsetof(struct memory_message, trailer), port, 0, 0, 810},
                 .body = {2}},
        .memory = {{.address = (void *)(uintptr_t)address,
                    .size = size,
                    .copy = MACH_MSG_VIRTUAL_COPY,
                    .type = MACH_MSG_OOL_DESCRIPTOR},
                   {.address = (void *)(uintptr_t)(address + PAGE + 8),
                    .size = 100,
                    .deallocate = deallocate,
                    .type = MACH_MSG_OOL_DESCRIPTOR}},
    };

    CALL(mach_msg(&m.base.header, MACH_SEND_MSG, offsetof(struct memory_message, trailer), 0, 0, 0, 0));
}

static void take_memory(mach_port_t port, uint64_t *first, uint64_t *second)
{
    struct memory_message m;

    CALL(mach_msg(&m.base.header, MACH_RCV_MSG, 0, sizeof(m), port, 0, 0));
    *first = (uintptr_t)m.memory[0].address;
    *second = (uintptr_t)m.memory[1].address;
}

/* Messages with memory: both sides write; one is not received. */
static void memory_out_of_line(void)
{
    const mach_port_t port = scenario_port_send();
    mach_vm_address_t mine = 0;
    uint64_t came, few;

    CALL(mach_vm_allocate(self(), &mine, 80 * PAGE, VM_FLAGS_ANYWHERE));
    for (unsigned i = 0; i < 80; i++)
        sim_store8(mine + i * PAGE + 10, (uint8_t)i);
    send_memory(port, mine + 10, 70 * PAGE, false);
    sim_store8(mine + 2 * PAGE + 10, 99);
    send_memory(port, mine + 3 * PAGE, 66 * PAGE, true);
    take_memory(port, &came, &few);
    SIM_CHECK(sim_load8(came) == 0 && sim_load8(came + 69 * PAGE) == 69 && sim_load8(came + 2 * PAGE) == 2);
    SIM_CHECK(sim_load8(came - 10) == 0 && sim_load8(few - 18) == 0 && sim_load8(few - 8) == 0);
    sim_store8(came + 64 * PAGE, 1);
    SIM_CHECK(sim_load8(mine + 64 * PAGE + 10) == 64);
    CALL(mach_vm_deallocate(self(), came, 70 * PAGE));
    CALL(mach_vm_deallocate(self(), few, 100));
    sim_store8(mine + 69 * PAGE + 10, 1);
    scenario_port_end(port);
    if (!scenario_fails()) /* without memory to split the range it stays */
        CALL_IS(KERN_INVALID_ADDRESS, mach_vm_protect(self(), mine + 4 * PAGE, PAGE, FALSE, VM_PROT_READ));
    CALL(mach_vm_deallocate(self(), mine, 80 * PAGE));
}

static void memory_other_task(void)
{
    mach_port_t task = scenario_task();
    mach_vm_address_t there = 0, here = 0;
    mach_vm_size_t size = 0;
    uint8_t data[PAGE];
    mach_msg_type_number_t count = sizeof(data);

    memset(data, 7, sizeof(data));
    CALL(mach_vm_allocate(task, &there, 16 * PAGE, VM_FLAGS_ANYWHERE));
    CALL(mach_vm_allocate(self(), &here, 16 * PAGE, VM_FLAGS_ANYWHERE));
    CALL(mach_vm_write_inband(task, there + 100, data, PAGE));
    CALL(mach_vm_read_inband(task, there + PAGE, PAGE, data, &count));
    SIM_CHECK(data[99] == 7 && data[100] == 0);
    CALL(mach_vm_read_overwrite(task, there, 3 * PAGE, here + 8, &size));
    SIM_CHECK(size == 3 * PAGE && sim_load8(here + 108) == 7);
    CALL_IS(KERN_INVALID_ADDRESS, mach_vm_read_overwrite(task, there + 15 * PAGE, 2 * PAGE, here, &size));
    CALL_IS(KERN_INVALID_ADDRESS, mach_vm_write_inband(task, there + 16 * PAGE, data, 1));
    scenario_task_end(task);
    CALL(mach_vm_deallocate(self(), here, 16 * PAGE));
}

/* Copies of memory as new memory, and over other memory: by pages and by bytes, of one range and of several. */
static void memory_copies(void)
{
    mach_port_t task = scenario_task();
    mach_vm_address_t there = 0, at = 0;
    mach_vm_read_entry_t list = {{0, 0}};
    vm_offset_t copy = 0;
    mach_msg_type_number_t count = 0;

    CALL(mach_vm_allocate(self(), &at, 80 * PAGE, VM_FLAGS_ANYWHERE));
    CALL(mach_vm_allocate(task, &there, 80 * PAGE, VM_FLAGS_ANYWHERE));
    for (unsigned i = 0; i < 70; i++)
        sim_store8(at + i * PAGE, (uint8_t)i);
    CALL(mach_vm_protect(task, there + 60 * PAGE, 8 * PAGE, TRUE, VM_PROT_DEFAULT));
    CALL(mach_vm_write(task, there, at, 80 * PAGE));
    CALL(mach_vm_write(task, there + 8, at + PAGE, 3));
    CALL(mach_vm_copy(task, there, 40 * PAGE, there + 20 * PAGE));
    CALL_IS(KERN_INVALID_ADDRESS, mach_vm_copy(task, there, 40 * PAGE, there + 60 * PAGE));
    CALL(mach_vm_read(task, there, 70 * PAGE, &copy, &count));
    SIM_CHECK(count == 70 * PAGE && sim_load8(copy) == 0 && sim_load8(copy + 8) == 1);
    SIM_CHECK(sim_load8(copy + 20 * PAGE) == 0 && sim_load8(copy + 59 * PAGE) == 39 &&
              sim_load8(copy + 60 * PAGE) == 60);
    CALL(mach_vm_deallocate(self(), copy, count));
    for (unsigned i = 0; i < 3; i++)
        list[i] = (mach_vm_range_t){there + 40 * i * PAGE, 8};
    CALL_IS(KERN_INVALID_ADDRESS, mach_vm_read_list(task, list, 3));
    CALL(mach_vm_read_list(task, list, 2));
    SIM_CHECK(sim_load8(list[0].address) == 0 && sim_load8(list[1].address) == 20);
    for (unsigned i = 0; i < 2; i++)
        CALL(mach_vm_deallocate(self(), list[i].address, list[i].size));
    scenario_task_end(task);
    CALL(mach_vm_deallocate(self(), at, 80 * PAGE));
}

/* Memory that a port stands for, mapped by two tasks, shared and copied, with and without its maker's own. */
static void memory_entries(void)
{
    mach_port_t task = scenario_task(), entry, fresh;
    mach_vm_address_t at = 0, here = 0, there = 0;
    memory_object_size_t size = 8 * PAGE;
    uint8_t byte[1];
    mach_msg_type_number_t count = sizeof(byte);

    CALL(mach_vm_allocate(self(), &at, 80 * PAGE, VM_FLAGS_ANYWHERE));
    sim_store8(at + 3 * PAGE, 3);
    CALL(mach_vm_protect(self(), at + 4 * PAGE, PAGE, FALSE, VM_PROT_READ));
    CALL(mach_make_memory_entry_64(self(), &size, at, VM_PROT_DEFAULT, &entry, MACH_PORT_NULL));
    CALL(mach_vm_map(task, &there, 4 * PAGE, 0, VM_FLAGS_ANYWHERE, entry, 2 * PAGE, FALSE, VM_PROT_DEFAULT,
                     VM_PROT_DEFAULT, VM_INHERIT_SHARE));
    CALL(mach_vm_map(self(), &here, 8 * PAGE, 0xffff, VM_FLAGS_ANYWHERE, entry, 0, TRUE, VM_PROT_DEFAULT,
                     VM_PROT_ALL, VM_INHERIT_COPY));
    CALL(mach_vm_write_inband(task, there + PAGE, (uint8_t[]){7}, 1));
    SIM_CHECK(here % 0x10000 == 0 && sim_load8(at + 3 * PAGE) == 7 && sim_load8(here + 3 * PAGE) == 3);
    CALL_IS(KERN_INVALID_RIGHT, mach_vm_map(self(), &here, PAGE, 0, VM_FLAGS_ANYWHERE, entry, 0, FALSE,
                                            VM_PROT_READ, VM_PROT_ALL, VM_INHERIT_COPY));
    CALL(mach_vm_deallocate(self(), here, 8 * PAGE));
    CALL(mach_vm_deallocate(self(), at, 80 * PAGE));
    scenario_release(entry);
    CALL(mach_vm_read_inband(task, there + PAGE, 1, byte, &count));
    SIM_CHECK(byte[0] == 7);

    size = 70 * PAGE;
    CALL(mach_make_memory_entry_64(self(), &size, 0, VM_PROT_READ | MAP_MEM_NAMED_CREATE, &fresh,
                                   MACH_PORT_NULL));
    here = 0;
    CALL(mach_vm_map(self(), &here, 70 * PAGE, 0, VM_FLAGS_ANYWHERE, fresh, 0, FALSE, VM_PROT_READ,
                     VM_PROT_READ, VM_INHERIT_COPY));
    SIM_CHECK(sim_load8(here + 69 * PAGE) == 0);
    CALL(mach_vm_map(task, &there, PAGE, 0, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, MACH_PORT_NULL, 0, FALSE,
                     VM_PROT_READ, VM_PROT_DEFAULT, VM_INHERIT_NONE));
    CALL(mach_vm_deallocate(self(), here, 70 * PAGE));
    scenario_release(fresh);
    scenario_task_end(task);
}

static void touch_all(uint64_t at)
{
    for (unsigned i = 0; i < 48; i++) {
        sim_store64(at + i * PAGE, i);
        SIM_CHECK(sim_load64(at + i * PAGE) == i);
    }
}

/* Threads of two address spaces touch, while memory comes and goes: ASIDs, page tables and TLBs have work. */
static void memory_shootdown(void)
{
    enum { TASKS = 5 };
    mach_port_t task[TASKS];
    struct scenario_thread t[TASKS];
    mach_vm_address_t at[TASKS];

    for (unsigned i = 0; i < TASKS; i++) {
        task[i] = i == 0 ? self() : scenario_task();
        at[i] = 0;
        CALL(mach_vm_allocate(task[i], &at[i], 64 * PAGE, VM_FLAGS_ANYWHERE));
        scenario_thread_start(&t[i], task[i], touch_all, at[i]);
    }
    for (unsigned i = 0; i < TASKS; i++) {
        CALL(mach_vm_protect(task[i], at[i] + 50 * PAGE, 8 * PAGE, FALSE, VM_PROT_READ));
        CALL(mach_vm_deallocate(task[i], at[i] + 60 * PAGE, 4 * PAGE));
    }
    for (unsigned i = 0; i < TASKS; i++) {
        scenario_thread_join(&t[i]);
        CALL(mach_vm_deallocate(task[i], at[i], 64 * PAGE));
        if (i > 0)
            scenario_task_end(task[i]);
    }
}

/* --- exceptions --- */

union exception {
    mach_msg_header_t head;
    __Request__mach_exception_raise_t raise;
    __Request__mach_exception_raise_state_t state;
    __Request__mach_exception_raise_state_identity_t identity;
    char room[4096];
};

union exception_reply {
    mig_reply_error_t error;
    __Reply__mach_exception_raise_state_t state;
};

static void raise_all(uint64_t arg)
{
    for (uint64_t i = 0; i < arg; i++)
        sim_exception(EXC_BREAKPOINT, 0x100000000 + (int64_t)i, 1);
}

static bool exception_take(mach_port_t port, union exception *e)
{
    mach_msg_return_t mr =
        mach_msg(&e->head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(*e), port, 300, MACH_PORT_NULL);

    if (mr == MACH_RCV_TIMED_OUT && scenario_fails())
        return false; /* no memory for the message: the next handler was asked */
    SIM_CHECK(mr == MACH_MSG_SUCCESS);
    return true;
}

static mach_msg_return_t try_answer(const union exception *e, kern_return_t result)
{
    mig_reply_error_t reply = {.Head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0),
                                        .msgh_size = sizeof(reply),
                                        .msgh_remote_port = e->head.msgh_remote_port,
                                        .msgh_id = e->head.msgh_id + 100},
                               .NDR = NDR_record,
                               .RetCode = result};

    return mach_msg(&reply.Head, MACH_SEND_MSG, sizeof(reply), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

static void answer(const union exception *e, kern_return_t result)
{
    CALL(try_answer(e, result));
}

/* The state that came goes back with pc behind the instruction. */
static void answer_state(const union exception *e, const natural_t *old, mach_msg_type_number_t count)
{
    union exception_reply reply = {
        .state = {.Head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND_ONCE, 0),
                           .msgh_remote_port = e->head.msgh_remote_port,
                           .msgh_id = e->head.msgh_id + 100},
                  .NDR = NDR_record,
                  .RetCode = KERN_SUCCESS,
                  .flavor = THREAD_STATE_FLAVOR_GENERAL,
                  .new_stateCnt = count}};
    struct riscv64_thread_state state;

    memcpy(&state, old, sizeof(state));
    state.pc += 4;
    memcpy(reply.state.new_state, &state, sizeof(state));
    reply.state.Head.msgh_size =
        (mach_msg_size_t)(offsetof(__Reply__mach_exception_raise_state_t, new_state) + sizeof(state));
    CALL(mach_msg(&reply.state.Head, MACH_SEND_MSG, reply.state.Head.msgh_size, 0, MACH_PORT_NULL, 0,
                  MACH_PORT_NULL));
}

static void release_identity(const mach_msg_port_descriptor_t *thread, const mach_msg_port_descriptor_t *task)
{
    scenario_release(thread->name);
    scenario_release(task->name);
}

static void pc_step(mach_port_t thread)
{
    struct riscv64_thread_state state;
    mach_msg_type_number_t count = RISCV64_THREAD_STATE_COUNT;

    CALL(thread_get_state(thread, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)&state, &count));
    state.pc += 4;
    CALL(thread_set_state(thread, THREAD_STATE_FLAVOR_GENERAL, (thread_state_t)&state, count));
}

/* Each behaviour in turn. Returns false: the exception got lost, and with it the task. */
static bool serve_exception(mach_port_t port, int behavior)
{
    union exception e;

    if (!exception_take(port, &e))
        return false;
    switch (behavior & ~(int)MACH_EXCEPTION_CODES) {
    case EXCEPTION_DEFAULT:
        SIM_CHECK(e.head.msgh_id == 2405 && e.raise.exception == EXC_BREAKPOINT);
        pc_step(e.raise.thread.name);
        release_identity(&e.raise.thread, &e.raise.task);
        answer(&e, KERN_SUCCESS);
        break;
    case EXCEPTION_STATE:
        SIM_CHECK(e.head.msgh_id == 2406 && e.state.old_stateCnt == RISCV64_THREAD_STATE_COUNT);
        answer_state(&e, e.state.old_state, e.state.old_stateCnt);
        break;
    default:
        SIM_CHECK(e.head.msgh_id == 2407);
        release_identity(&e.identity.thread, &e.identity.task);
        answer_state(&e, e.identity.old_state, e.identity.old_stateCnt);
        break;
    }
    return true;
}

/* A thread that raised exceptions, and its task, which has ended if one was not served. */
static void victim_end(struct scenario_thread *t, mach_port_t task, bool served)
{
    if (served) {
        scenario_thread_join(t);
        scenario_task_end(task);
    } else {
        scenario_release(t->thread);
        scenario_task_gone(task);
    }
}

/* The task's handler. */
static void exception_default(void)
{
    const int behavior = (int)(EXCEPTION_DEFAULT | MACH_EXCEPTION_CODES);
    mach_port_t port = scenario_port_send(), task = scenario_task();
    struct scenario_thread t;
    bool served = true;

    CALL(task_set_exception_ports(task, EXC_MASK_BREAKPOINT, port, behavior, THREAD_STATE_FLAVOR_GENERAL));
    CALL_IS(KERN_INVALID_ARGUMENT,
            task_set_exception_ports(task, EXC_MASK_BREAKPOINT, port, 9, THREAD_STATE_FLAVOR_GENERAL));
    scenario_thread_start(&t, task, raise_all, 3);
    for (unsigned i = 0; i < 3 && served; i++)
        served = serve_exception(port, behavior);
    victim_end(&t, task, served);
    scenario_port_end(port);
}

/* The thread's own handler, by states, each exception with another behaviour. */
static void exception_states(void)
{
    mach_port_t port = scenario_port_send(), task = scenario_task();
    struct scenario_thread t;

    for (int identity = 0; identity < 2; identity++) {
        const int behavior =
            (int)((identity ? EXCEPTION_STATE_IDENTITY : EXCEPTION_STATE) | MACH_EXCEPTION_CODES);
        CALL(task_suspend(task));
        scenario_thread_start(&t, task, raise_all, 1);
        CALL(thread_set_exception_ports(t.thread, EXC_MASK_ALL, port, behavior, THREAD_STATE_FLAVOR_GENERAL));
        CALL(thread_set_exception_ports(t.thread, EXC_MASK_BAD_ACCESS | EXC_MASK_SOFTWARE, MACH_PORT_NULL,
                                        EXCEPTION_DEFAULT, THREAD_STATE_FLAVOR_GENERAL));
        CALL(task_resume(task));
        if (!serve_exception(port, behavior)) {
            victim_end(&t, task, false);
            scenario_port_end(port);
            return;
        }
        scenario_thread_join(&t);
    }
    scenario_task_end(task);
    scenario_port_end(port);
}

/* Nobody handles it: the handler refuses, dies with the question, or is not there. The task ends. */
static void exception_unhandled(void)
{
    for (unsigned round = 0; round < 3; round++) {
        mach_port_t port = scenario_port_send(), task = scenario_task();
        struct scenario_thread t;
        union exception e;

        if (round < 2)
            CALL(task_set_exception_ports(task, EXC_MASK_BREAKPOINT, port,
                                          (int)(EXCEPTION_DEFAULT | MACH_EXCEPTION_CODES),
                                          THREAD_STATE_FLAVOR_GENERAL));
        scenario_thread_start(&t, task, raise_all, 1);
        if (round == 0 && exception_take(port, &e)) {
            release_identity(&e.raise.thread, &e.raise.task);
            answer(&e, KERN_FAILURE);
        }
        if (round == 1)
            scenario_sleep(5);
        scenario_port_end(port);
        scenario_task_gone(task);
        scenario_release(t.thread);
    }
}

/* A thread that waits for an answer is killed: the answer finds nobody. */
static void exception_killed(void)
{
    mach_port_t port = scenario_port_send(), task = scenario_task();
    struct scenario_thread t;
    union exception e;

    CALL(task_set_exception_ports(task, EXC_MASK_BREAKPOINT, port,
                                  (int)(EXCEPTION_DEFAULT | MACH_EXCEPTION_CODES),
                                  THREAD_STATE_FLAVOR_GENERAL));
    scenario_thread_start(&t, task, raise_all, 1);
    if (exception_take(port, &e)) {
        scenario_thread_kill(&t);
        CALL_IS(MACH_SEND_INVALID_DEST, try_answer(&e, KERN_SUCCESS));
        scenario_release(e.head.msgh_remote_port);
        release_identity(&e.raise.thread, &e.raise.task);
        scenario_task_end(task);
    } else {
        victim_end(&t, task, false);
    }
    scenario_port_end(port);
}

/* --- the host --- */

static void host_facts(void)
{
    mach_port_t host;
    integer_t words[512];
    mach_msg_type_number_t count;
    vm_size_t page = 0;
    natural_t processors = 0;
    struct host_basic_info basic;
    processor_info_array_t list = NULL;
    kernel_version_t version;
    time_value64_t uptime;
    kernel_memory_cache_info_t caches[48];
    kernel_memory_pages_info_t pages;

    while ((host = mach_host_self()) == MACH_PORT_NULL)
        SIM_CHECK(scenario_fails());
    for (int flavor = 0; flavor <= HOST_PRIORITY_INFO; flavor++) {
        const bool known = flavor == HOST_BASIC_INFO || flavor >= HOST_SCHED_INFO;
        count = 68;
        CALL_IS(known ? KERN_SUCCESS : KERN_INVALID_ARGUMENT, host_info(host, flavor, words, &count));
    }
    count = HOST_BASIC_INFO_COUNT;
    CALL(host_info(host, HOST_BASIC_INFO, (host_info_t)&basic, &count));
    CALL(host_page_size(host, &page));
    SIM_CHECK(page == PAGE);
    CALL(host_kernel_version(host, version));
    CALL(host_get_uptime64(host, &uptime));
    count = 256;
    CALL(host_statistics64(host, HOST_VM_INFO64, words, &count));
    CALL(host_processor_info(host, PROCESSOR_BASIC_INFO, &processors, &list, &count));
    SIM_CHECK(processors == sim_cpu_count() && count == processors * PROCESSOR_BASIC_INFO_COUNT);
    CALL(mach_vm_deallocate(self(), (uintptr_t)list, count * sizeof(*list)));
    count = 48;
    CALL(host_kernel_memory_info(host, caches, &count, &pages));
    SIM_CHECK(basic.memory_size == pages.total * PAGE && basic.avail_cpus == (int)sim_cpu_count());
    CALL_IS(KERN_INVALID_HOST, host_reboot(host, 0)); /* not the privileged port */
    scenario_release(host);
}

const struct scenario scenarios_memory[] = {
    {"memory_ranges", memory_ranges},
    {"memory_remap", memory_remap},
    {"memory_from_kernel", memory_from_kernel},
    {"memory_wired", memory_wired},
    {"memory_superpages", memory_superpages},
    {"memory_out_of_line", memory_out_of_line},
    {"memory_other_task", memory_other_task},
    {"memory_copies", memory_copies},
    {"memory_entries", memory_entries},
    {"memory_shootdown", memory_shootdown},
    {"exception_default", exception_default},
    {"exception_states", exception_states},
    {"exception_unhandled", exception_unhandled},
    {"exception_killed", exception_killed},
    {"host_facts", host_facts},
    {NULL, NULL},
};
