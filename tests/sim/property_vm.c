/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual memory follows a model of it: tasks as arrays of pages.  Random operations on a window of pages: allocate,
 * deallocate, protect, inherit, wire, give up, fork, remap, memory entries, copies by the kernel of bytes and of pages, and loads and stores by
 * two threads, which on a machine with several CPUs have a TLB each: what one of them changes, the other one must see at once.
 *
 * Of each page the words at every WORD_STEP bytes are followed. Scripts are the bytes of struct model_op, so they shrink as
 * those on port rights do.
 */
#include "property.h"
#include "property_counts.h"
#include "property_vm_model.h"
#include "user.h"

#include <mach/host_priv.h>
#include <mach/vm_region.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACES 3u /* 0: the first task's own */
#define PAGES VM_MODEL_PAGES
#define WORDS VM_MODEL_WORDS
#define WORD_STEP (4096u / WORDS)
#define OPS 100u
#define DEEP_OPS 2500u /* of the runs in which copies of copies are made */
#define DEEP 1000u     /* generations that they must reach */
#define COPIES 3u      /* of the first task's pages, from messages */
#define NOBODY 2u      /* in place of a thread */
#define PATIENCE 64u   /* steps from one yield to the next */
#define QUIET_EVERY 300u

enum code {
    ALLOCATE,
    OVERWRITE,
    DEALLOCATE,
    PROTECT,
    MAXIMUM,
    INHERIT,
    FORK,
    REGION,
    READ,
    WRITE,
    LOAD,
    STORE,
    COPY, /* a message with memory; or a look at one that came, and perhaps its end */
    REMAP,
    MAP_ENTRY, /* a port for memory, mapped */
    OVERCOPY,  /* mach_vm_copy, or mach_vm_write from the first task */
    WIRE,      /* or unwire */
    BEHAVIOR,  /* or give pages up */
    CODES
};

struct copy {
    mach_vm_address_t address; /* 0: none */
    uint32_t pages;
    struct store store[PAGES];
};

static struct {
    struct page page[SPACES][PAGES];
    struct copy copy[COPIES];
    mach_port_t port; /* of the messages */
    mach_port_t task[SPACES];
    mach_vm_address_t base;
    mach_port_t host_priv;
    bool superpages; /* the window begins as a part of one */

    const struct model_op *ops;
    uint32_t count, position;
    uint32_t turn; /* whose: thread 0 or 1, or NOBODY's */
    bool ended;
    char text[PROPERTY_TEXT];
} v;

/* --- an operation's arguments --- */

static uint32_t first_page(const struct model_op *op)
{
    return op->slot[0] % PAGES;
}

/* Behind the last page. */
static uint32_t end_page(const struct model_op *op)
{
    const uint32_t end = first_page(op) + 1 + op->slot[1] % 5;

    return end < PAGES ? end : PAGES;
}

static mach_vm_address_t address_of(uint32_t page)
{
    return v.base + page * PAGE_SIZE;
}

static vm_prot_t protection_of(const struct model_op *op)
{
    static const vm_prot_t some[8] = {VM_PROT_READ | VM_PROT_WRITE,
                                      VM_PROT_READ,
                                      VM_PROT_NONE,
                                      VM_PROT_READ | VM_PROT_WRITE,
                                      VM_PROT_READ | VM_PROT_EXECUTE,
                                      VM_PROT_READ | VM_PROT_WRITE,
                                      VM_PROT_ALL,
                                      VM_PROT_READ};

    return some[op->kind[0] % 8];
}

static uint32_t space_there(uint32_t space)
{
    return v.task[space % SPACES] != MACH_PORT_NULL ? space % SPACES : 0;
}

static uint32_t space_of(const struct model_op *op)
{
    return space_there(op->target);
}

/* --- checks --- */

/* Is the page that of another range or task, too? */
static bool model_shares(const struct page *page)
{
    uint32_t holders = 0;

    for (uint32_t i = 0; i < SPACES * PAGES; i++)
        holders += v.page[i / PAGES][i % PAGES].store == page->store;
    return holders > 1;
}

