/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads, tasks and ports: their life, their switches, their exceptions, their size. */
#include "bench.h"

#include "../conformance/lib/machine.h"

#include <libmach/thread.h>
#include <mach/exc_server.h>
#include <mach/mach_exc.h>
#include <mach/thread_switch.h>

#define SELF mach_task_self()
#define OBJECTS 256u
#define RIGHTS 4096u
#define SETTLE_MS 200u
#define DENSE_PAGES 8192u
#define SPARSE_PAGES 128u
#define TABLE_SPAN ((mach_vm_size_t)512 * PAGE_SIZE)
#define RANGES 4096u

/* --- life --- */

static void thread_life(void)
{
    thread_act_t thread;

    REQUIRE_OK(thread_create(SELF, &thread));
    REQUIRE_OK(thread_terminate(thread));
    REQUIRE_OK(mach_port_deallocate(SELF, thread));
}

static uint64_t thread_create_destroy(unsigned loops)
{
    return BENCH_LOOP(loops, thread_life());
}

static void task_life(void)
{
    task_t task;

    REQUIRE_OK(task_create(SELF, FALSE, &task));
    REQUIRE_OK(task_terminate(task));
    REQUIRE_OK(mach_port_deallocate(SELF, task));
}

static uint64_t task_create_destroy(unsigned loops)
{
    uint64_t ticks = BENCH_LOOP(loops, task_life());

    test_sleep(SETTLE_MS); /* the kernel frees them in the background */
    return ticks;
}

static void port_life(void)
{
    mach_port_t port = test_port();

    REQUIRE_OK(mach_port_mod_refs(SELF, port, MACH_PORT_RIGHT_RECEIVE, -1));
}

static uint64_t port_create_destroy(unsigned loops)
{
    return BENCH_LOOP(loops, port_life());
}

/* --- switches --- */

static volatile int partner_stop;
static volatile int partner_done;

static void yield_back(void *unused)
{
    (void)unused;
    while (!partner_stop)
        (void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_NONE, 0);
    partner_done = 1;
}

/* To another thread and back. */
static uint64_t switch_pair(unsigned loops)
{
    return BENCH_LOOP(loops, (void)thread_switch(MACH_PORT_NULL, SWITCH_OPTION_NONE, 0));
}

static void bench_switch(void)
{
    partner_stop = partner_done = 0;
    REQUIRE_OK(mach_thread_start(yield_back, NULL, NULL));
    test_sleep(SETTLE_MS / 10);
    (void)bench_run("thread_switch", switch_pair, BENCH_LOOPS / 10);
    partner_stop = 1;
    REQUIRE(test_wait(&partner_done, TEST_SOON_MS));
}

/* --- exceptions --- */

static mach_port_t handler;
static volatile unsigned exceptions_left;
static volatile uint64_t exceptions_end;
static volatile int exceptions_done;
static vm_address_t exception_sp;

/* Where the thread goes on after each exception: to the next. */
static void next_exception(void)
{
    if (--exceptions_left > 0)
        machine_bad_instruction();
    exceptions_end = counter_read();
    exceptions_done = 1;
    mach_thread_exit();
}

static void first_exception(void *unused)
{
    (void)unused;
    exceptions_end = counter_read();
    machine_bad_instruction();
}

kern_return_t catch_exception_raise_state(mach_port_t port, exception_type_t exception,
                                          const exception_data_t code, mach_msg_type_number_t count,
                                          int *flavor, const thread_state_t old_state,
                                          mach_msg_type_number_t old_words, thread_state_t new_state,
                                          mach_msg_type_number_t *new_words)
{
    vm_address_t pc;

    (void)port, (void)exception, (void)code, (void)count, (void)flavor;
    if (exception_sp == 0)
        mach_thread_state_where(old_state, &pc, &exception_sp);
    for (unsigned i = 0; i < old_words; i++)
        new_state[i] = old_state[i];
    *new_words = old_words;
    mach_thread_state_redirect(new_state, (vm_address_t)next_exception, (exception_sp - 256) & ~UINT64_C(15),
                               0);
    return KERN_SUCCESS;
}

