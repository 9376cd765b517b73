/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program that an input is: threads that do arbitrary things, a first task that has nothing to do with them and ends
 * them after a while.  Whatever they do, the kernel must stand, pass the audit, and have its memory back when they are gone.
 */
#include "fuzz_program.h"

#include "property_counts.h"
#include "user.h"

#include <mach/exception_types.h>
#include <mach/notify.h>
#include <mach/rpc.h>
#include <stdio.h>
#include <string.h>

#define SLOTS 16u
#define TEXT 320u
#define QUIET_EVERY 300u
#define STEPS_MAX 40000000u
#define LIFE_MS 40u      /* of the tasks */
#define TIMEOUT_MS 3u    /* of messages: inputs are to end */
#define SLEEP_MAX_MS 50u /* of thread_switch */

static struct {
    const struct fuzz_op *ops;
    uint32_t count;
    uint64_t slot[FUZZ_TASKS][SLOTS];
    bool started[FUZZ_STREAMS];
    char text[TEXT]; /* empty: all is well */
} f;

/* --- operands --- */

static uint64_t odd_value(uint8_t v)
{
    const uint64_t window = user_window();
    const uint64_t odd[] = {
        window,
        window + PAGE_SIZE - 8,
        window + USER_WINDOW_SIZE - 16,
        window + USER_WINDOW_SIZE,
        window + 1,
        PAGE_SIZE,
        UINT64_C(0x7fffffffffff),
        UINT64_C(0x800000000000),
        UINT64_MAX,
        UINT64_MAX - PAGE_SIZE + 1,
        UINT64_C(1) << 63,
        UINT32_MAX,
        UINT64_C(1) << 32,
        INT32_MIN,
        INT32_MAX,
        MACH_PORT_DEAD,
        0x10000,
        1u << 20,
        65535,
        65536,
        sim_registers()->pc,
        UINT64_C(0x5555555555555555),
        MACH_NOTIFY_DEAD_NAME,
        MACH_NOTIFY_NO_SENDERS,
        MACH_NOTIFY_PORT_DESTROYED,
        MACH_MSG_TYPE_MOVE_RECEIVE,
        MACH_MSG_TYPE_MAKE_SEND,
        MACH_MSG_TYPE_COPY_SEND,
        MACH_MSG_TYPE_MAKE_SEND_ONCE,
        MACH_MSG_TYPE_MOVE_SEND,
        EXC_MASK_ALL,
        USER_WINDOW_OWN,
    };
    return odd[v % (sizeof(odd) / sizeof(odd[0]))];
}

/* A byte of an input as the value of a register. */
static uint64_t value(uint32_t task, uint8_t v)
{
    if (v < 96)
        return f.slot[task][v % SLOTS];
    if (v < 144)
        return v - 96u;
    if (v < 176)
        return (v - 144u) * PAGE_SIZE / 4;
    return odd_value(v);
}

static mach_port_name_t name_value(uint32_t task, uint8_t v)
{
    return (mach_port_name_t)value(task, v);
}

static void keep(uint32_t task, uint8_t slot, uint64_t what)
{
    f.slot[task][slot % SLOTS] = what;
}

/* --- operations --- */

static void do_trap(uint32_t task, const struct fuzz_op *op)
{
    uint64_t a[7];
    const unsigned number = op->a[0] % (MACH_TRAP_COUNT + 2u);

    for (uint32_t i = 0; i < 7; i++)
        a[i] = value(task, op->a[1 + i]);
    if (number == MACH_TRAP_MSG) {
        a[1] |= MACH_SEND_TIMEOUT | MACH_RCV_TIMEOUT;
        a[5] = a[5] % TIMEOUT_MS;
    }
    if (number == MACH_TRAP_THREAD_SWITCH)
        a[2] %= SLEEP_MAX_MS;
    if (number == MACH_TRAP_THREAD_SET_TLS)
        return; /* the window would be lost */
    keep(task, op->a[8], sim_trap(number, a[0], a[1], a[2], a[3], a[4], a[5], a[6]));
}