static void must(uint64_t seen, uint64_t want, const char *what)
{
    if (seen == want)
        return;
    (void)snprintf(v.text, sizeof(v.text), "%s is %#llx, must be %#llx", what, (unsigned long long)seen,
                   (unsigned long long)want);
    sim_fail("%s", v.text);
}

/* The region at or above the first page of the operation. */
static void check_region(uint32_t space, const struct model_op *op)
{
    struct vm_region_basic_info_64 info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_vm_address_t address = address_of(first_page(op));
    mach_vm_size_t size;
    mach_port_t object;
    uint32_t page = first_page(op);
    const kern_return_t kr = mach_vm_region(v.task[space], &address, &size, VM_REGION_BASIC_INFO_64,
                                            (vm_region_info_t)&info, &count, &object);

    while (page < PAGES && !v.page[space][page].mapped)
        page++;
    if (page == PAGES) {
        must(kr != KERN_SUCCESS || address >= address_of(PAGES), true, "no region");
        return;
    }
    must((uint64_t)kr, KERN_SUCCESS, "result of vm_region");
    must(address <= address_of(page) && address + size > address_of(page), true, "region has the page");
    must((uint64_t)info.protection, (uint64_t)v.page[space][page].protection, "protection");
    must((uint64_t)info.max_protection, (uint64_t)v.page[space][page].maximum, "maximum protection");
    must(info.inheritance, v.page[space][page].inheritance, "inheritance");
    must((uint64_t)info.behavior, (uint64_t)v.page[space][page].behavior, "behavior");
    must(info.user_wired_count, v.page[space][page].wired, "wired count");
}

/* --- doing an operation on both --- */

/* A copy of up to 4 KiB that begins at a followed word. */
static mach_vm_address_t copy_address(const struct model_op *op)
{
    return address_of(first_page(op)) + op->slot[2] % WORDS * WORD_STEP;
}

static mach_vm_size_t copy_size(const struct model_op *op)
{
    const mach_vm_size_t size = 8 + op->slot[3] % WORDS * WORD_STEP;
    const mach_vm_size_t room = address_of(PAGES) - copy_address(op);

    return size < room ? size : room;
}

/* Calls `visit` for each followed word of the copy, up to the page where the access fails; returns why. */
static kern_return_t each_word(uint32_t space, const struct model_op *op, vm_prot_t access,
                               void (*visit)(uint64_t *word, void *data), char *data)
{
    const mach_vm_size_t from = copy_address(op) - v.base;

    for (mach_vm_size_t at = from; at < from + copy_size(op); at += WORD_STEP) {
        struct page *page = &v.page[space][at / PAGE_SIZE];
        const kern_return_t kr = vm_model_access(page, access);
        if (kr != KERN_SUCCESS)
            return kr;
        visit(&page->store->word[at % PAGE_SIZE / WORD_STEP], data + (at - from));
    }
    /* the last page may have none of the words followed */
    return vm_model_access(&v.page[space][(from + copy_size(op) - 1) / PAGE_SIZE], access);
}

static void visit_compare(uint64_t *word, void *data)
{
    uint64_t seen;

    memcpy(&seen, data, sizeof(seen));
    must(seen, *word, "word read");
}

static void visit_nothing(uint64_t *word, void *data)
{
    (void)word;
    (void)data;
}

static void visit_write(uint64_t *word, void *data)
{
    memcpy(word, data, sizeof(*word));
}

static void do_read(uint32_t space, const struct model_op *op)
{
    static char data[VM_INBAND_MAX];
    mach_msg_type_number_t count = sizeof(data);
    const kern_return_t kr =
        mach_vm_read_inband(v.task[space], copy_address(op), copy_size(op), (unsigned char *)data, &count);

    must((uint64_t)kr, (uint64_t)each_word(space, op, VM_PROT_READ, visit_nothing, data), "result of a read");
    if (kr == KERN_SUCCESS)
        (void)each_word(space, op, VM_PROT_READ, visit_compare, data);
}

