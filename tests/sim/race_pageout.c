/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-out against those whose pages it takes: tasks that together use more memory than the machine has load, store, copy, unmap, wire and
 * fork it, and are terminated meanwhile.  The first task is the default pager: a good one, one that is slow, one whose store is full, and bad
 * ones, that refuse, die, keep silent or lie.  With a good one every word is what was stored last, and nothing fails; with a bad one a call
 * may say so, and what is read without an error is still right, unless the pager lies.  The audit finds nothing, and all memory is back at the end.
 */
#include "driver.h"
#include "property_counts.h"
#include "user.h"

#include <mach/host_priv.h>
#include <mach/memory_object_default_server.h>
#include <mach/memory_object_server.h>
#include <mach/task_info.h>
#include <string.h>

#define MEMORY (UINT64_C(4) << 20)
#define CLIENTS 3u
#define PAGES 400u /* of each client: all together more than there are */
#define WORDS 4u   /* of a page that are followed */
#define WORD_STEP (PAGE_SIZE / WORDS)
#define OPS 250u
#define OPS_BAD 60u /* the same with a bad pager: what goes wrong takes long */
#define TRIES 20u
#define DISTURBANCES 12u
#define NUMBERS 16384u /* of pages in the store */
#define SMALL_STORE 300u
#define RUN_MAX 8u
#define NAMES 300u
#define SETTLE_MS 200u
#define QUIET_EVERY 400u
#define TIMEOUT_MS 4u
#define LIFE 60u /* messages that a pager gets that dies */

enum { ID_REQUEST = 2203, ID_RETURN = 2205, ID_CREATE = 2250, ID_TERMINATE = 2252, ID_STOP = 1 };

enum mode { GOOD, SLOW, FULL, REFUSES, SILENT, DIES, LIES };

struct stored {
    bool there;
    uint64_t word[WORDS];
};

struct client {
    mach_port_t task; /* the name that it has for itself */
    mach_port_t name; /* that the first task has for it */
    mach_vm_address_t at;
    uint64_t word[PAGES][WORDS]; /* what is in its memory */
    bool known[PAGES];           /* if that is sure */
    bool over;                   /* atomic */
    bool busy;                   /* atomic: with something that somebody has to end */
};

static struct {
    enum mode mode;
    mach_port_t host_priv;
    struct client client[CLIENTS];

    /* the pager's */
    mach_port_t manager, object, set;
    mach_port_t control;
    mach_vm_address_t buffer; /* a page */
    uint32_t messages;
    bool over; /* atomic: it has ended, or not begun */
    struct stored stored[NUMBERS];
} r;

static uint32_t below(uint32_t count)
{
    return (uint32_t)(sim_random() % count);
}

static bool fails(void)
{
    return r.mode >= FULL;
}

/* What a call may answer: for want of memory for itself it may always fail, and while its task is being terminated. */
static bool done(kern_return_t kr)
{
    if (kr == KERN_SUCCESS)
        return true;
    if (kr != KERN_RESOURCE_SHORTAGE && kr != MACH_SEND_NO_BUFFER && kr != MIG_SERVER_DIED &&
        kr != MACH_SEND_INVALID_DEST && (!fails() || kr != KERN_MEMORY_ERROR))
        sim_fail("mode %u: a call answers 0x%x", r.mode, (unsigned)kr);
    return false;
}

/* Until it works: memory comes free. */
#define UNTIL_DONE(call)                                                                                     \
    do {                                                                                                     \
        while (!done(call))                                                                                  \
            user_sleep(1);                                                                                   \
    } while (0)

/* --- clients -------------------------------------------------------------------------------------------- */

static mach_vm_address_t word_address(const struct client *c, uint32_t page, uint32_t word)
{
    return c->at + page * PAGE_SIZE + word * WORD_STEP;
}

static void write_word(struct client *c, uint32_t page, uint32_t word)
{
    const mach_vm_address_t va = word_address(c, page, word);
    uint64_t value = sim_random();

    if (!fails() && below(2) == 0)
        sim_store64(va, value);
    else if (!done(mach_vm_write_inband(c->task, va, (uint8_t *)&value, sizeof(value))))
        return;
    c->word[page][word] = value;
}

/* task: the client's own, or a copy of it. */
static void check_word(const struct client *c, mach_port_t task, uint32_t page, uint32_t word)
{
    const mach_vm_address_t va = word_address(c, page, word);
    mach_msg_type_number_t count = sizeof(uint64_t);
    uint64_t value;

    if (task == c->task && !fails() && below(2) == 0)
        value = sim_load64(va);
    else if (!done(mach_vm_read_inband(task, va, sizeof(value), (uint8_t *)&value, &count)))
        return;
    if (c->known[page] && r.mode != LIES && value != c->word[page][word])
        sim_fail("mode %u: word %u of page %u is 0x%llx, must be 0x%llx", r.mode, word, page,
                 (unsigned long long)value, (unsigned long long)c->word[page][word]);
}

