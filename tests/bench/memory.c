/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory: faults, and the life of a page. */
#include "bench.h"

#define SELF mach_task_self()
#define PAGES 512u

static inline void touch(mach_vm_address_t address)
{
    *(volatile uint8_t *)address = 1;
}

static uint64_t fault_zero_fill(unsigned loops)
{
    mach_vm_address_t base = 0, at;

    REQUIRE_OK(mach_vm_allocate(SELF, &base, (loops + 1) * PAGE_SIZE, VM_FLAGS_ANYWHERE));
    touch(base); /* the page tables are there */
    at = base;
    uint64_t ticks = BENCH_LOOP(loops, touch(at += PAGE_SIZE));
    REQUIRE_OK(mach_vm_deallocate(SELF, base, (loops + 1) * PAGE_SIZE));
    return ticks;
}

static void page_life(void)
{
    mach_vm_address_t address = 0;

    REQUIRE_OK(mach_vm_allocate(SELF, &address, PAGE_SIZE, VM_FLAGS_ANYWHERE));
    touch(address);
    REQUIRE_OK(mach_vm_deallocate(SELF, address, PAGE_SIZE));
}

static uint64_t vm_page_life(unsigned loops)
{
    return BENCH_LOOP(loops, page_life());
}

/* Makes pages resident, changes nothing. */
static void touch_pages(mach_vm_address_t base, unsigned pages, bool write)
{
    for (unsigned i = 0; i < pages; i++) {
        volatile uint8_t *byte = (volatile uint8_t *)(base + i * PAGE_SIZE);
        uint8_t value = *byte;
        if (write)
            *byte = value;
    }
}

/* A page that is mapped without the right to write, which is given back before each fault. */
static uint64_t fault_soft(unsigned loops)
{
    mach_vm_address_t base = 0, at;
    const mach_vm_size_t size = (loops + 1) * PAGE_SIZE;

    REQUIRE_OK(mach_vm_allocate(SELF, &base, size, VM_FLAGS_ANYWHERE));
    touch_pages(base, loops + 1, true);
    REQUIRE_OK(mach_vm_protect(SELF, base, size, FALSE, VM_PROT_READ));
    REQUIRE_OK(mach_vm_protect(SELF, base, size, FALSE, VM_PROT_READ | VM_PROT_WRITE));
    at = base;
    uint64_t ticks = BENCH_LOOP(loops, touch(at += PAGE_SIZE));
    REQUIRE_OK(mach_vm_deallocate(SELF, base, size));
    return ticks;
}

/* The first access to each page of VM_SUPERPAGE_SIZE bytes. */
static uint64_t first_touch(unsigned loops, int flags)
{
    const mach_vm_size_t size = 2 * (mach_vm_size_t)VM_SUPERPAGE_SIZE;
    uint64_t ticks = 0;

    for (unsigned i = 0; i < loops; i++) {
        mach_vm_address_t base = 0;
        REQUIRE_OK(mach_vm_allocate(SELF, &base, size, flags));
        mach_vm_address_t at = base + VM_SUPERPAGE_SIZE;
        touch(at -= PAGE_SIZE); /* the upper page tables are there */
        ticks += BENCH_LOOP(VM_SUPERPAGE_SIZE / PAGE_SIZE, touch(at += PAGE_SIZE));
        REQUIRE_OK(mach_vm_deallocate(SELF, base, size));
    }
    return ticks;
}

static uint64_t touch_2mib(unsigned loops)
{
    return first_touch(loops, VM_FLAGS_ANYWHERE);
}

static uint64_t touch_2mib_superpage(unsigned loops)
{
    return first_touch(loops, VM_FLAGS_ANYWHERE | VM_FLAGS_SUPERPAGE_SIZE_2MB);
}

/* --- memory out of line --- */

struct memory_message {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_ool_descriptor_t memory;
    mach_msg_trailer_t trailer;
};

static struct {
    mach_port_t port;
    mach_vm_address_t memory;
    mach_msg_size_t size;
} ool;

static void ool_begin(unsigned pages)
{
    ool.port = test_port();
    ool.memory = 0;
    ool.size = pages * PAGE_SIZE;
    REQUIRE_OK(mach_vm_allocate(SELF, &ool.memory, ool.size, VM_FLAGS_ANYWHERE));
    touch_pages(ool.memory, pages, true);
}

static void ool_end(void)
{
    REQUIRE_OK(mach_vm_deallocate(SELF, ool.memory, ool.size));
    test_port_destroy(ool.port);
}

/* Returns where the memory came. */
static mach_vm_address_t ool_pass(void)
{
    struct memory_message m = {
        .header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                   .msgh_remote_port = ool.port},
        .body = {1},
        .memory = {.address = (void *)ool.memory,
                   .size = ool.size,
                   .copy = MACH_MSG_VIRTUAL_COPY,
                   .type = MACH_MSG_OOL_DESCRIPTOR},
    };

    REQUIRE_OK(mach_msg(&m.header, MACH_SEND_MSG | MACH_RCV_MSG, offsetof(struct memory_message, trailer),
                        sizeof(m), ool.port, 0, MACH_PORT_NULL));
    return (mach_vm_address_t)m.memory.address;
}

