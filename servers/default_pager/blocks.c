/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table by page number, with a chain through the blocks; and a bit for each block that is free. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64u

struct block {
    uint64_t page;
    uint32_t next; /* in the chain, or BLOCK_NONE */
    bool good;
};

static struct block *block;
static uint32_t *chain; /* heads: BLOCK_NONE or a block */
static uint32_t chain_count;
static uint64_t *free_bits;
static uint32_t block_count;
static uint32_t cursor; /* where to look for free blocks next */

bool blocks_init(uint32_t count)
{
    const uint32_t words = (count + WORD_BITS - 1) / WORD_BITS;

    block = calloc(count, sizeof(*block));
    chain = malloc(count * sizeof(*chain));
    free_bits = calloc(words, sizeof(*free_bits));
    if (block == NULL || chain == NULL || free_bits == NULL)
        return false;
    memset(block, 0, count * sizeof(*block)); /* so that all of it is there */
    memset(chain, 0xff, count * sizeof(*chain));
    for (uint32_t i = 0; i < count; i++)
        free_bits[i / WORD_BITS] |= (uint64_t)1 << i % WORD_BITS;
    chain_count = count;
    block_count = count;
    return true;
}

static bool is_free(uint32_t i)
{
    return (free_bits[i / WORD_BITS] >> i % WORD_BITS & 1) != 0;
}

/* The first free block at or above `from`; block_count: none. */
static uint32_t free_from(uint32_t from)
{
    while (from < block_count && !is_free(from)) {
        const uint64_t rest = free_bits[from / WORD_BITS] >> from % WORD_BITS;
        if (rest != 0)
            from += (uint32_t)__builtin_ctzll(rest);
        else
            from = (from / WORD_BITS + 1) * WORD_BITS;
    }
    return from < block_count ? from : block_count;
}

static uint32_t *head_of(uint64_t page)
{
    return &chain[page % chain_count];
}

uint32_t blocks_take(uint64_t page, uint32_t want, uint32_t *first)
{
    uint32_t at = free_from(cursor);
    uint32_t count = 0;

    if (at == block_count)
        at = free_from(0);
    *first = at;
    for (; count < want && at < block_count && is_free(at); count++, at++) {
        uint32_t *head = head_of(page + count);
        block[at] = (struct block){.page = page + count, .next = *head, .good = true};
        *head = at;
        free_bits[at / WORD_BITS] &= ~((uint64_t)1 << at % WORD_BITS);
    }
    cursor = at;
    return count;
}

/* What leads to the block of `page` in its chain. */
static uint32_t *link_to(uint64_t page)
{
    uint32_t *link = head_of(page);

    while (*link != BLOCK_NONE && block[*link].page != page)
        link = &block[*link].next;
    return link;
}

uint32_t blocks_find(uint64_t page, bool *good)
{
    const uint32_t found = *link_to(page);

    *good = found != BLOCK_NONE && block[found].good;
    return found;
}

void blocks_spoil(uint32_t i)
{
    block[i].good = false;
}

void blocks_free(uint64_t page)
{
    uint32_t *link = link_to(page);
    const uint32_t found = *link;

    if (found == BLOCK_NONE)
        return;
    *link = block[found].next;
    free_bits[found / WORD_BITS] |= (uint64_t)1 << found % WORD_BITS;
}