/* What mach_msg is asked to do. */
static mach_msg_return_t message_trap(uint32_t task, const struct fuzz_op *op, mach_msg_size_t size,
                                      mach_port_name_t from)
{
    static const mach_msg_option_t options[] = {
        MACH_SEND_MSG,
        MACH_RCV_MSG,
        MACH_SEND_MSG | MACH_RCV_MSG,
        MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_LARGE,
        MACH_RCV_MSG | MACH_RCV_LARGE,
        MACH_RCV_MSG | (mach_msg_option_t)MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_CTX),
        MACH_SEND_MSG | MACH_SEND_INTERRUPT,
        MACH_SEND_MSG | MACH_RCV_MSG | MACH_SEND_NOTIFY | MACH_RCV_LARGE_IDENTITY,
    };
    const mach_msg_option_t option = options[op->a[16] % 8];
    const mach_msg_size_t room = op->a[16] & 8 ? (mach_msg_size_t)value(task, op->a[17]) : USER_WINDOW_OWN;

    return user_msg_trap(user_window(), option | MACH_SEND_TIMEOUT | MACH_RCV_TIMEOUT, size, room, from,
                         op->a[16] >> 4 & 3 ? 0 : TIMEOUT_MS);
}

/* Names that came with a message are worth keeping. */
static void message_keep(uint32_t task, const struct fuzz_op *op)
{
    mach_msg_header_t head;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t right;

    sim_load(&head, user_window(), sizeof(head));
    keep(task, op->a[14], head.msgh_remote_port);
    if (!MACH_MSGH_BITS_IS_COMPLEX(head.msgh_bits))
        return;
    sim_load(&body, user_window() + sizeof(head), sizeof(body));
    if (body.msgh_descriptor_count == 0)
        return;
    sim_load(&right, user_window() + sizeof(mach_msg_base_t), sizeof(right));
    keep(task, op->a[15], right.name);
}

static mach_msg_type_name_t disposition(uint8_t v)
{
    return v < 240 ? MACH_MSG_TYPE_MOVE_RECEIVE + v % 6u : v;
}

/* An array of ports: of the task's own names, or at any address. */
static uint32_t put_array(uint32_t task, mach_msg_ool_ports_descriptor_t *d, uint8_t where, uint8_t what)
{
    const uint64_t own = user_window() + USER_WINDOW_OWN;
    mach_port_name_t names[SLOTS];

    for (uint32_t i = 0; i < SLOTS; i++)
        names[i] = (mach_port_name_t)f.slot[task][(i + where) % SLOTS];
    sim_store(own, names, sizeof(names));
    *d = (mach_msg_ool_ports_descriptor_t){
        .address = (void *)(uintptr_t)(where < 192 ? own : value(task, where)),
        .count = what % 16 < 15 ? what % 16 : (uint32_t)value(task, what),
        .deallocate = what >> 4 & 1,
        .copy = what >> 5 & 1,
        .disposition = disposition(what) & 0xff,
        .type = MACH_MSG_OOL_PORTS_DESCRIPTOR,
    };
    return sizeof(*d);
}

/* Memory of the window, or at any address. */
static uint32_t put_memory(uint32_t task, mach_msg_ool_descriptor_t *d, uint8_t where, uint8_t what)
{
    *d = (mach_msg_ool_descriptor_t){
        .address = (void *)(uintptr_t)(where < 128 ? user_window() + where : value(task, where)),
        .size = (mach_msg_size_t)(what % 16 < 12 ? what % 16 * (PAGE_SIZE / 2) : value(task, what)),
        .deallocate = what >> 4 & 1,
        .copy = what >> 5 & 1,
        .type = MACH_MSG_OOL_DESCRIPTOR,
    };
    return sizeof(*d);
}

