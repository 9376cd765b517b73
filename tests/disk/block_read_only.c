/* SPDX-License-Identifier: BSD-2-Clause */
/* A block device that can only be read. */
#include "../conformance/lib/test.h"

#include <libmach/service.h>
#include <mach/block.h>

#define PATIENCE_MS 10000u

int main(int argc, char *argv[])
{
    static uint8_t sector[BLOCK_SIZE];
    mach_msg_type_number_t count;
    mach_vm_size_t size;
    natural_t flags;
    vm_offset_t data;
    mach_port_t disk;

    (void)argc, (void)argv;
    test_begin("block_read_only");
    REQUIRE_OK(service_find("portolan.disk", PATIENCE_MS, &disk));
    CHECK_RESULT(block_info(disk, &size, &flags), KERN_SUCCESS, "a disk tells of itself");
    CHECK_EQUAL(flags & BLOCK_READ_ONLY, BLOCK_READ_ONLY, "that it can't be written");
    CHECK_RESULT(block_write(disk, 0, (vm_offset_t)sector, BLOCK_SIZE), KERN_PROTECTION_FAILURE,
                 "so it is not");
    CHECK_RESULT(block_read(disk, 0, BLOCK_SIZE, &data, &count), KERN_SUCCESS, "but read");
    CHECK_EQUAL(count, BLOCK_SIZE, "as much as was asked for");
    return test_end();
}
