/* SPDX-License-Identifier: BSD-2-Clause */
/* Stack switch and user code of the HAL conformance suite. */
#include <dump.h>


    .text
    .globl machine_switch
machine_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

    .macro label name
    .globl \name
\name:
    .endm

    .section .rodata
    .balign 16
label machine_user_begin
label user_break
    int3
label user_trap
    syscall
    int3
label user_spin
    jmp user_spin
label user_trap_loop
    mov $10, %eax
    syscall
    jmp user_trap_loop
label user_load
    mov (%rdi), %rsi
    int3
label user_store
    mov %rsi, (%rdi)
    int3
label user_load8
    movzbl (%rdi), %esi
    int3
label user_store8
    mov %sil, (%rdi)
    int3
label user_illegal
    ud2
label user_privileged
    hlt
    int3
label user_arithmetic
    xor %ecx, %ecx
    div %ecx
    int3
label user_vector_touch
    movaps %xmm0, %xmm0
    int3

/* rdi: an FXSAVE image, and with rsi != 0 the upper halves of ymm0 - ymm15 behind it. */
label user_vector_fill
    fxrstor64 (%rdi)
    test %rsi, %rsi
    jz 1f
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vinsertf128 $1, 512 + 16 * \n(%rdi), %ymm\n, %ymm\n
    .endr
1:  int3
label user_vector_store
    fxsave64 (%rdi)
    test %rsi, %rsi
    jz 1f
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vextractf128 $1, %ymm\n, 512 + 16 * \n(%rdi)
    .endr
1:  int3

    .macro move_all
    move 0, %rax
    move 1, %rbx
    move 2, %rcx
    move 3, %rdx
    move 4, %rdi
    move 5, %rsi
    move 6, %rbp
    move 8, %r8
    move 9, %r9
    move 10, %r10
    move 11, %r11
    move 12, %r12
    move 13, %r13
    move 14, %r14
    move 15, %r15
    .endm
    .macro fill
    .macro move word, register
    mov 8 * \word(%rsp), \register
    .endm
    move_all
    .purgem move
    .endm
    .macro dump
    .macro move word, register
    mov \register, MACHINE_DUMP + 8 * \word(%rsp)
    .endm
    move_all
    .purgem move
    mov %fs:0, %rax /* a thread pointer points to itself */
    mov %rax, MACHINE_DUMP + 8 * 18(%rsp)
    int3
    .endm
label user_fill
    fill
    int3
label user_fill_spin
    fill
1:  jmp 1b
label user_fill_trap
    fill
    syscall
    dump
label user_dump
    dump
label machine_user_end

    .macro answer name, value
label \name
    mov $\value, %edi
    mov $2, %eax
    syscall
    .endm
    answer machine_answer1, 1
    answer machine_answer2, 2
    .balign 4
label machine_answer_size
    .long machine_answer2 - machine_answer1

    .section .note.GNU-stack, "", %progbits
