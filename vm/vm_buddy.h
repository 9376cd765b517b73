/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arithmetic of binary buddies.  A block of 2^order pages begins at a page number that is a multiple of its
 * size.  Two blocks of one size are buddies if together they are a block of the next order.
 */
#ifndef VM_VM_BUDDY_H
#define VM_VM_BUDDY_H

#include <hal/types.h>
#include <vm/vm_page.h>

/*@ logic integer block(integer order) =
      order == 0 ? 1 : order == 1 ? 2 : order == 2 ? 4 : order == 3 ? 8 : order == 4 ? 16 : order == 5 ? 32 :
      order == 6 ? 64 : order == 7 ? 128 : order == 8 ? 256 : order == 9 ? 512 : order == 10 ? 1024 : 2048;
    predicate is_block(integer number, integer order) = number % block(order) == 0;
    axiomatic buddy_bits {
      axiom block_shift: \forall integer order; 0 <= order <= VM_PAGE_ORDER_MAX ==> (1 << order) == block(order);
      axiom buddy_xor: \forall integer n, order; 0 <= n < 0x10000000000000 && 0 <= order < VM_PAGE_ORDER_MAX &&
        is_block(n, order) ==>
          (n ^ block(order)) == (n % block(order + 1) == 0 ? n + block(order) : n - block(order)) &&
          is_block(n ^ block(order), order) && (is_block(n, order + 1) || is_block(n ^ block(order), order + 1));
      axiom block_divides: \forall integer n, i, j; 0 <= n <= UINT64_MAX && 0 <= i < j <= VM_PAGE_ORDER_MAX &&
        is_block(n, j) ==> is_block(n, i) && block(i) < block(j);
    }
*/

/* Pages in a block of this order. */
/*@ requires order <= VM_PAGE_ORDER_MAX;
    assigns \nothing;
    ensures size: \result == block(order);
*/
static inline uint64_t vm_block_pages(unsigned order)
{
    return (uint64_t)1 << order;
}

/* The page number of the buddy of the block at `number`. */
/*@ requires order < VM_PAGE_ORDER_MAX && is_block(number, order);
    requires number < 0x10000000000000;
    assigns \nothing;
    ensures block: is_block(\result, order);
    ensures other: \result != number;
    ensures together: is_block(\min(number, \result), order + 1);
    ensures adjacent: \max(number, \result) == \min(number, \result) + block(order);
*/
static inline uint64_t vm_buddy_number(uint64_t number, unsigned order)
{
    return number ^ vm_block_pages(order);
}

/* Are the pages of the block at `number` among the `count` pages from `first` on? */
/*@ requires order <= VM_PAGE_ORDER_MAX;
    requires first + count <= 0x10000000000000 && number <= 0x10000000000000;
    assigns \nothing;
    ensures inside: \result <==> first <= number && number + block(order) <= first + count;
*/
static inline bool vm_block_inside(uint64_t number, unsigned order, uint64_t first, uint64_t count)
{
    return number >= first && number - first + vm_block_pages(order) <= count;
}

/* The order of the largest block that begins at `number` and has at most `pages` (> 0) pages. */
/*@ requires 0 < pages <= 0x10000000000000;
    assigns \nothing;
    ensures order: \result <= VM_PAGE_ORDER_MAX;
    ensures block: is_block(number, \result);
    ensures fits: block(\result) <= pages;
    ensures largest: \forall integer o; \result < o <= VM_PAGE_ORDER_MAX ==> !is_block(number, o) || block(o) > pages;
*/
static inline unsigned vm_block_order(uint64_t number, uint64_t pages)
{
    unsigned order = 0;

    /*@ loop invariant order: 0 <= order <= VM_PAGE_ORDER_MAX;
        loop invariant block: is_block(number, order);
        loop invariant fits: block(order) <= pages;
        loop assigns order;
        loop variant VM_PAGE_ORDER_MAX - order;
    */
    while (order < VM_PAGE_ORDER_MAX && number % vm_block_pages(order + 1) == 0 &&
           vm_block_pages(order + 1) <= pages)
        order++;
    return order;
}

#endif
