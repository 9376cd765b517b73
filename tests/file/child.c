/* SPDX-License-Identifier: BSD-2-Clause */
/* A program with much data, of which it reads little: paged.c runs it from its file. */
#include <stdint.h>

#define PAGES 64u
#define WORDS 1024u /* of a page */

static const volatile uint32_t table[PAGES][WORDS] = {[3] = {[7] = 40}, [50] = {[9] = 50}};
static volatile uint32_t changed[WORDS] = {[4] = 10};

int main(void)
{
    changed[4]++;
    return table[3][7] + table[50][9] + changed[4] == 101 ? 0 : 1;
}