static void do_write(uint32_t space, const struct model_op *op)
{
    static char data[VM_INBAND_MAX];

    memset(data, op->value, sizeof(data));
    const kern_return_t kr = mach_vm_write_inband(v.task[space], copy_address(op), (unsigned char *)data,
                                                  (mach_msg_type_number_t)copy_size(op));
    must((uint64_t)kr, (uint64_t)each_word(space, op, VM_PROT_WRITE, visit_write, data), "result of a write");
}

/* Accesses of the threads themselves: only such as must succeed. */
static void do_access(const struct model_op *op, bool store)
{
    struct page *page = &v.page[0][first_page(op)];
    const uint32_t word = op->slot[2] % WORDS;
    const uint64_t va = address_of(first_page(op)) + word * WORD_STEP;

    if (vm_model_access(page, store ? VM_PROT_WRITE : VM_PROT_READ) != KERN_SUCCESS)
        return;
    if (store) {
        page->store->word[word] = (uint64_t)v.position << 8 | op->value;
        sim_store64(va, page->store->word[word]);
    } else {
        must(sim_load64(va), page->store->word[word], "word loaded");
    }
}

static void do_fork(const struct model_op *op)
{
    const uint32_t child = 1 + op->slot[0] % (SPACES - 1);
    const uint32_t parent = space_of(op) != child ? space_of(op) : 0;
    mach_port_t task;

    must((uint64_t)task_create(v.task[parent], TRUE, &task), KERN_SUCCESS, "result of task_create");
    if (v.task[child] != MACH_PORT_NULL) {
        SIM_CHECK(task_terminate(v.task[child]) == KERN_SUCCESS);
        SIM_CHECK(mach_port_deallocate(mach_task_self(), v.task[child]) == KERN_SUCCESS);
    }
    v.task[child] = task;
    vm_model_fork(v.page[parent], v.page[child]);
}

struct memory_message {
    mach_msg_base_t base;
    mach_msg_ool_descriptor_t memory;
    mach_msg_trailer_t trailer;
};

static mach_msg_return_t pass_memory(mach_vm_address_t *address, mach_msg_size_t size)
{
    struct memory_message m = {
        .base = {.header = {MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                            offsetof(struct memory_message, trailer), v.port, 0, 0, 0},
                 .body = {1}},
        .memory = {.address = (void *)(uintptr_t)*address,
                   .size = size,
                   .copy = MACH_MSG_VIRTUAL_COPY,
                   .type = MACH_MSG_OOL_DESCRIPTOR},
    };
    const mach_msg_return_t mr = mach_msg(&m.base.header, MACH_SEND_MSG | MACH_RCV_MSG,
                                          offsetof(struct memory_message, trailer), sizeof(m), v.port, 0, 0);

    *address = (uintptr_t)m.memory.address;
    return mr;
}

static void take_copy(struct copy *copy, const struct model_op *op)
{
    mach_vm_address_t address = address_of(first_page(op));
    bool readable = true;

    copy->pages = end_page(op) - first_page(op);
    for (uint32_t i = 0; i < copy->pages; i++) {
        const struct page *page = &v.page[0][first_page(op) + i];
        readable = readable && page->mapped && page->protection != VM_PROT_NONE;
        if (page->mapped)
            copy->store[i] = *page->store;
    }
    must((uint64_t)pass_memory(&address, copy->pages * (mach_msg_size_t)PAGE_SIZE),
         readable ? MACH_MSG_SUCCESS : MACH_SEND_INVALID_MEMORY, "result of a message with memory");
    if (readable)
        copy->address = address;
    SIM_CHECK(!readable || address + copy->pages * PAGE_SIZE <= v.base || address >= address_of(PAGES));
}

