/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk can be written, and not be read: who needs what it has is told, and no one else. */
#include "refused.h"

#include "../conformance/lib/test.h"

#define PAGES ((UINT64_C(6) << 20) / PAGE_SIZE)

int main(int argc, char *argv[])
{
    uint64_t lost = 0, first = PAGES, other = 0;
    bool wrong = false;

    (void)argc, (void)argv;
    test_begin("pageout/error");
    refused_begin(PAGES);
    for (uint64_t page = 0; page < PAGES; page++)
        REQUIRE_OK(page_write(page));
    for (uint64_t page = 0; page < PAGES; page++) {
        const kern_return_t kr = page_check(page, &wrong);
        if (kr == KERN_MEMORY_ERROR && lost++ == 0)
            first = page;
        other += kr != KERN_SUCCESS && kr != KERN_MEMORY_ERROR;
    }
    CHECK(lost > 0 && other == 0, "who needs a page that can't be read is told");
    CHECK(lost < PAGES && !wrong, "pages that are still there are right");
    CHECK_RESULT(page_write(first), KERN_MEMORY_ERROR, "also who writes a part of it");
    refused_drop(first, 1);
    CHECK_RESULT(page_write(first), KERN_SUCCESS, "new memory takes its place");
    CHECK(page_check(first, &wrong) == KERN_SUCCESS && !wrong, "and is there");
    refused_end();
    return test_end();
}
