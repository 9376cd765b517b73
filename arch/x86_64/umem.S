/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies between kernel and user memory.  A page fault on a user address from x86_umem_begin to x86_umem_end
 * resumes at x86_umem_fault (trap.c), so these functions keep nothing on the stack.
 *
 * Short copies, the common case (messages), go by words; long ones by string instructions, for which the CPU
 * has the faster microcode.
 */
#include "smap.inc"

#define STATUS_OK 0
#define STATUS_FAULT 1 /* HAL_FAULT, asserted in trap.c */
#define LONG_COPY 256

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
    and $~15, %rcx
    jz 2f
    add %rcx, %rsi
    add %rcx, %rdi
    neg %rcx
1:  mov (%rsi,%rcx), %rax
    mov 8(%rsi,%rcx), %r8
    mov %rax, (%rdi,%rcx)
    mov %r8, 8(%rdi,%rcx)
    add $16, %rcx
    jnz 1b
2:  test $8, %dl
    jz 3f
    mov (%rsi), %rax
    mov %rax, (%rdi)
    add $8, %rsi
    add $8, %rdi
3:  test $4, %dl
    jz 4f
    mov (%rsi,%rcx), %eax
    mov %eax, (%rdi,%rcx)
    add $4, %rcx
4:  and $3, %edx
    jz 7f
5:  mov (%rsi,%rcx), %al
    mov %al, (%rdi,%rcx)
    inc %rcx
    dec %edx
    jnz 5b
    jmp 7f
6:  shr $3, %rcx
    rep movsq
    mov %edx, %ecx
    and $7, %ecx
    rep movsb
7:  SMAP_CLAC
    xor %eax, %eax
    ret
x86_umem_end:

x86_umem_fault:
    SMAP_CLAC
    mov $STATUS_FAULT, %eax
    ret