/* One message whose memory is dropped, or read or written page by page. */
static void ool_drop(void)
{
    REQUIRE_OK(mach_vm_deallocate(SELF, ool_pass(), ool.size));
}

static void ool_use(bool write)
{
    mach_vm_address_t came = ool_pass();

    touch_pages(came, ool.size / PAGE_SIZE, write);
    REQUIRE_OK(mach_vm_deallocate(SELF, came, ool.size));
}

static uint64_t ool_dropped(unsigned pages, unsigned loops)
{
    ool_begin(pages);
    uint64_t ticks = BENCH_LOOP(loops, ool_drop());
    ool_end();
    return ticks;
}

static uint64_t ool_used(unsigned pages, bool write, unsigned loops)
{
    ool_begin(pages);
    uint64_t ticks = BENCH_LOOP(loops, ool_use(write));
    ool_end();
    return ticks;
}

static uint64_t ool_page_dropped(unsigned loops)
{
    return ool_dropped(1, loops);
}

static uint64_t ool_page_read(unsigned loops)
{
    return ool_used(1, false, loops);
}

static uint64_t ool_page_written(unsigned loops)
{
    return ool_used(1, true, loops);
}

static uint64_t ool_1mib_dropped(unsigned loops)
{
    return ool_dropped(256, loops);
}

static uint64_t ool_1mib_read(unsigned loops)
{
    return ool_used(256, false, loops);
}

static uint64_t ool_1mib_written(unsigned loops)
{
    return ool_used(256, true, loops);
}

/* Writes to pages that are shared with a copy. */
static uint64_t fault_copy(unsigned loops)
{
    mach_vm_address_t at;

    ool_begin(loops + 1);
    mach_vm_address_t came = ool_pass();
    touch_pages(came, loops + 1, false);
    at = came;
    uint64_t ticks = BENCH_LOOP(loops, touch(at += PAGE_SIZE));
    REQUIRE_OK(mach_vm_deallocate(SELF, came, ool.size));
    ool_end();
    return ticks;
}

/* The memory of this task grows by 100 MiB, of which a tenth is touched. */
static void task_copy(void)
{
    task_t task;

    REQUIRE_OK(task_create(SELF, TRUE, &task));
    REQUIRE_OK(task_terminate(task));
    REQUIRE_OK(mach_port_deallocate(SELF, task));
}

static uint64_t task_create_copy(unsigned loops)
{
    const mach_vm_size_t size = (mach_vm_size_t)100 << 20;
    mach_vm_address_t base = 0;
    uint64_t ticks = 0;

    REQUIRE_OK(mach_vm_allocate(SELF, &base, size, VM_FLAGS_ANYWHERE));
    for (unsigned i = 0; i < loops; i++) {
        touch_pages(base, (unsigned)(size / PAGE_SIZE / 10), true);
        ticks += BENCH_LOOP(1, task_copy());
    }
    REQUIRE_OK(mach_vm_deallocate(SELF, base, size));
    return ticks;
}

/* --- what a fault costs beside the work on the page --- */

/* kern/string.c as the kernel has it (meson.build). */
void *kernel_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *kernel_memset(void *dst, int c, size_t n);

static uint8_t page[2][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static uint64_t page_zero(unsigned loops)
{
    return BENCH_LOOP(loops, (void)kernel_memset(page[0], 0, PAGE_SIZE));
}

static uint64_t page_copy(unsigned loops)
{
    return BENCH_LOOP(loops, (void)kernel_memcpy(page[0], page[1], PAGE_SIZE));
}

/* Measure a fault and the work in it, and report the difference, too. */
static void run_net(const char *fault_key, bench_function_t fault, const char *work_key,
                    bench_function_t work, const char *net_key)
{
    const uint64_t all = bench_run(fault_key, fault, PAGES);

    bench_report(net_key, all - bench_run(work_key, work, PAGES), "instructions");
}

void bench_memory(void)
{
    run_net("fault_zero_fill", fault_zero_fill, "page_zero", page_zero, "fault_zero_fill_net");
    (void)bench_run("fault_soft", fault_soft, PAGES);
    (void)bench_run("touch_2mib", touch_2mib, 8);
    (void)bench_run("touch_2mib_superpage", touch_2mib_superpage, 8);
    run_net("fault_copy", fault_copy, "page_copy", page_copy, "fault_cow_net");
    (void)bench_run("vm_allocate_touch_deallocate", vm_page_life, BENCH_LOOPS / 10);
    (void)bench_run("ool_page_dropped", ool_page_dropped, BENCH_LOOPS / 10);
    (void)bench_run("ool_page_read", ool_page_read, BENCH_LOOPS / 10);
    (void)bench_run("ool_page_written", ool_page_written, BENCH_LOOPS / 10);
    (void)bench_run("ool_1mib_dropped", ool_1mib_dropped, 16);
    (void)bench_run("ool_1mib_read", ool_1mib_read, 16);
    (void)bench_run("ool_1mib_written", ool_1mib_written, 16);
    (void)bench_run("task_create_cow_100mib", task_create_copy, 4);
}
