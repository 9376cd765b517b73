/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conformance tests: each program prints TAP, and nothing that depends on the machine, so that the output of
 * all machines is the same, line by line.
 *
 *   # program: port
 *   ok 1 - a new receive right has one reference
 *   not ok 2 - ...
 *   # tests/conformance/port.c:33: mach_port_allocate(...) is 6 (resource shortage), expected 0 (success)
 *   1..2
 */
#ifndef TEST_H
#define TEST_H

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* First and last call of a program. test_end() returns its exit status. */
void test_begin(const char *name);
int test_end(void);

/* One check. Returns: the condition. */
bool test_check(bool ok, const char *file, int line, const char *expression, const char *text);
bool test_check_equal(uint64_t actual, uint64_t expected, const char *file, int line, const char *expression,
                      const char *text);
bool test_check_result(kern_return_t actual, kern_return_t expected, const char *file, int line,
                       const char *expression, const char *text);

/* A check that makes no sense on this machine. */
void test_skip(const char *text, const char *reason);

#define CHECK(condition, text) test_check(!!(condition), __FILE__, __LINE__, #condition, text)
#define CHECK_EQUAL(actual, expected, text)                                                                  \
    test_check_equal((uint64_t)(actual), (uint64_t)(expected), __FILE__, __LINE__, #actual, text)
#define CHECK_RESULT(call, expected, text)                                                                   \
    test_check_result((call), (expected), __FILE__, __LINE__, #call, text)

/* What a test needs in order to go on, and does not test itself: if it fails, the program ends as failed. */
#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            test_give_up(__FILE__, __LINE__, #condition);                                                    \
    } while (0)
#define REQUIRE_OK(call) REQUIRE((call) == KERN_SUCCESS)
_Noreturn void test_give_up(const char *file, int line, const char *expression);

/* A send right for the host, the same at each call. Context: any task. */
mach_port_t test_host(void);

/*
 * How many tasks, one the copy of the other, lie between this one and the program: a name kept from another
 * is none.
 */
extern unsigned test_generation;

/* Time since boot in nanoseconds. */
uint64_t test_now(void);

/* Let at least `ms` milliseconds pass. */
void test_sleep(unsigned ms);

/* Wait until *flag is not 0, at most `ms` milliseconds. Returns: whether it is. */
bool test_wait(const volatile int *flag, unsigned ms);

/* Return when the thread waits in the kernel (or has ended). The program fails if it does neither within a minute. */
void test_until_waiting(thread_act_t thread);

/* A new thread that waits in `function` already; for who does not want the right to it, released at once. */
thread_act_t test_waiting_thread(void (*function)(void *argument), void *argument);
void test_waiting_start(void (*function)(void *argument), void *argument);

/* Places of memory: far from anything else; the last page that an address can name. */
#define TEST_PLACE (UINT64_C(0x200000000) + (UINT64_C(1) << 20))
#define TEST_TOP (~PAGE_MASK)

/* New memory of this task, anywhere (size 0: none), and the end of memory of this task, whoever allocated it. */
mach_vm_address_t test_allocate(mach_vm_size_t size);
void test_deallocate(mach_vm_address_t address, mach_vm_size_t size);

/* The same by pointers. */
uint8_t *test_memory(mach_vm_size_t size);
void test_memory_free(const void *memory, mach_vm_size_t size);

/* Of the memory of this task at `address`, or the next above it. */
struct vm_region_basic_info_64 test_region_info(mach_vm_address_t address);

/*
 * Kernel memory: remember what is in use, and compare later.  What is freed in the background gets a few
 * seconds for that.  A space or map of this task that grows in between looks like a leak, so what is watched
 * runs in child tasks.  (After each program, bootstrap makes the same comparison.)
 */
void test_leak_begin(void);
bool test_leak_check(const char *file, int line, const char *text);
#define CHECK_NO_LEAK(text) test_leak_check(__FILE__, __LINE__, text)

#endif