/* Some pages side by side: `first` is the first. */
static uint32_t any_run(uint32_t *first)
{
    const uint32_t count = 1 + below(RUN_MAX);

    *first = below(PAGES - count);
    return count;
}

static void copy_pages(struct client *c)
{
    uint32_t from, to = below(PAGES - RUN_MAX);
    const uint32_t count = any_run(&from);

    if (from < to + count && to < from + count)
        return;
    const kern_return_t kr =
        mach_vm_copy(c->task, c->at + from * PAGE_SIZE, count * PAGE_SIZE, c->at + to * PAGE_SIZE);
    const bool good = done(kr);
    for (uint32_t i = 0; i < count; i++) {
        c->known[to + i] = good && c->known[from + i]; /* a copy of a few pages stops where it fails */
        memcpy(c->word[to + i], c->word[from + i], sizeof(c->word[0]));
    }
}

/* They are zero afterwards. */
static void renew_pages(struct client *c)
{
    uint32_t first;
    const uint32_t count = any_run(&first);
    mach_vm_address_t at = c->at + first * PAGE_SIZE;

    if (!done(mach_vm_deallocate(c->task, at, count * PAGE_SIZE)))
        return;
    UNTIL_DONE(mach_vm_allocate(c->task, &at, count * PAGE_SIZE, VM_FLAGS_FIXED));
    memset(c->word[first], 0, count * sizeof(c->word[0]));
    memset(&c->known[first], true, count);
}

/* Returns false: it is, or is being terminated. */
static bool become_busy(struct client *c)
{
    return !__atomic_exchange_n(&c->busy, true, __ATOMIC_ACQUIRE);
}

/* A child sees what its parent has, and what it writes is its own. */
static void fork_memory(struct client *c)
{
    uint64_t value = 1;
    mach_port_t child;

    if (!become_busy(c))
        return;
    if (!done(task_create(c->task, TRUE, &child))) {
        __atomic_store_n(&c->busy, false, __ATOMIC_RELEASE);
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t page = below(PAGES);
        check_word(c, child, page, 0);
        if (done(mach_vm_write_inband(child, word_address(c, page, 1), (uint8_t *)&value, sizeof(value))))
            check_word(c, c->task, page, 1);
    }
    UNTIL_DONE(task_terminate(child));
    UNTIL_DONE(mach_port_deallocate(c->task, child));
    __atomic_store_n(&c->busy, false, __ATOMIC_RELEASE);
}

static void client_op(struct client *c)
{
    switch (below(16)) {
    case 0:
        copy_pages(c);
        break;
    case 1:
        renew_pages(c);
        break;
    case 2:
        if (below(4) == 0)
            fork_memory(c);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        write_word(c, below(PAGES), below(WORDS));
        break;
    default:
        check_word(c, c->task, below(PAGES), below(WORDS));
    }
}

static void client_program(uint64_t index)
{
    struct client *c = &r.client[index];

    c->task = mach_task_self();
    for (uint32_t page = 0; page < PAGES; page++)
        write_word(c, page, 0);
    for (uint32_t i = 0; i < (fails() ? OPS_BAD : OPS); i++)
        client_op(c);
    __atomic_store_n(&c->over, true, __ATOMIC_RELEASE);
    user_thread_exit();
}

/* --- the default pager ----------------------------------------------------------------------------------- */

union message {
    mach_msg_header_t head;
    __Request__memory_object_create_t create;
    __Request__memory_object_data_request_t request;
    __Request__memory_object_data_return_t returned;
    __Request__memory_object_data_terminate_t terminate;
    uint8_t room[512];
};

static void right_release(mach_port_t right)
{
    if (MACH_PORT_VALID(right))
        SIM_CHECK(mach_port_deallocate(mach_task_self(), right) == KERN_SUCCESS);
}

static struct stored *stored_at(uint64_t offset)
{
    SIM_CHECK(offset / PAGE_SIZE < NUMBERS);
    return &r.stored[offset / PAGE_SIZE];
}

static void take_create(const __Request__memory_object_create_t *m)
{
    r.object = m->memory_object.name;
    r.control = m->memory_control.name;
    right_release(m->memory_object_name.name);
    SIM_CHECK(mach_port_move_member(mach_task_self(), r.object, r.set) == KERN_SUCCESS);
    SIM_CHECK(memory_object_ready(r.control, FALSE, MEMORY_OBJECT_COPY_DELAY) == KERN_SUCCESS);
}

