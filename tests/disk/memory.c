/* SPDX-License-Identifier: BSD-2-Clause */
/* A block device of memory (servers/ramdisk). */
#include "../conformance/lib/test.h"

#include <libmach/service.h>
#include <mach/block.h>
#include <string.h>

#define PATIENCE_MS 10000u
#define SIZE (3 * PAGE_SIZE) /* of what is written, not from the start of a page on */
#define PLACE (UINT64_C(16) * PAGE_SIZE + BLOCK_SIZE)

static mach_port_t disk;
static uint8_t written[SIZE], zeros[SIZE];

/* Is what the disk has there the same as `expected`?  The memory that came: *data. */
static bool has(uint64_t offset, const uint8_t *expected, natural_t size, vm_offset_t *data)
{
    mach_msg_type_number_t count = 0;

    return block_read(disk, offset, size, data, &count) == KERN_SUCCESS && count == size &&
           memcmp((const void *)*data, expected, size) == 0;
}

static void release(vm_offset_t data, vm_size_t size)
{
    REQUIRE_OK(mach_vm_deallocate(mach_task_self(), data, size));
}

static void test_contents(void)
{
    vm_offset_t before, after, rest;

    CHECK(has(PLACE, zeros, SIZE, &before), "a new disk is zero");
    memset(written, 5, sizeof(written));
    CHECK_RESULT(block_write(disk, PLACE, (vm_offset_t)written, SIZE), KERN_SUCCESS, "it is written");
    CHECK(has(PLACE, written, SIZE, &after), "and read");
    CHECK(memcmp((const void *)before, zeros, SIZE) == 0, "what was read before is as it was");
    *(uint8_t *)after = 6;
    release(after, SIZE);
    CHECK(has(PLACE, written, SIZE, &after), "who writes to what it read does not write to the disk");
    CHECK(has(PLACE + SIZE, zeros, BLOCK_SIZE, &rest), "what is behind is still zero");
    CHECK_RESULT(block_flush(disk), KERN_SUCCESS, "nothing has to be flushed");
    release(before, SIZE);
    release(after, SIZE);
    release(rest, BLOCK_SIZE);
}

static void test_refused(mach_vm_size_t size)
{
    mach_msg_type_number_t count;
    vm_offset_t data;

    CHECK_RESULT(block_read(disk, 1, BLOCK_SIZE, &data, &count), KERN_INVALID_ARGUMENT,
                 "an offset inside a sector is refused");
    CHECK_RESULT(block_read(disk, 0, BLOCK_TRANSFER_MAX + BLOCK_SIZE, &data, &count), KERN_INVALID_ARGUMENT,
                 "and so is too much");
    CHECK_RESULT(block_read(disk, size, BLOCK_SIZE, &data, &count), KERN_INVALID_ADDRESS,
                 "what is behind the end");
    CHECK_RESULT(block_write(disk, size - BLOCK_SIZE, (vm_offset_t)written, 2 * BLOCK_SIZE),
                 KERN_INVALID_ADDRESS, "and over it");
}

int main(int argc, char *argv[])
{
    mach_vm_size_t size;
    natural_t flags;

    (void)argc, (void)argv;
    test_begin("memory disk");
    REQUIRE_OK(service_find("portolan.ramdisk", PATIENCE_MS, &disk));
    CHECK_RESULT(block_info(disk, &size, &flags), KERN_SUCCESS, "a disk tells of itself");
    CHECK(size > 0 && size % BLOCK_SIZE == 0 && flags == 0, "its size, and that it can be written");
    test_contents();
    test_refused(size);
    return test_end();
}
