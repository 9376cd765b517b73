/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A block device through its server, with what tools/portolan/disk.py put on it and looks for afterwards.
 *
 * Sector n was filled with the 64-bit word PATTERN + n.  Here the sectors of WRITTEN are written with its complement.
 */
#include "../conformance/lib/ports.h"
#include "../conformance/lib/test.h"

#include <libmach/service.h>
#include <libmach/thread.h>
#include <mach/block.h>
#include <string.h>

#define SELF mach_task_self()
#define SERVICE "portolan.disk"
#define PATIENCE_MS 10000u
#define PATTERN UINT64_C(0x706f72746f6c616e)
#define DISK_SIZE ((uint64_t)4 << 20)
#define SECTOR_WORDS (BLOCK_SIZE / sizeof(uint64_t))
#define WRITTEN_FIRST 1000u /* sector */
#define WRITTEN_COUNT 300u
#define PAGE_SECTORS (PAGE_SIZE / BLOCK_SIZE)
#define CLIENTS 12u /* more than the device takes at a time */
#define ROUNDS 16u

static mach_port_t disk;
static volatile int finished;
static volatile int wrong;

static void release(vm_offset_t data, natural_t size)
{
    REQUIRE_OK(mach_vm_deallocate(SELF, data, size));
}

/* Is `data` what was on the disk at first, or its complement, from `sector` on? */
static bool is_pattern(vm_offset_t data, natural_t size, uint64_t sector, uint64_t flip)
{
    const uint64_t *word = (const uint64_t *)data;

    for (natural_t i = 0; i < size / sizeof(*word); i++) {
        if (word[i] != ((PATTERN + sector + i / SECTOR_WORDS) ^ flip))
            return false;
    }
    return true;
}

static bool reads(uint64_t sector, natural_t size, uint64_t flip)
{
    mach_msg_type_number_t count = 0;
    vm_offset_t data = 0;

    if (block_read(disk, sector * BLOCK_SIZE, size, &data, &count) != KERN_SUCCESS)
        return false;
    const bool good = count == size && is_pattern(data, size, sector, flip);
    release(data, count);
    return good;
}

static kern_return_t writes(uint64_t sector, natural_t size)
{
    static uint64_t buffer[BLOCK_TRANSFER_MAX / sizeof(uint64_t) + SECTOR_WORDS];

    for (natural_t i = 0; i < size / sizeof(buffer[0]); i++)
        buffer[i] = ~(PATTERN + sector + i / SECTOR_WORDS);
    return block_write(disk, sector * BLOCK_SIZE, (vm_offset_t)buffer, size);
}

static void test_size(void)
{
    mach_vm_size_t size;
    natural_t flags;

    CHECK_RESULT(block_info(disk, &size, &flags), KERN_SUCCESS, "a disk tells of itself");
    CHECK_EQUAL(size, DISK_SIZE, "its size");
    CHECK_EQUAL(flags & BLOCK_READ_ONLY, 0, "that it can be written");
}

static void test_read(void)
{
    const uint64_t last = DISK_SIZE / BLOCK_SIZE - 1;

    CHECK(reads(0, BLOCK_SIZE, 0), "the first sector is read");
    CHECK(reads(last, BLOCK_SIZE, 0), "and the last");
    CHECK(reads(7, PAGE_SIZE, 0), "a page is read");
    CHECK(reads(100, BLOCK_TRANSFER_MAX, 0), "and as much as one request can");
}

static void test_refused(void)
{
    mach_msg_type_number_t count;
    vm_offset_t data;

    CHECK_RESULT(block_read(disk, 1, BLOCK_SIZE, &data, &count), KERN_INVALID_ARGUMENT,
                 "an offset inside a sector is refused");
    CHECK_RESULT(block_read(disk, 0, BLOCK_SIZE + 1, &data, &count), KERN_INVALID_ARGUMENT,
                 "and so is a part of a sector");
    CHECK_RESULT(block_read(disk, 0, 0, &data, &count), KERN_INVALID_ARGUMENT, "nothing");
    CHECK_RESULT(block_read(disk, 0, BLOCK_TRANSFER_MAX + BLOCK_SIZE, &data, &count), KERN_INVALID_ARGUMENT,
                 "too much");
    CHECK_RESULT(block_read(disk, DISK_SIZE, BLOCK_SIZE, &data, &count), KERN_INVALID_ADDRESS,
                 "what is behind the end");
    CHECK_RESULT(block_read(disk, DISK_SIZE - BLOCK_SIZE, 2 * BLOCK_SIZE, &data, &count),
                 KERN_INVALID_ADDRESS, "and over it");
    CHECK_RESULT(block_read(disk, UINT64_MAX - BLOCK_SIZE + 1, BLOCK_SIZE, &data, &count),
                 KERN_INVALID_ADDRESS, "however far");
    CHECK_RESULT(writes(DISK_SIZE / BLOCK_SIZE, BLOCK_SIZE), KERN_INVALID_ADDRESS,
                 "nothing is written there either");
    CHECK_RESULT(writes(0, BLOCK_TRANSFER_MAX + BLOCK_SIZE), KERN_INVALID_ARGUMENT, "nor too much");
    CHECK_RESULT(block_write(disk, 0, 0, 0), KERN_INVALID_ARGUMENT, "nor nothing");
}

static void test_write(void)
{
    const natural_t part = BLOCK_TRANSFER_MAX / BLOCK_SIZE;
    natural_t left;
    bool good = true;

    for (natural_t done = 0; done < WRITTEN_COUNT; done += part) {
        left = WRITTEN_COUNT - done;
        good &= writes(WRITTEN_FIRST + done, (left < part ? left : part) * BLOCK_SIZE) == KERN_SUCCESS;
    }
    CHECK(good, "sectors are written");
    CHECK_RESULT(block_flush(disk), KERN_SUCCESS, "and kept");
    CHECK(reads(WRITTEN_FIRST, BLOCK_TRANSFER_MAX, UINT64_MAX), "they are read as they were written");
    CHECK(reads(WRITTEN_FIRST + WRITTEN_COUNT - 1, BLOCK_SIZE, UINT64_MAX), "up to the last");
    CHECK(reads(WRITTEN_FIRST - 1, BLOCK_SIZE, 0) && reads(WRITTEN_FIRST + WRITTEN_COUNT, BLOCK_SIZE, 0),
          "and no others are changed");
}

/* Read here and there. */
static void client(void *argument)
{
    const uint64_t number = (uint64_t)argument;

    for (uint64_t i = 0; i < ROUNDS; i++) {
        if (!reads((number * ROUNDS + i) * PAGE_SECTORS % WRITTEN_FIRST / 2, PAGE_SIZE, 0))
            wrong = 1;
    }
    __atomic_add_fetch(&finished, 1, __ATOMIC_RELEASE);
}

static void test_many(void)
{
    for (uint64_t i = 0; i < CLIENTS; i++)
        REQUIRE_OK(mach_thread_start(client, (void *)i, NULL));
    while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < (int)CLIENTS)
        test_sleep(1);
    CHECK(!wrong, "many read at a time, and each gets its own");
    while (mach_thread_reap() > 0)
        test_sleep(1);
}

int main(int argc, char *argv[])
{
    (void)argc, (void)argv;
    test_begin("block");
    REQUIRE_OK(service_find(SERVICE, PATIENCE_MS, &disk));
    test_size();
    test_read();
    test_refused();
    test_write();
    test_many();
    return test_end();
}