static void take_return(const __Request__memory_object_data_return_t *m)
{
    const mach_vm_address_t data = (uintptr_t)m->data.address;

    for (uint64_t at = 0; at < m->data.size; at += PAGE_SIZE) {
        struct stored *stored = stored_at(m->offset + at);
        SIM_CHECK(!stored->there);
        stored->there = true;
        for (uint32_t word = 0; word < WORDS; word++)
            stored->word[word] = sim_load64(data + at + word * WORD_STEP);
    }
    SIM_CHECK(mach_vm_deallocate(mach_task_self(), data, m->data.size) == KERN_SUCCESS);
    right_release(m->memory_control.name);
}

static void supply(mach_port_t control, uint64_t offset, const struct stored *stored)
{
    for (uint32_t word = 0; word < WORDS; word++)
        sim_store64(r.buffer + word * WORD_STEP, stored->word[word]);
    SIM_CHECK(memory_object_data_supply(control, offset, r.buffer, PAGE_SIZE, FALSE, VM_PROT_NONE, FALSE,
                                        MACH_PORT_NULL) == KERN_SUCCESS);
}

/* Anything that a pager can say, of pages that are its own or nobody's. */
static void lie(mach_port_t control)
{
    const uint64_t offset = (uint64_t)below(2 * CLIENTS * PAGES) * PAGE_SIZE, size = below(4) * PAGE_SIZE;

    switch (below(6)) {
    case 0:
        SIM_CHECK(memory_object_data_unavailable(control, offset, size) == KERN_SUCCESS);
        break;
    case 1:
        SIM_CHECK(memory_object_lock_request(control, offset, size, (memory_object_return_t)below(3),
                                             (boolean_t)below(2), (vm_prot_t)below(8),
                                             MACH_PORT_NULL) == KERN_SUCCESS);
        break;
    case 2:
        SIM_CHECK(memory_object_lock_request(control, 0, NUMBERS * PAGE_SIZE, MEMORY_OBJECT_RETURN_NONE,
                                             FALSE, VM_PROT_NONE, MACH_PORT_NULL) == KERN_SUCCESS);
        break;
    case 3:
        SIM_CHECK(memory_object_change_attributes(control, (boolean_t)below(2),
                                                  (memory_object_copy_strategy_t)below(5),
                                                  MACH_PORT_NULL) == KERN_SUCCESS);
        break;
    case 4:
        SIM_CHECK(memory_object_set_cluster_size(control, below(20) * PAGE_SIZE) == KERN_SUCCESS);
        break;
    default:
        supply(control, offset, &r.stored[below(NUMBERS)]);
    }
}

static void take_request(const __Request__memory_object_data_request_t *m)
{
    const mach_port_t control = m->memory_control.name;

    for (uint64_t offset = m->offset; offset < m->offset + m->length; offset += PAGE_SIZE) {
        const struct stored *stored = stored_at(offset);
        SIM_CHECK(stored->there || r.mode == LIES);
        if (r.mode == SLOW && below(4) == 0)
            user_sleep(1);
        if (r.mode == REFUSES && below(4) == 0)
            SIM_CHECK(memory_object_data_error(control, offset, PAGE_SIZE, KERN_FAILURE) == KERN_SUCCESS);
        else if (r.mode != SILENT || below(4) != 0)
            supply(control, offset, stored);
    }
    if (r.mode == LIES)
        lie(control);
    right_release(control);
}

/* Every number stands for one page, once. */
static void take_terminate(const __Request__memory_object_data_terminate_t *m)
{
    for (uint64_t at = 0; at < m->length; at += PAGE_SIZE)
        stored_at(m->offset + at)->there = false;
    right_release(m->memory_control.name);
}

static void pager_end(void)
{
    const mach_port_t self = mach_task_self();

    if (r.mode == DIES && r.control != MACH_PORT_NULL && below(2) == 0)
        SIM_CHECK(memory_object_destroy(r.control, KERN_FAILURE) == KERN_SUCCESS);
    if (r.object != MACH_PORT_NULL)
        SIM_CHECK(mach_port_mod_refs(self, r.object, MACH_PORT_RIGHT_RECEIVE, -1) == KERN_SUCCESS);
    right_release(r.control);
    SIM_CHECK(mach_port_destroy(self, r.manager) == KERN_SUCCESS);
    SIM_CHECK(mach_port_destroy(self, r.set) == KERN_SUCCESS);
    SIM_CHECK(mach_vm_deallocate(self, r.buffer, PAGE_SIZE) == KERN_SUCCESS);
    __atomic_store_n(&r.over, true, __ATOMIC_RELEASE);
}