static void do_copy(const struct model_op *op)
{
    struct copy *copy = &v.copy[op->kind[0] % COPIES];

    if (copy->address == 0) {
        take_copy(copy, op);
        return;
    }
    for (uint32_t i = 0; i < copy->pages * WORDS; i++)
        must(sim_load64(copy->address + i * WORD_STEP), copy->store[i / WORDS].word[i % WORDS],
             "word of a copy");
    const uint32_t page = first_page(op) % copy->pages;
    uint64_t *word = &copy->store[page].word[op->slot[2] % WORDS];
    *word = (uint64_t)v.position << 8 | op->value;
    sim_store64(copy->address + page * PAGE_SIZE + op->slot[2] % WORDS * WORD_STEP, *word);
    if (op->kind[2] % 2 != 0)
        return;
    must((uint64_t)mach_vm_deallocate(v.task[0], copy->address, copy->pages * PAGE_SIZE), KERN_SUCCESS,
         "result of the end of a copy");
    copy->address = 0;
}

static void do_remap(uint32_t space, const struct model_op *op)
{
    const uint32_t source = space_there(op->kind[2]), first = first_page(op);
    const bool overwrite = (op->value & 1) != 0, copy = (op->value & 2) != 0;
    const uint32_t at = op->slot[3] % PAGES;
    const uint32_t count = end_page(op) - first < PAGES - at ? end_page(op) - first : PAGES - at;
    vm_prot_t protection = VM_PROT_ALL, maximum = VM_PROT_ALL, protection_seen, maximum_seen;
    mach_vm_address_t address = address_of(at);

    for (uint32_t i = 0; i < count; i++) {
        protection &= v.page[source][first + i].protection;
        maximum &= v.page[source][first + i].maximum;
    }
    const kern_return_t kr =
        mach_vm_remap(v.task[space], &address, count * PAGE_SIZE, 0,
                      overwrite ? VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE : VM_FLAGS_FIXED, v.task[source],
                      address_of(first), copy, &protection_seen, &maximum_seen, op->kind[1] % 3u);
    must((uint64_t)kr,
         (uint64_t)vm_model_remap(&v.page[source][first], &v.page[space][at], count, overwrite, copy,
                                  op->kind[1] % 3u),
         "result of a remap");
    if (kr != KERN_SUCCESS)
        return;
    must(address, address_of(at), "address of a remap");
    must((uint64_t)protection_seen, (uint64_t)protection, "protection of a remap");
    must((uint64_t)maximum_seen, (uint64_t)maximum, "maximum protection of a remap");
}

/* As a remap, but by a port that stands for the memory, with as much protection as all of it may have. */
static void do_map_entry(uint32_t space, const struct model_op *op)
{
    const uint32_t source = space_there(op->kind[2]), first = first_page(op), at = op->slot[3] % PAGES;
    const bool overwrite = (op->value & 1) != 0, copy = (op->value & 2) != 0;
    const uint32_t count = end_page(op) - first < PAGES - at ? end_page(op) - first : PAGES - at;
    mach_vm_address_t address = address_of(at);
    memory_object_size_t size = count * PAGE_SIZE;
    vm_prot_t maximum = VM_PROT_ALL;
    mach_port_t entry;

    for (uint32_t i = 0; i < count; i++)
        maximum &= v.page[source][first + i].maximum;
    const kern_return_t want =
        vm_model_remap(&v.page[source][first], &v.page[space][at], count, overwrite, copy, op->kind[1] % 3u);
    kern_return_t kr =
        mach_make_memory_entry_64(v.task[source], &size, address_of(first), maximum, &entry, MACH_PORT_NULL);
    if (kr == KERN_SUCCESS) {
        kr = mach_vm_map(v.task[space], &address, size, 0,
                         overwrite ? VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE : VM_FLAGS_FIXED, entry, 0, copy,
                         maximum & VM_PROT_DEFAULT, maximum, op->kind[1] % 3u);
        SIM_CHECK(mach_port_deallocate(mach_task_self(), entry) == KERN_SUCCESS);
    }
    must((uint64_t)kr, (uint64_t)want, "result of a map");
    for (uint32_t i = 0; i < count && kr == KERN_SUCCESS; i++) {
        v.page[space][at + i].protection = maximum & VM_PROT_DEFAULT;
        v.page[space][at + i].maximum = maximum;
        v.page[space][at + i].behavior = VM_BEHAVIOR_DEFAULT;
    }
}

