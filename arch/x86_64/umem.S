/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies between kernel and user memory.  A page fault on a user address from x86_umem_begin to x86_umem_end
 * resumes at x86_umem_fault (trap.c), so these functions keep nothing on the stack.
 *
 * Short copies, the common case (messages), go by words, from the last to the first: a table says where to begin, so no pointer moves.  Long
 * ones go by string instructions, for which the CPU has the faster microcode.
 */
#include "smap.inc"

#define STATUS_OK 0
#define STATUS_FAULT 1 /* HAL_FAULT, asserted in trap.c */
#define LONG_COPY 256
#define WORDS_MAX 35 /* those of a small message with its trailer: asserted in fastpath.c */

    .text
    .balign 16
    .globl x86_umem_begin, x86_umem_end, x86_umem_fault
    .globl hal_copyin, hal_copyout, x86_copy_small

/*
 * enum hal_status hal_copyin(void *dst, hal_va_t src, size_t n)
 * enum hal_status hal_copyout(hal_va_t dst, const void *src, size_t n)
 * x86_copy_small: the same for a multiple of 4 bytes below 8 * (WORDS_MAX + 1). Changes rax and r8 only.
 */
x86_umem_begin:
hal_copyin:
hal_copyout:
    cmp $LONG_COPY, %rdx
    jae 4f
    test $3, %dl
    jnz 3f
x86_copy_small:
    SMAP_STAC
1:  mov $STATUS_OK, %eax
    test $4, %dl
    jnz 2f
    jmp *words_table(%rdx)
2:  mov -4(%rsi,%rdx), %r8d
    mov %r8d, -4(%rdi,%rdx)
    jmp *words_table - 4(%rdx)
3:  SMAP_STAC
    mov -1(%rsi,%rdx), %r8b
    mov %r8b, -1(%rdi,%rdx)
    dec %edx
    test $3, %dl
    jnz 3b
    jmp 1b
4:  SMAP_STAC
    mov %edx, %eax
    mov %rdx, %rcx
    shr $3, %rcx
    rep movsq
    mov %eax, %ecx
    and $7, %ecx
    rep movsb
    mov $STATUS_OK, %eax
    jmp words_end
words:
    .set offset, 8 * WORDS_MAX
    .rept WORDS_MAX
    .set offset, offset - 8
    {disp32} mov offset(%rsi), %r8
    {disp32} mov %r8, offset(%rdi)
    .endr
words_end:
    SMAP_CLAC
    ret
x86_umem_end:

x86_umem_fault:
    SMAP_CLAC
    mov $STATUS_FAULT, %eax
    ret

    .section .rodata
    .balign 8
words_table:
    .set count, 0
    .rept WORDS_MAX + 1
    .quad words_end - count * (words_end - words) / WORDS_MAX
    .set count, count + 1
    .endr
