/* SPDX-License-Identifier: BSD-2-Clause */
#include <kern/symbols.h>
#include <stddef.h>

const char *kern_symbol_lookup(uint64_t address, uint64_t *offset)
{
    uint32_t low = 0, high = kern_symbol_count; /* the first address above `address` is in [low, high] */

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (kern_symbol_address[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *offset = address - kern_symbol_address[low - 1];
    return kern_symbol_name[low - 1];
}