/* Behaviors that nobody asked for. */
kern_return_t catch_exception_raise(mach_port_t port, mach_port_t thread, mach_port_t task,
                                    exception_type_t exception, exception_data_t code,
                                    mach_msg_type_number_t count)
{
    (void)port, (void)thread, (void)task, (void)exception, (void)code, (void)count;
    return KERN_FAILURE;
}

kern_return_t catch_exception_raise_state_identity(mach_port_t port, mach_port_t thread, mach_port_t task,
                                                   exception_type_t exception, exception_data_t code,
                                                   mach_msg_type_number_t count, int *flavor,
                                                   thread_state_t old_state, mach_msg_type_number_t old_words,
                                                   thread_state_t new_state,
                                                   mach_msg_type_number_t *new_words)
{
    (void)port, (void)thread, (void)task, (void)exception, (void)code, (void)count, (void)flavor;
    (void)old_state, (void)old_words, (void)new_state, (void)new_words;
    return KERN_FAILURE;
}

static void handle(void *unused)
{
    (void)unused;
    (void)mach_msg_server(exc_server, exc_subsystem.maxsize, handler, MACH_MSG_OPTION_NONE);
}

static uint64_t exception_rpc(unsigned loops)
{
    thread_act_t thread;

    exceptions_left = loops;
    exceptions_done = 0;
    exception_sp = 0;
    REQUIRE_OK(mach_thread_prepare(first_exception, NULL, &thread));
    REQUIRE_OK(thread_set_exception_ports(thread, EXC_MASK_ALL, handler, EXCEPTION_STATE,
                                          THREAD_STATE_FLAVOR_GENERAL));
    const uint64_t start = counter_read();
    REQUIRE_OK(thread_resume(thread));
    REQUIRE(test_child_wait(thread) && exceptions_done);
    return exceptions_end - start;
}

static void bench_exception(void)
{
    handler = test_port_send();
    REQUIRE_OK(mach_thread_start(handle, NULL, NULL));
    test_sleep(SETTLE_MS / 10);
    (void)bench_run("exception_rpc", exception_rpc, BENCH_LOOPS / 50);
    test_port_destroy(handler);
}

/* --- sizes --- */

static kernel_memory_pages_info_t pages_now(void)
{
    static kernel_memory_cache_info_t cache[KERNEL_MEMORY_CACHES_MAX];
    mach_msg_type_number_t count = KERNEL_MEMORY_CACHES_MAX;
    kernel_memory_pages_info_t pages;

    REQUIRE_OK(host_kernel_memory_info(test_host(), cache, &count, &pages));
    return pages;
}

static uint64_t free_pages(void)
{
    return pages_now().free;
}

/* Bytes of the pages that `count` new objects took, for each. */
static void report_size(const char *key, uint64_t before, unsigned count)
{
    bench_report(key, ((before - free_pages()) * PAGE_SIZE + count - 1) / count, "bytes");
}

static void bench_sizes(void)
{
    static mach_port_t object[RIGHTS];
    task_t holder;
    uint64_t before = free_pages();

    for (unsigned i = 0; i < RIGHTS; i++)
        object[i] = test_port();
    report_size("bytes_per_port", before, RIGHTS); /* with the receive right */
    REQUIRE_OK(task_create(SELF, FALSE, &holder));
    before = free_pages();
    for (unsigned i = 0; i < RIGHTS; i++)
        REQUIRE_OK(mach_port_insert_right(holder, TEST_CHILD_PORT(i), object[i], MACH_MSG_TYPE_MAKE_SEND));
    report_size("bytes_per_right", before, RIGHTS);
    REQUIRE_OK(task_terminate(holder));
    REQUIRE(test_child_wait(holder));
    for (unsigned i = 0; i < RIGHTS; i++)
        test_port_destroy(object[i]);
    test_sleep(SETTLE_MS);

    before = free_pages();
    for (unsigned i = 0; i < OBJECTS; i++)
        REQUIRE_OK(thread_create(SELF, &object[i]));
    report_size("bytes_per_thread", before, OBJECTS); /* with its port, our right to it, and no stack */
    for (unsigned i = 0; i < OBJECTS; i++)
        REQUIRE_OK(thread_terminate(object[i]));
    for (unsigned i = 0; i < OBJECTS; i++)
        REQUIRE(test_child_wait(object[i]));
    test_sleep(SETTLE_MS);

    before = free_pages();
    for (unsigned i = 0; i < OBJECTS; i++)
        REQUIRE_OK(task_create(SELF, FALSE, &object[i]));
    report_size("bytes_per_task", before, OBJECTS); /* with empty spaces for names and memory */
    for (unsigned i = 0; i < OBJECTS; i++)
        REQUIRE_OK(task_terminate(object[i]));
    for (unsigned i = 0; i < OBJECTS; i++)
        REQUIRE(test_child_wait(object[i]));
}