/* Descriptors of the operands. Returns: their bytes. */
static uint32_t put_descriptors(uint32_t task, const struct fuzz_op *op, uint32_t count, char *to)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t where = op->a[7 + 2 * i], what = op->a[8 + 2 * i];
        if (op->a[4] & 128 && i % 2 == 0) {
            used += put_array(task, (void *)(to + used), where, what);
        } else if (op->a[4] & 32 && i % 2 == 1) {
            used += put_memory(task, (void *)(to + used), where, what);
        } else {
            mig_put_port((void *)(to + used), name_value(task, where), disposition(what));
            used += (uint32_t)sizeof(mach_msg_port_descriptor_t);
        }
    }
    return used;
}

static void do_message(uint32_t task, const struct fuzz_op *op)
{
    struct {
        mach_msg_base_t base;
        char data[4 * sizeof(mach_msg_descriptor_t) + 64];
    } m;
    const uint32_t rights = op->a[4] % 5;
    const bool complex = rights > 0 || (op->a[4] & 64) != 0;

    memset(&m, 0x5a, sizeof(m));
    const uint32_t used = put_descriptors(task, op, rights, m.data);
    const mach_msg_size_t size =
        (mach_msg_size_t)(complex ? sizeof(mach_msg_base_t) + used + op->a[5] % 17 * 4
                                  : sizeof(mach_msg_header_t) + op->a[5] % 30 * 4);

    m.base.header = (mach_msg_header_t){
        .msgh_bits = MACH_MSGH_BITS(disposition(op->a[0]), op->a[2] < 64 ? 0 : disposition(op->a[2])) |
                     (complex ? MACH_MSGH_BITS_COMPLEX : 0),
        .msgh_size = size,
        .msgh_remote_port = name_value(task, op->a[1]),
        .msgh_local_port = op->a[2] < 64 ? MACH_PORT_NULL : name_value(task, op->a[3]),
        .msgh_id = op->a[6],
    };
    if (complex)
        m.base.body.msgh_descriptor_count = rights;
    sim_store(user_window(), &m, sizeof(m));
    if (message_trap(task, op, size, name_value(task, op->a[15])) == MACH_MSG_SUCCESS)
        message_keep(task, op);
}

/* The operands themselves are the message. */
static void do_bytes(uint32_t task, const struct fuzz_op *op)
{
    mach_msg_header_t head;

    memcpy(&head, op->a, FUZZ_OPERANDS);
    head.msgh_remote_port = name_value(task, op->a[8]);
    head.msgh_local_port = name_value(task, op->a[12]);
    head.msgh_voucher_port = op->a[15] & 1 ? MACH_PORT_NULL : op->a[15];
    head.msgh_id = op->a[14];
    sim_store(user_window(), &head, sizeof(head));
    if (message_trap(task, op, op->a[5] * 4u, name_value(task, op->a[12])) == MACH_MSG_SUCCESS)
        message_keep(task, op);
}

