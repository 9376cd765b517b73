/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks and their report. */
#include "test.h"

#include <libmach/lock.h>
#include <stdlib.h>

static const char *program;
static unsigned checks;
static unsigned failures;
static struct mach_lock lock; /* a check is one report, whichever thread makes it */

void test_begin(const char *name)
{
    program = name;
    printf("# program: %s\n", name);
}

int test_end(void)
{
    printf("1..%u\n", checks);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void report(bool ok, const char *text)
{
    checks++;
    failures += !ok;
    printf("%s %u - %s: %s\n", ok ? "ok" : "not ok", checks, program, text);
}

bool test_check(bool ok, const char *file, int line, const char *expression, const char *text)
{
    mach_lock_acquire(&lock);
    report(ok, text);
    if (!ok)
        printf("# %s:%d: not true: %s\n", file, line, expression);
    mach_lock_release(&lock);
    return ok;
}

bool test_check_equal(uint64_t actual, uint64_t expected, const char *file, int line, const char *expression,
                      const char *text)
{
    mach_lock_acquire(&lock);
    report(actual == expected, text);
    if (actual != expected)
        printf("# %s:%d: %s is %#lx, expected %#lx\n", file, line, expression, actual, expected);
    mach_lock_release(&lock);
    return actual == expected;
}

bool test_check_result(kern_return_t actual, kern_return_t expected, const char *file, int line,
                       const char *expression, const char *text)
{
    mach_lock_acquire(&lock);
    report(actual == expected, text);
    if (actual != expected)
        printf("# %s:%d: %s is %#x (%s), expected %#x (%s)\n", file, line, expression, (unsigned)actual,
               mach_error_string(actual), (unsigned)expected, mach_error_string(expected));
    mach_lock_release(&lock);
    return actual == expected;
}

void test_skip(const char *text, const char *reason)
{
    mach_lock_acquire(&lock);
    checks++;
    printf("ok %u - %s: %s # SKIP %s\n", checks, program, text, reason);
    mach_lock_release(&lock);
}

mach_vm_address_t test_allocate(mach_vm_size_t size)
{
    mach_vm_address_t address = 0;

    if (size > 0)
        REQUIRE_OK(mach_vm_allocate(mach_task_self(), &address, size, VM_FLAGS_ANYWHERE));
    return address;
}

void test_deallocate(mach_vm_address_t address, mach_vm_size_t size)
{
    if (size > 0)
        REQUIRE_OK(mach_vm_deallocate(mach_task_self(), address, size));
}

uint8_t *test_memory(mach_vm_size_t size)
{
    return (uint8_t *)test_allocate(size);
}

void test_memory_free(const void *memory, mach_vm_size_t size)
{
    test_deallocate((mach_vm_address_t)memory, size);
}

struct vm_region_basic_info_64 test_region_info(mach_vm_address_t address)
{
    struct vm_region_basic_info_64 info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_vm_size_t size;
    mach_port_t object;

    REQUIRE_OK(mach_vm_region(mach_task_self(), &address, &size, VM_REGION_BASIC_INFO_64,
                              (vm_region_info_t)&info, &count, &object));
    return info;
}

void test_give_up(const char *file, int line, const char *expression)
{
    printf("Bail out! %s: %s:%d: required: %s\n", program, file, line, expression);
    exit(EXIT_FAILURE);
}
