/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies between kernel and user memory.  A page fault on a user address from x86_umem_begin to x86_umem_end
 * resumes at x86_umem_fault (trap.c), so these functions keep nothing on the stack.
 *
 * Short copies, the common case (messages), go by words: a jump leads to as many pairs of moves as there are words.  Long ones go by
 * string instructions, for which the CPU has the faster microcode.
 */
#include "smap.inc"

#define STATUS_OK 0
#define STATUS_FAULT 1 /* HAL_FAULT, asserted in trap.c */
#define LONG_COPY 256
#define WORDS_MAX (LONG_COPY / 8 - 1)
#define BIAS 128 /* so that every offset fits a byte; a pair of moves is 8 bytes then, as many as it moves */

    .text
    .balign 16
    .globl x86_umem_begin, x86_umem_end, x86_umem_fault
    .globl hal_copyin, hal_copyout

/*
 * enum hal_status hal_copyin(void *dst, hal_va_t src, size_t n)
 * enum hal_status hal_copyout(hal_va_t dst, const void *src, size_t n)
 */
x86_umem_begin:
hal_copyin:
hal_copyout:
    SMAP_STAC
    mov %rdx, %rcx
    cmp $LONG_COPY, %rdx
    jae 6f
    and $~7, %ecx
    lea 2f(%rip), %rax
    sub %rcx, %rax
    lea BIAS - 8 * WORDS_MAX(%rsi,%rcx), %rsi
    lea BIAS - 8 * WORDS_MAX(%rdi,%rcx), %rdi
    jmp *%rax
    .set offset, -BIAS
1:  .rept WORDS_MAX
    {disp8} mov offset(%rsi), %rax
    {disp8} mov %rax, offset(%rdi)
    .set offset, offset + 8
    .endr
2:  .if 2b - 1b != 8 * WORDS_MAX
    .error "a pair of moves is not 8 bytes"
    .endif
    and $7, %edx
    jz 7f
    add $offset, %rsi
    add $offset, %rdi
    mov %edx, %ecx
    cmp $4, %edx
    jne 5f
    movsl
    jmp 7f
6:  shr $3, %rcx
    rep movsq
    mov %edx, %ecx
    and $7, %ecx
5:  rep movsb
7:  SMAP_CLAC
    xor %eax, %eax
    ret
x86_umem_end:

x86_umem_fault:
    SMAP_CLAC
    mov $STATUS_FAULT, %eax
    ret