/* A request to the kernel: well-formed in its frame, anything in its arguments. */
static void do_service(uint32_t task, const struct fuzz_op *op)
{
    static const mach_msg_id_t base[8] = {200, 3200, 3400, 3600, 4800, 5200, 3200, 400};
    static const uint8_t routines[8] = {32, 30, 44, 32, 24, 12, 30, 19};
    struct {
        mach_msg_header_t head;
        uint8_t data[512];
    } m;
    const uint32_t range = op->a[0] % 8, rights = op->a[3] % 3;
    uint32_t used = 0;

    memset(&m, 0, sizeof(m));
    if (rights > 0) {
        memcpy(m.data, &rights, sizeof(rights));
        used = sizeof(rights);
        for (uint32_t i = 0; i < rights; i++) {
            mach_msg_descriptor_t d;
            uint32_t size = sizeof(d.port);
            if (op->a[3] & 64 && i == 0) /* as of mach_vm_write() */
                size = put_memory(task, &d.out_of_line, op->a[14], op->a[16]);
            else
                mig_put_port(&d.port, name_value(task, op->a[14 + i]), disposition(op->a[16 + i]));
            memcpy(m.data + used, &d, size);
            used += size;
        }
    }
    memcpy(m.data + used, &NDR_record, sizeof(NDR_record));
    used += (uint32_t)sizeof(NDR_record);
    for (uint32_t i = 0; i < op->a[4] % 8u; i++) {
        const uint64_t v = value(task, op->a[6 + i]);
        const uint32_t bytes = op->a[5] >> i & 1 ? 8 : 4;
        memcpy(m.data + used, &v, bytes);
        used += bytes;
    }
    used += op->a[4] >> 3 & 1 ? op->a[5] & ~3u : 0; /* room for a state or an array */
    m.head = (mach_msg_header_t){.msgh_bits =
                                     MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE) |
                                     (rights > 0 ? MACH_MSGH_BITS_COMPLEX : 0),
                                 .msgh_size = (mach_msg_size_t)sizeof(m.head) + used,
                                 .msgh_remote_port = name_value(task, op->a[2]),
                                 .msgh_local_port = mig_get_reply_port(),
                                 .msgh_id = base[range] + op->a[1] % routines[range]};
    sim_store(user_window(), &m, m.head.msgh_size);
    if (user_msg_trap(user_window(), MACH_SEND_MSG | MACH_RCV_MSG | MACH_SEND_TIMEOUT | MACH_RCV_TIMEOUT,
                      m.head.msgh_size, USER_WINDOW_OWN, m.head.msgh_local_port,
                      TIMEOUT_MS) != MACH_MSG_SUCCESS)
        return;
    sim_load(&m.head, user_window(), sizeof(m.head));
    if (MACH_MSGH_BITS_IS_COMPLEX(m.head.msgh_bits))
        keep(task, op->a[13], sim_load32(user_window() + sizeof(mach_msg_base_t)));
    else if (m.head.msgh_size >= sizeof(mig_reply_error_t) + sizeof(uint32_t))
        keep(task, op->a[13], sim_load32(user_window() + sizeof(mig_reply_error_t)));
}

static void do_rpc(uint32_t task, const struct fuzz_op *op)
{
    struct sim_rpc m = {.remote = name_value(task, op->a[1]),
                        .local = name_value(task, op->a[2]),
                        .header = MACH_RPC_HEADER(op->a[3], op->a[4] % 9)};

    for (uint32_t i = 0; i < MACH_RPC_WORDS; i++)
        m.word[i] = value(task, op->a[5 + i]);
    if (op->a[0] & 2)
        m.remote = MACH_PORT_NULL;
    const uint64_t result = sim_trap_rpc(op->a[0] & 1 ? MACH_TRAP_RPC_CALL : MACH_TRAP_RPC_REPLY_WAIT, &m);
    if ((uint32_t)result == MACH_MSG_SUCCESS)
        keep(task, op->a[12], m.remote);
}

static void do_memory(uint32_t task, const struct fuzz_op *op)
{
    const uint64_t va = value(task, op->a[1]) + (op->a[2] & 64 ? op->a[3] : 0);

    switch (op->a[0] % 4) {
    case 0:
        keep(task, op->a[4], sim_load64(va & ~UINT64_C(7)));
        break;
    case 1:
        sim_store8(va, op->a[3]);
        break;
    case 2:
        (void)sim_compare_and_swap64(va & ~UINT64_C(7), 0, op->a[3]);
        break;
    default:
        sim_execute(va & ~UINT64_C(3));
        break;
    }
}

/* --- pagers --- */

static uint64_t pager_offset(uint32_t task, uint8_t v)
{
    return v < 192 ? v % 12u * PAGE_SIZE : value(task, v);
}

static uint64_t pager_size(uint32_t task, uint8_t v)
{
    return v < 224 ? v % 6u * PAGE_SIZE : value(task, v);
}