static void do_overcopy(uint32_t space, const struct model_op *op)
{
    const bool write = (op->value & 1) != 0; /* from the first task */
    const uint32_t first = first_page(op), at = op->slot[3] % PAGES;
    const uint32_t count = end_page(op) - first < PAGES - at ? end_page(op) - first : PAGES - at;
    const struct page *from = &v.page[write ? 0 : space][first];
    kern_return_t want = vm_model_access_all(from, count, VM_PROT_READ);
    kern_return_t kr;

    if (write && want != KERN_SUCCESS)
        want = MACH_SEND_INVALID_MEMORY;
    if (want == KERN_SUCCESS)
        want = vm_model_overcopy(from, &v.page[space][at], count);
    if (write)
        kr = mach_vm_write(v.task[space], address_of(at), address_of(first),
                           (mach_msg_type_number_t)(count * PAGE_SIZE));
    else
        kr = mach_vm_copy(v.task[space], address_of(first), count * PAGE_SIZE, address_of(at));
    must((uint64_t)kr, (uint64_t)want, "result of a copy over pages");
}

/* A page that was given up may be all zeros now, unless it is shared or wired; whether it is depends on what its object shares. */
static void given_up(uint32_t space, uint32_t page)
{
    struct page *p = &v.page[space][page];
    struct store seen;

    for (uint32_t i = 0; i < WORDS; i++) {
        mach_msg_type_number_t count = sizeof(seen.word[i]);
        must((uint64_t)mach_vm_read_inband(v.task[space], address_of(page) + i * WORD_STEP, count,
                                           (unsigned char *)&seen.word[i], &count),
             KERN_SUCCESS, "result of a read of what was given up");
    }
    if (memcmp(seen.word, p->store->word, sizeof(seen.word)) == 0)
        return;
    must(p->wired > 0 || model_shares(p), false, "a page that others need was given up");
    for (uint32_t i = 0; i < WORDS; i++)
        must(seen.word[i], 0, "word of a page that was given up");
    p->store = vm_model_store();
}

static void do_behavior(uint32_t space, const struct model_op *op)
{
    const uint32_t first = first_page(op), end = end_page(op);
    const kern_return_t want = vm_model_access_all(&v.page[space][first], end - first, VM_PROT_NONE);
    const bool readable =
        vm_model_access_all(&v.page[space][first], end - first, VM_PROT_READ) == KERN_SUCCESS;
    const mach_vm_size_t size = (end - first) * PAGE_SIZE;
    const vm_behavior_t behavior = (op->value & 3) == 0 && readable ? VM_BEHAVIOR_FREE : op->kind[1] % 4;

    const kern_return_t kr =
        (op->value & 4) != 0 && behavior == VM_BEHAVIOR_FREE
            ? mach_vm_msync(v.task[space], address_of(first), size, VM_SYNC_KILLPAGES | VM_SYNC_CONTIGUOUS)
            : mach_vm_behavior_set(v.task[space], address_of(first), size, behavior);
    must((uint64_t)kr, (uint64_t)want, "result of a behavior");
    for (uint32_t i = first; i < end && kr == KERN_SUCCESS; i++) {
        if (behavior == VM_BEHAVIOR_FREE)
            given_up(space, i);
        else
            v.page[space][i].behavior = behavior;
    }
}

