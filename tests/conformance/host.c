/* SPDX-License-Identifier: BSD-2-Clause */
/* The host: mach_host.defs, and what Portolan adds. */
#include "lib/ports.h"
#include "lib/test.h"

#include <mach/machine.h>
#include <string.h>

#define SELF mach_task_self()

static mach_port_t host;

static void test_info(void)
{
    struct host_basic_info info;
    mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;

    CHECK_RESULT(host_info(host, HOST_BASIC_INFO, (host_info_t)&info, &count), KERN_SUCCESS,
                 "the host tells of itself");
    CHECK(info.avail_cpus >= 1 && info.avail_cpus <= info.max_cpus, "it has processors");
    CHECK(info.max_mem >= 16u << 20, "and memory");
    count = 1;
    CHECK_RESULT(host_info(host, HOST_BASIC_INFO, (host_info_t)&info, &count), KERN_INVALID_ARGUMENT,
                 "too little room is refused");
    count = HOST_BASIC_INFO_COUNT;
    CHECK_RESULT(host_info(host, 9999, (host_info_t)&info, &count), KERN_INVALID_ARGUMENT,
                 "an unknown flavor is refused");
    kernel_version_t version = "";
    CHECK_RESULT(host_kernel_version(host, version), KERN_SUCCESS, "the kernel tells its version");
    CHECK(strstr(version, "Portolan") != NULL, "by its name");
}

static void test_processors(void)
{
    processor_info_array_t info = NULL;
    mach_msg_type_number_t words = 0;
    natural_t count = 0;

    CHECK_RESULT(host_processor_info(host, 9999, &count, &info, &words), KERN_INVALID_ARGUMENT,
                 "an unknown flavor is refused of processors, too");
    CHECK_RESULT(host_processor_info(host, PROCESSOR_BASIC_INFO, &count, &info, &words), KERN_SUCCESS,
                 "processors are described");
    CHECK_EQUAL(words, count * PROCESSOR_BASIC_INFO_COUNT, "each by as many words");
    struct processor_basic_info *first = (struct processor_basic_info *)info;
    CHECK(count >= 1 && first->running && first->slot_num == 0, "the first one runs");
    test_memory_free(info, words * sizeof(*info));
}

static void test_kernel_memory(void)
{
    static kernel_memory_cache_info_t cache[KERNEL_MEMORY_CACHES_MAX];
    mach_msg_type_number_t count = KERNEL_MEMORY_CACHES_MAX;
    kernel_memory_pages_info_t pages;
    bool named = true;

    CHECK_RESULT(host_kernel_memory_info(host, cache, &count, &pages), KERN_SUCCESS,
                 "the kernel accounts for its memory");
    CHECK(pages.free > 0 && pages.free < pages.total, "some pages are free");
    for (unsigned i = 0; i < count; i++)
        named &= cache[i].name[0] != '\0' && memchr(cache[i].name, '\0', sizeof(cache[i].name)) != NULL;
    CHECK(count > 0 && named, "each cache has a name");
}

int main(void)
{
    test_begin("host");
    host = mach_host_self();
    CHECK_EQUAL(test_type(host), MACH_PORT_TYPE_SEND, "a task has a send right for its host");
    test_info();
    test_processors();
    test_kernel_memory();
    REQUIRE_OK(mach_port_deallocate(SELF, host));
    return test_end();
}
