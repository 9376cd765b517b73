/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client pays for a page of a block device: servers/ramdisk, which the command line started. */
#include "bench.h"

#include <libmach/service.h>
#include <mach/block.h>

#define READS 500u
#define PATIENCE_MS 1000u

static mach_port_t disk;

/* One page, which is looked at and given back. */
static void read_page(uint64_t number)
{
    mach_msg_type_number_t count;
    vm_offset_t data;

    REQUIRE_OK(block_read(disk, number * PAGE_SIZE, PAGE_SIZE, &data, &count));
    (void)*(volatile uint8_t *)data;
    REQUIRE_OK(mach_vm_deallocate(mach_task_self(), data, count));
}

static uint64_t reads(unsigned loops)
{
    return BENCH_LOOP(loops, read_page(bench_i));
}

static uint64_t writes(unsigned loops)
{
    static uint8_t page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

    return BENCH_LOOP(loops, {
        page[0] = (uint8_t)bench_i;
        REQUIRE_OK(block_write(disk, (uint64_t)bench_i * PAGE_SIZE, (vm_offset_t)page, PAGE_SIZE));
    });
}

int main(int argc, char *argv[])
{
    (void)argc, (void)argv;
    if (service_find("portolan.ramdisk", PATIENCE_MS, &disk) != KERN_SUCCESS) {
        printf("# block: there is no disk: start=ramdisk\n");
        return 0;
    }
    (void)writes(READS + 1); /* all pages are there */
    (void)bench_run("block_read_4KiB", reads, READS);
    (void)bench_run("block_write_4KiB", writes, READS);
    return 0;
}