static kern_return_t do_map_call(uint32_t space, const struct model_op *op, kern_return_t *want)
{
    const uint32_t first = first_page(op), end = end_page(op);
    struct page *pages = v.page[space];
    mach_vm_address_t address = address_of(first) + op->slot[4] % 2; /* whole pages in any case */
    const mach_vm_size_t size = (end - first) * PAGE_SIZE - op->slot[4] % 2;

    switch (op->code % CODES) {
    case ALLOCATE:
    case OVERWRITE: {
        const bool overwrite = op->code % CODES == OVERWRITE;
        *want = vm_model_allocate(pages, first, end, overwrite);
        return mach_vm_allocate(v.task[space], &address, size,
                                overwrite ? VM_FLAGS_OVERWRITE : VM_FLAGS_FIXED);
    }
    case DEALLOCATE:
        for (uint32_t i = first; i < end; i++)
            pages[i] = (struct page){.mapped = false};
        *want = KERN_SUCCESS;
        return mach_vm_deallocate(v.task[space], address, size);
    case PROTECT:
        *want = vm_model_protect(pages, first, end, false, protection_of(op));
        return mach_vm_protect(v.task[space], address, size, FALSE, protection_of(op));
    case WIRE: {
        const vm_prot_t access = op->value % 2 != 0 ? protection_of(op) & VM_PROT_DEFAULT : VM_PROT_NONE;
        *want = vm_model_wire(pages, first, end, access);
        return mach_vm_wire(v.host_priv, v.task[space], address, size, access);
    }
    case MAXIMUM:
        *want = vm_model_protect(pages, first, end, true, protection_of(op) | VM_PROT_READ);
        return mach_vm_protect(v.task[space], address, size, TRUE, protection_of(op) | VM_PROT_READ);
    default: /* INHERIT */
        for (uint32_t i = first; i < end; i++)
            pages[i].inheritance = op->kind[1] % 3u;
        *want = KERN_SUCCESS;
        return mach_vm_inherit(v.task[space], address, size, op->kind[1] % 3u);
    }
}

static void do_op(const struct model_op *op)
{
    const uint32_t space = space_of(op);
    kern_return_t want = KERN_SUCCESS;

    switch (op->code % CODES) {
    case FORK:
        do_fork(op);
        break;
    case REGION:
        check_region(space, op);
        break;
    case READ:
        do_read(space, op);
        break;
    case WRITE:
        do_write(space, op);
        break;
    case LOAD:
    case STORE:
        do_access(op, op->code % CODES == STORE);
        break;
    case COPY:
        do_copy(op);
        break;
    case REMAP:
        do_remap(space, op);
        break;
    case MAP_ENTRY:
        do_map_entry(space, op);
        break;
    case OVERCOPY:
        do_overcopy(space, op);
        break;
    case BEHAVIOR:
        do_behavior(space, op);
        break;
    default: {
        const kern_return_t kr = do_map_call(space, op, &want);
        must((uint64_t)kr, (uint64_t)want, "result");
        break;
    }
    }
}

/* --- the threads --- */

static void take_turns(uint32_t self)
{
    for (uint32_t waits = 0; !__atomic_load_n(&v.ended, __ATOMIC_ACQUIRE);) {
        if (__atomic_load_n(&v.turn, __ATOMIC_ACQUIRE) != self) {
            sim_step(); /* mostly not through the kernel: that would be a chance to tidy up the TLB */
            if (++waits % PATIENCE == 0)
                user_yield();
            continue;
        }
        if (v.position < v.count)
            do_op(&v.ops[v.position]);
        if (++v.position >= v.count)
            __atomic_store_n(&v.ended, true, __ATOMIC_RELEASE);
        else
            __atomic_store_n(&v.turn, v.ops[v.position].task % 2u, __ATOMIC_RELEASE);
    }
}

static void peer(uint64_t arg)
{
    (void)arg;
    take_turns(1);
    user_thread_exit();
}