/* A port of somebody's becomes memory of the task's own: where that is goes into a slot. */
static void pager_map(uint32_t task, const struct fuzz_op *op)
{
    mach_vm_address_t at = 0;

    if (mach_vm_map(mach_task_self(), &at, (1u + op->a[2] % 8) * PAGE_SIZE, 0, VM_FLAGS_ANYWHERE,
                    (mach_port_name_t)f.slot[task][op->a[1] % FUZZ_TASKS], op->a[3] % 4u * PAGE_SIZE,
                    op->a[4] & 1, VM_PROT_DEFAULT, VM_PROT_ALL, op->a[5] % 3) == KERN_SUCCESS)
        keep(task, op->a[6], at + op->a[7] % 8u * PAGE_SIZE);
}

/* What the kernel says at the task's own port: the control port, or a new object, goes into a slot. */
static void pager_hear(uint32_t task, const struct fuzz_op *op)
{
    if (user_msg_trap(user_window(), MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, USER_WINDOW_OWN,
                      (mach_port_name_t)f.slot[task][task], TIMEOUT_MS) == MACH_MSG_SUCCESS)
        message_keep(task, op);
}

/* An answer, to any name, of any pages. */
static void do_pager(uint32_t task, const struct fuzz_op *op)
{
    const mach_port_name_t control = name_value(task, op->a[1]);
    const uint64_t offset = pager_offset(task, op->a[2]), size = pager_size(task, op->a[3]);
    const vm_prot_t lock = op->a[4] % 3 == 0 ? op->a[4] / 3u : VM_PROT_NONE;
    const mach_port_name_t reply = op->a[5] < 64 ? (mach_port_name_t)f.slot[task][task] : MACH_PORT_NULL;

    switch (op->a[0] % 12) {
    case 0:
    case 1:
        pager_map(task, op);
        break;
    case 2:
    case 3:
        pager_hear(task, op);
        break;
    case 4:
        (void)memory_object_ready(control, op->a[4] & 1, op->a[5] % 5);
        break;
    case 5:
        (void)memory_object_data_unavailable(control, offset, size);
        break;
    case 6:
        (void)memory_object_data_error(control, offset, size, op->a[4]);
        break;
    case 7:
        (void)memory_object_lock_request(control, offset, size, op->a[6] % 4, op->a[7] & 1,
                                         op->a[7] & 2 ? VM_PROT_NO_CHANGE : lock, reply);
        break;
    case 8:
        (void)memory_object_change_attributes(control, op->a[4] & 1, op->a[6] % 5, reply);
        break;
    case 9:
        (void)(op->a[4] & 1 ? memory_object_set_cluster_size(control, size)
                            : memory_object_synchronize_completed(control, offset, size));
        break;
    default:
        (void)memory_object_data_supply(
            control, offset, op->a[6] < 192 ? user_window() : value(task, op->a[6]),
            (mach_msg_type_number_t)size, op->a[7] & 1, lock, op->a[7] & 2, reply);
        break;
    }
}

static void stream_program(uint64_t stream);

/* The second thread of a task of which the port is at hand. */
static void do_thread(uint32_t task, const struct fuzz_op *op)
{
    const uint32_t stream = FUZZ_TASKS + op->a[0] % FUZZ_TASKS;
    mach_port_t thread;

    if (f.started[stream] ||
        user_thread_start(name_value(task, op->a[1]), stream_program, stream, &thread) != KERN_SUCCESS)
        return;
    f.started[stream] = true;
    keep(task, op->a[2], thread);
}

static void do_op(uint32_t task, const struct fuzz_op *op)
{
    switch (op->code) {
    case FUZZ_TRAP:
        do_trap(task, op);
        break;
    case FUZZ_MESSAGE:
        do_message(task, op);
        break;
    case FUZZ_BYTES:
        do_bytes(task, op);
        break;
    case FUZZ_SERVICE:
        do_service(task, op);
        break;
    case FUZZ_RPC:
        do_rpc(task, op);
        break;
    case FUZZ_MEMORY:
        do_memory(task, op);
        break;
    case FUZZ_EXCEPTION:
        sim_exception(1 + op->a[0] % 10, op->a[1], op->a[2]);
        break;
    case FUZZ_PAGER:
        do_pager(task, op);
        break;
    default:
        do_thread(task, op);
        break;
    }
}