/* --- sizes of what stands for memory --- */

/* Touch `count` pages that are `step` bytes apart. */
static void touch_each(mach_vm_address_t base, unsigned count, mach_vm_size_t step)
{
    for (unsigned i = 0; i < count; i++)
        (void)*(volatile uint8_t *)(base + i * step);
}

/* Bytes that the kernel took for each of `count` pages of users, beside these pages themselves. */
static void report_beside(const char *key, uint64_t before, unsigned count)
{
    report_size(key, before - count, count);
}

static mach_vm_address_t take(mach_vm_size_t size)
{
    mach_vm_address_t base = 0;

    REQUIRE_OK(mach_vm_allocate(SELF, &base, size, VM_FLAGS_ANYWHERE));
    return base;
}

/* Memory that is used throughout: of its tree of pages, and of its page tables, each page has a part. */
static void measure_dense(mach_vm_address_t base)
{
    const uint64_t before = free_pages();

    touch_each(base, DENSE_PAGES, PAGE_SIZE);
    report_beside("bytes_per_resident_page", before, DENSE_PAGES);
}

/* One page in each table: it has a table, and a node of the tree, to itself. */
static void measure_sparse(mach_vm_address_t base)
{
    const uint64_t before = free_pages(), tables = pages_now().tables;

    touch_each(base, SPARSE_PAGES, TABLE_SPAN);
    report_beside("bytes_per_lone_page", before, SPARSE_PAGES);
    bench_report("bytes_per_page_table", (pages_now().tables - tables) * PAGE_SIZE / SPARSE_PAGES, "bytes");
}

/* Ranges of one page with nothing in common with their neighbours; then with a page each. */
static void measure_ranges(mach_vm_address_t base)
{
    uint64_t before = free_pages();

    for (unsigned i = 0; i < RANGES; i += 2)
        REQUIRE_OK(mach_vm_inherit(SELF, base + i * PAGE_SIZE, PAGE_SIZE, VM_INHERIT_NONE));
    report_size("bytes_per_map_entry", before, RANGES);
    before = free_pages();
    touch_each(base, RANGES, PAGE_SIZE);
    report_beside("bytes_per_memory_object", before, RANGES); /* with the part of a page table */
}

/* All of it stays until the end: what the kernel's caches get back would be in the next figure. */
static void bench_memory_sizes(void)
{
    const mach_vm_address_t dense = take(DENSE_PAGES * PAGE_SIZE), sparse = take(SPARSE_PAGES * TABLE_SPAN),
                            ranges = take(RANGES * PAGE_SIZE);

    measure_ranges(ranges);
    measure_dense(dense);
    measure_sparse(sparse);
    REQUIRE_OK(mach_vm_deallocate(SELF, ranges, RANGES * PAGE_SIZE));
    REQUIRE_OK(mach_vm_deallocate(SELF, dense, DENSE_PAGES * PAGE_SIZE));
    REQUIRE_OK(mach_vm_deallocate(SELF, sparse, SPARSE_PAGES * TABLE_SPAN));
}

void bench_objects(void)
{
    (void)bench_run("thread_create_destroy", thread_create_destroy, BENCH_LOOPS / 50);
    (void)bench_run("task_create_destroy", task_create_destroy, BENCH_LOOPS / 100);
    (void)bench_run("port_create_destroy", port_create_destroy, BENCH_LOOPS / 10);
    bench_switch();
    bench_exception();
    bench_sizes();
    bench_memory_sizes();
}