/* The window, free; or all of it mapped, as a part of superpages. */
static void window_create(void)
{
    const mach_vm_size_t size = v.superpages ? VM_SUPERPAGE_SIZE : PAGES * PAGE_SIZE;
    const int flags = VM_FLAGS_ANYWHERE | (v.superpages ? VM_FLAGS_SUPERPAGE_SIZE_2MB : 0);

    SIM_CHECK(mach_vm_allocate(v.task[0], &v.base, size, flags) == KERN_SUCCESS);
    if (!v.superpages)
        return;
    sim_store8(v.base + size - 1, 1); /* beyond the window: all of the block is made */
    SIM_CHECK(vm_model_allocate(v.page[0], 0, PAGES, false) == KERN_SUCCESS);
}

static void first_program(uint64_t arg)
{
    const mach_port_t host_priv = user_start(arg);

    property_counts_begin();
    v.task[0] = mach_task_self();
    v.host_priv = host_priv;
    mach_vm_address_t room = 0; /* below the window: what messages bring finds place there */
    SIM_CHECK(mach_vm_allocate(v.task[0], &room, COPIES * PAGES * PAGE_SIZE, VM_FLAGS_ANYWHERE) ==
              KERN_SUCCESS);
    window_create();
    SIM_CHECK(mach_vm_deallocate(v.task[0], room, COPIES * PAGES * PAGE_SIZE) == KERN_SUCCESS);
    SIM_CHECK(mach_port_allocate(v.task[0], MACH_PORT_RIGHT_RECEIVE, &v.port) == KERN_SUCCESS);
    SIM_CHECK(user_thread_start(v.task[0], peer, 0, NULL) == KERN_SUCCESS);
    if (!v.superpages)
        SIM_CHECK(mach_vm_deallocate(v.task[0], v.base, PAGES * PAGE_SIZE) == KERN_SUCCESS);
    __atomic_store_n(&v.turn, v.ops[0].task % 2u, __ATOMIC_RELEASE);
    take_turns(0);
    for (uint32_t i = 1; i < SPACES; i++) {
        if (v.task[i] != MACH_PORT_NULL)
            SIM_CHECK(task_terminate(v.task[i]) == KERN_SUCCESS);
    }
    user_power_off(host_priv);
}

/* --- runs --- */

static bool run(const struct model_op *ops, uint32_t count, void *arg)
{
    const struct sim_config *machine = arg;
    struct sim_config config = *machine;

    config.program = first_program;
    property_counts_watch(&config, QUIET_EVERY);
    memset(&v, 0, sizeof(v));
    vm_model_begin();
    v.ops = ops;
    v.count = count;
    v.turn = NOBODY;
    v.superpages = machine->seed % 2 != 0;
    const struct sim_result result = sim_run(&config);
    if (result.end != SIM_POWEROFF && v.text[0] == '\0')
        (void)snprintf(v.text, sizeof(v.text), "%s: %.200s", sim_end_name(result.end), result.message);
    return result.end != SIM_POWEROFF;
}

static void report(struct model_op *ops, uint32_t count, struct sim_config *machine)
{
    static const char *const names[CODES] = {"allocate", "overwrite", "deallocate", "protect", "maximum",
                                             "inherit",  "fork",      "region",     "read",    "write",
                                             "load",     "store",     "copy",       "remap",   "map_entry",
                                             "overcopy", "wire",      "behavior"};

    printf("# seed %llu, operation %u: %s\n", (unsigned long long)machine->seed, v.position, v.text);
    count = property_shrink(ops, count, run, machine);
    (void)run(ops, count, machine);
    printf("# shrunk to %u operations; the last one: %s\n", count, v.text);
    for (uint32_t i = 0; i < count; i++)
        printf("#  %3u  thread %u: %s in space %u, pages %u to %u, words from %u, %u of them; protection %d, "
               "inheritance %u, "
               "value %u\n",
               i, ops[i].task % 2u, names[ops[i].code % CODES], ops[i].target % SPACES, first_page(&ops[i]),
               end_page(&ops[i]), ops[i].slot[2] % WORDS, ops[i].slot[3] % WORDS + 1, protection_of(&ops[i]),
               ops[i].kind[1] % 3u, ops[i].value);
    printf("# replay: property_vm --seeds %llu --cpus %u\n", (unsigned long long)machine->seed,
           machine->cpus);
}