/* The thread stays for the next time. */
static void pager_program(uint64_t arg)
{
    union message m;

    (void)arg;
    for (;;) {
        while (__atomic_load_n(&r.over, __ATOMIC_ACQUIRE))
            user_sleep(1);
        if (mach_msg(&m.head, MACH_RCV_MSG, 0, sizeof(m), r.set, 0, MACH_PORT_NULL) != MACH_MSG_SUCCESS)
            continue; /* no memory for its rights at the moment */
        if (m.head.msgh_id == ID_CREATE)
            take_create(&m.create);
        else if (m.head.msgh_id == ID_RETURN)
            take_return(&m.returned);
        else if (m.head.msgh_id == ID_REQUEST)
            take_request(&m.request);
        else if (m.head.msgh_id == ID_TERMINATE)
            take_terminate(&m.terminate);
        if (m.head.msgh_id == ID_STOP || (r.mode == DIES && ++r.messages == LIFE))
            pager_end();
    }
}

/* --- the first program ----------------------------------------------------------------------------------- */

static void pager_begin(void)
{
    const mach_port_t self = mach_task_self();
    mach_port_t previous;

    r.messages = 0;
    r.object = r.control = MACH_PORT_NULL;
    r.buffer = 0;
    memset(r.stored, 0, sizeof(r.stored));
    SIM_CHECK(mach_port_allocate(self, MACH_PORT_RIGHT_PORT_SET, &r.set) == KERN_SUCCESS);
    SIM_CHECK(mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &r.manager) == KERN_SUCCESS);
    SIM_CHECK(mach_port_insert_right(self, r.manager, r.manager, MACH_MSG_TYPE_MAKE_SEND) == KERN_SUCCESS);
    SIM_CHECK(mach_port_move_member(self, r.manager, r.set) == KERN_SUCCESS);
    SIM_CHECK(mach_vm_allocate(self, &r.buffer, PAGE_SIZE, VM_FLAGS_ANYWHERE) == KERN_SUCCESS);
    __atomic_store_n(&r.over, false, __ATOMIC_RELEASE);
    previous = r.manager;
    while (host_default_memory_manager(r.host_priv, &previous,
                                       (r.mode == FULL ? SMALL_STORE : NUMBERS) * PAGE_SIZE) !=
           KERN_SUCCESS) {
        previous = r.manager; /* the one before has not gone yet */
        user_sleep(1);
    }
}

/* The parts of a client. Returns false without memory: some. */
static bool client_make(struct client *c, uint64_t index)
{
    mach_vm_address_t window = 0;

    if (!done(task_create(mach_task_self(), FALSE, &c->name)))
        c->name = MACH_PORT_NULL;
    /* a bad pager harms the window as all of its memory, unless that stays */
    return c->name != MACH_PORT_NULL &&
           done(mach_vm_allocate(c->name, &c->at, PAGES * PAGE_SIZE, VM_FLAGS_ANYWHERE)) &&
           done(mach_vm_allocate(c->name, &window, USER_WINDOW_SIZE, VM_FLAGS_ANYWHERE)) &&
           done(mach_vm_wire(r.host_priv, c->name, window, USER_WINDOW_SIZE, VM_PROT_DEFAULT)) &&
           done(user_thread_start_in(c->name, window, client_program, index, NULL));
}

static void client_end(struct client *c)
{
    while (!become_busy(c))
        user_sleep(1);
    if (c->name != MACH_PORT_NULL) {
        UNTIL_DONE(task_terminate(c->name));
        right_release(c->name);
    }
    c->name = MACH_PORT_NULL;
}

/* Without memory it is over at once: the others may need all of it for long. */
static void client_begin(uint32_t index)
{
    struct client *c = &r.client[index];

    for (unsigned tries = 0; tries < TRIES; tries++) {
        memset(c, 0, sizeof(*c));
        memset(c->known, true, sizeof(c->known));
        if (client_make(c, index))
            return;
        client_end(c);
        user_sleep(1);
    }
    c->over = true;
}

/* Those that are over give their memory to the others. Returns whether all are. */
static bool clients_are_over(void)
{
    bool all = true;

    for (uint32_t i = 0; i < CLIENTS; i++) {
        const bool over = __atomic_load_n(&r.client[i].over, __ATOMIC_ACQUIRE);
        if (over && r.client[i].name != MACH_PORT_NULL)
            client_end(&r.client[i]);
        all &= over;
    }
    return all;
}

