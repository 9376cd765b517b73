/* SPDX-License-Identifier: BSD-2-Clause */
/* The store is full: who needs a page is told that there is none, until others are given back. */
#include "refused.h"

#include "../conformance/lib/test.h"

#define PAGES ((UINT64_C(16) << 20) / PAGE_SIZE) /* more than the store and what the task may have */
#define STORE ((UINT64_C(4) << 20) / PAGE_SIZE)
#define TRIES 100u

/* Write page after page. Returns: how many have gone well; *why the next has not. */
static uint64_t write_until(kern_return_t *why)
{
    uint64_t page = 0;

    while (page < PAGES && (*why = page_write(page)) == KERN_SUCCESS)
        page++;
    return page;
}

int main(int argc, char *argv[])
{
    kern_return_t kr = KERN_SUCCESS;
    bool wrong = false;

    (void)argc, (void)argv;
    test_begin("pageout/full");
    refused_begin(PAGES);
    const uint64_t written = write_until(&kr);
    CHECK(written >= STORE && written < PAGES, "memory ends when the store is full");
    CHECK_EQUAL(kr, KERN_RESOURCE_SHORTAGE, "then who needs a page is told");
    for (uint64_t page = 0; page < written; page++)
        kr = page_check(page, &wrong) == KERN_SUCCESS ? kr : KERN_FAILURE;
    CHECK(kr != KERN_FAILURE && !wrong, "what was written can be read");
    refused_drop(0, written / 8 * 7); /* what has come back is more than the limit */
    for (unsigned i = 0; i < TRIES && (kr = page_write(written)) != KERN_SUCCESS; i++)
        test_sleep(10);
    CHECK_EQUAL(kr, KERN_SUCCESS, "what is given back makes room");
    refused_end();
    return test_end();
}