static void stream_program(uint64_t stream)
{
    const uint32_t task = (uint32_t)stream % FUZZ_TASKS;

    keep(task, 6, mach_thread_self());
    keep(task, 7, mach_host_self());
    for (uint32_t i = 0; i < f.count; i++) {
        if (f.ops[i].stream == stream)
            do_op(task, &f.ops[i]);
    }
    user_thread_exit();
}

/* --- the first task --- */

static mach_port_name_t made(kern_return_t kr, mach_port_name_t name)
{
    SIM_CHECK(kr == KERN_SUCCESS);
    return name;
}

/* Slots: 0 a port of the task's own, 1 2 send rights to those of the others, 3 4 5 the tasks, 8 a port set. */
static void task_furnish(uint32_t task, const mach_port_t *tasks, const mach_port_t *ports)
{
    mach_port_name_t name;

    for (uint32_t i = 0; i < FUZZ_TASKS; i++) {
        name = (0x40u + i) << 8 | 1;
        keep(task, (uint8_t)(3 + i), name);
        (void)made(mach_port_insert_right(tasks[task], name, tasks[i], MACH_MSG_TYPE_COPY_SEND), name);
        name = (0x50u + i) << 8 | 1;
        keep(task, (uint8_t)i, name);
        (void)made(mach_port_insert_right(tasks[task], name, ports[i], MACH_MSG_TYPE_MAKE_SEND), name);
    }
    (void)made(mach_port_allocate(tasks[task], MACH_PORT_RIGHT_PORT_SET, &name), name);
    keep(task, 8, name);
}

static void make_tasks(mach_port_t *tasks)
{
    mach_port_t ports[FUZZ_TASKS];

    for (uint32_t i = 0; i < FUZZ_TASKS; i++) {
        SIM_CHECK(task_create(mach_task_self(), FALSE, &tasks[i]) == KERN_SUCCESS);
        SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &ports[i]) == KERN_SUCCESS);
    }
    for (uint32_t i = 0; i < FUZZ_TASKS; i++)
        task_furnish(i, tasks, ports);
    for (uint32_t i = 0; i < FUZZ_TASKS; i++)
        SIM_CHECK(mach_port_insert_right(tasks[i], (mach_port_name_t)f.slot[i][i], ports[i],
                                         MACH_MSG_TYPE_MOVE_RECEIVE) == KERN_SUCCESS);
    for (uint32_t i = 0; i < FUZZ_TASKS; i++)
        SIM_CHECK(user_thread_start(tasks[i], stream_program, i, NULL) == KERN_SUCCESS);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);
    mach_port_t tasks[FUZZ_TASKS];

    property_counts_begin();
    make_tasks(tasks);
    sim_failures_arm();
    user_sleep(LIFE_MS);
    sim_failures_disarm();
    for (uint32_t i = 0; i < FUZZ_TASKS; i++) {
        (void)task_terminate(tasks[i]); /* it may have ended itself */
        (void)mach_port_deallocate(mach_task_self(), tasks[i]);
    }
    property_counts_end();
    user_power_off(host_priv);
}

const char *fuzz_program_run(const struct fuzz_op *ops, uint32_t count, uint8_t machine, uint8_t seed,
                             uint32_t fail_alloc)
{
    struct sim_config config = sim_config_random(seed, 1 + machine % 4);

    config.program = first_program;
    config.fast_path = (machine & 64) == 0;
    config.fail_alloc = fail_alloc;
    property_counts_watch(&config, QUIET_EVERY);
    config.steps_max = STEPS_MAX;
    memset(&f, 0, sizeof(f));
    f.ops = ops;
    f.count = count;
    struct sim_result run = sim_run(&config);
    if (run.end != SIM_POWEROFF)
        (void)snprintf(f.text, sizeof(f.text), "%s: %.280s", sim_end_name(run.end), run.message);
    return f.text[0] != '\0' ? f.text : NULL;
}