/*
 * Some of a client's memory stays for a moment; or it is terminated, and another one begins.  Memory is not wired from a store that is full,
 * since this task may take the pages that are kept back for its other thread; nor from a pager that dies, since a thread that was refused
 * a page keeps a reference to the pager until it waits for another one.
 */
static void disturb(void)
{
    const uint32_t index = below(CLIENTS), count = below(20), first = below(PAGES - count);
    const struct client *c = &r.client[index];
    const mach_vm_address_t at = c->at + first * PAGE_SIZE;

    user_sleep(1 + below(10));
    if (below(4) == 0) {
        client_end(&r.client[index]);
        client_begin(index);
    } else if (r.mode != DIES && r.mode != FULL &&
               mach_vm_wire(r.host_priv, c->name, at, count * PAGE_SIZE, VM_PROT_READ) == KERN_SUCCESS) {
        user_sleep(1);
        (void)mach_vm_wire(r.host_priv, c->name, at, count * PAGE_SIZE, VM_PROT_NONE);
    }
}

static uint64_t pageouts(void)
{
    struct vm_statistics64 info;
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;

    UNTIL_DONE(host_statistics64(mach_host_self(), HOST_VM_INFO64, (host_info64_t)&info, &count));
    return info.pageouts;
}

/* All of it, once. */
static void race(void)
{
    const uint64_t before = pageouts();
    mach_msg_header_t stop;

    pager_begin();
    for (uint32_t i = 0; i < CLIENTS; i++)
        client_begin(i);
    for (uint32_t i = 0; i < DISTURBANCES; i++)
        disturb();
    while (!clients_are_over())
        user_sleep(1);
    SIM_CHECK(fails() || pageouts() - before >= PAGES);
    stop = (mach_msg_header_t){.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0),
                               .msgh_size = sizeof(stop),
                               .msgh_remote_port = r.manager,
                               .msgh_id = ID_STOP};
    while (!__atomic_load_n(&r.over, __ATOMIC_ACQUIRE)) {
        (void)mach_msg(&stop, MACH_SEND_MSG, sizeof(stop), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
        user_sleep(1);
    }
}

/* The table of names gets larger than it will have to be. */
static void names_prepare(void)
{
    static mach_port_t name[NAMES];

    for (uint32_t i = 0; i < NAMES; i++)
        SIM_CHECK(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_DEAD_NAME, &name[i]) == KERN_SUCCESS);
    for (uint32_t i = 0; i < NAMES; i++)
        right_release(name[i]);
}

static void first_program(uint64_t arg)
{
    r.host_priv = user_start(arg);
    r.over = true;
    SIM_CHECK(user_thread_start(mach_task_self(), pager_program, 0, NULL) == KERN_SUCCESS);
    SIM_CHECK(host_set_pager_timeout(r.host_priv, r.mode == SILENT ? TIMEOUT_MS : 0) == KERN_SUCCESS);
    /* the clients, which it creates, share its limit */
    SIM_CHECK(host_set_task_limit(r.host_priv, mach_task_self(), LIMIT_MEMORY, 4 * MEMORY) == KERN_SUCCESS);
    SIM_CHECK(host_set_task_privileged(r.host_priv, mach_task_self(), TRUE) == KERN_SUCCESS);
    names_prepare();
    race(); /* what is made once stays */
    user_sleep(SETTLE_MS);
    property_counts_begin();
    race();
    user_sleep(SETTLE_MS);
    property_counts_end();
    user_power_off(r.host_priv);
}

/* --- runs ------------------------------------------------------------------------------------------------ */

static void configure(struct sim_config *config, enum mode mode)
{
    memset(&r, 0, sizeof(r));
    r.mode = mode;
    config->memory = MEMORY;
    property_counts_watch(config, QUIET_EVERY);
}

#define MODE(name, mode)                                                                                     \
    static void configure_##name(struct sim_config *config)                                                  \
    {                                                                                                        \
        configure(config, mode);                                                                             \
    }
MODE(good, GOOD)
MODE(slow, SLOW)
MODE(full, FULL)
MODE(refuses, REFUSES)
MODE(silent, SILENT)
MODE(dies, DIES)
MODE(lies, LIES)

#define PAGER(what) {.name = #what, .program = first_program, .configure = configure_##what}

int main(int argc, char **argv)
{
    static const struct driver_scenario table[] = {PAGER(good),   PAGER(slow), PAGER(full), PAGER(refuses),
                                                   PAGER(silent), PAGER(dies), PAGER(lies)};

    return driver_main(argc, argv, table, sizeof(table) / sizeof(table[0]));
}