static bool seed_run(uint64_t seed, uint32_t cpus)
{
    static struct model_op ops[OPS];
    struct sim_config machine = sim_config_random(seed, cpus);
    uint64_t state = seed;

    for (uint32_t i = 0; i < sizeof(ops); i++)
        ((uint8_t *)ops)[i] = (uint8_t)model_random(&state);
    if (!run(ops, OPS, &machine))
        return true;
    report(ops, OPS, &machine);
    return false;
}

/* The deepest copy of copies that is in the model. */
static uint32_t deepest(void)
{
    uint32_t depth = 0;

    for (uint32_t i = 0; i < SPACES * PAGES; i++) {
        const struct store *store = v.page[i / PAGES][i % PAGES].store;
        if (store != NULL && store->depth > depth)
            depth = store->depth;
    }
    return depth;
}

/* Copies of copies by all routes, with sharing in between: nothing is given back, so they become deep. */
static bool deep_run(uint64_t seed)
{
    static const uint8_t codes[] = {FORK,     REMAP, REMAP, MAP_ENTRY, OVERCOPY,
                                    OVERCOPY, COPY,  WRITE, STORE,     READ};
    static struct model_op ops[DEEP_OPS];
    struct sim_config machine = sim_config_random(seed, 2);
    uint64_t state = seed;
    bool back = false;

    for (uint32_t i = 0; i < sizeof(ops); i++)
        ((uint8_t *)ops)[i] = (uint8_t)model_random(&state);
    for (uint32_t i = 0; i < DEEP_OPS; i++) {
        struct model_op *op = &ops[i];
        op->code = codes[op->code % sizeof(codes)];
        if (op->code == REMAP || op->code == MAP_ENTRY)
            op->value |= i % 8 == 0 ? 1 : 3; /* in place of what is there; mostly a copy */
        op->kind[1] = VM_INHERIT_COPY;
        if (op->code != REMAP && op->code != MAP_ENTRY && op->code != OVERCOPY)
            continue;
        op->target = 0; /* from one end of the first task's window to the other, and back */
        op->kind[2] = 0;
        op->slot[0] = back ? PAGES / 2 : 0;
        op->slot[1] = 4;
        op->slot[3] = back ? 0 : PAGES / 2;
        back = !back;
    }
    for (uint32_t i = 0; i < PAGES; i++)
        ops[i] = (struct model_op){.code = OVERWRITE, .slot = {(uint8_t)i}};
    if (!run(ops, DEEP_OPS, &machine) && deepest() >= DEEP)
        return true;
    printf("# deep, seed %llu, operation %u of %u, %u generations: %s\n", (unsigned long long)seed,
           v.position, DEEP_OPS, deepest(), v.text);
    return false;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, last = 100;
    uint32_t cpus = 0;
    bool good = true;

    for (int i = 1; i + 1 < argc; i += 2) {
        char *end;
        if (strcmp(argv[i], "--cpus") == 0) {
            cpus = (uint32_t)strtoul(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--seeds") == 0) {
            first = last = strtoull(argv[i + 1], &end, 0);
            if (strncmp(end, "..", 2) == 0)
                last = strtoull(end + 2, NULL, 0);
        }
    }
    for (uint64_t seed = first; seed <= last && good; seed++)
        good = seed_run(seed, cpus != 0 ? cpus : 1 + (uint32_t)(seed % 3));
    printf("%sok 1 - virtual memory follows the model: seeds %llu to %llu\n", good ? "" : "not ",
           (unsigned long long)first, (unsigned long long)last);
    const bool deep = deep_run(first);
    printf("%sok 2 - and so do copies of copies, %u deep\n1..2\n", deep ? "" : "not ", DEEP);
    return good && deep ? 0 : 1;
}
