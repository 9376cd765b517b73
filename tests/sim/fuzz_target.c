/* SPDX-License-Identifier: BSD-2-Clause */
/* What libFuzzer calls (./portolan fuzz). */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *wrong = fuzz_run(data, size);

    if (wrong == NULL)
        return 0;
    printf("%s\n", wrong);
    fuzz_print(data, size);
    fflush(stdout);
    abort();
}
