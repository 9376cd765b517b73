/* SPDX-License-Identifier: BSD-2-Clause */
/* x86_64 instructions for tests. */
    .text

.macro function name
    .globl  \name
    .type   \name, @function
\name:
.endm

function machine_bad_instruction
    ud2
function machine_breakpoint
    int3
    ret
function machine_divide_by_zero
    xorl    %ecx, %ecx
    movl    $1, %eax
    cltd
    idivl   %ecx
    ret

/* machine_trap(rdi = number, rsi = arguments) */
function machine_trap
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    movq    %rdi, %rax
    movq    %rsi, %r11
    movq    0(%r11), %rdi
    movq    8(%r11), %rsi
    movq    16(%r11), %rdx
    movq    24(%r11), %r8
    movq    32(%r11), %r9
    movq    40(%r11), %r10
    movq    48(%r11), %rbx
    movq    56(%r11), %r12
    movq    56(%r11), %r13
    syscall
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    ret

/* machine_vector_hold(rdi = pattern, rsi = rounds): register i holds pattern + i in both halves */
function machine_vector_hold
    movq    %rdi, %rcx
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movq    %rcx, %xmm\i
    punpcklqdq %xmm\i, %xmm\i
    incq    %rcx
    .endr
1:  decq    %rsi
    jnz     1b
    xorl    %eax, %eax
    movq    %rdi, %rcx
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movq    %xmm\i, %rdx
    psrldq  $8, %xmm\i
    movq    %xmm\i, %r8
    cmpq    %rcx, %rdx
    jne     2f
    cmpq    %rcx, %r8
    jne     2f
    incq    %rax
2:  incq    %rcx
    .endr
    ret

function machine_vector_traces
    xorl    %eax, %eax
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movq    %xmm\i, %rdx
    orq     %rdx, %rax
    psrldq  $8, %xmm\i
    movq    %xmm\i, %rdx
    orq     %rdx, %rax
    .endr
    ret

.macro privileged name, instruction:vararg
    .type   \name, @function
\name:
    \instruction
    ret
.endm
    privileged p_hlt, hlt
    privileged p_cli, cli
    privileged p_cr0, movq %cr0, %rax
    privileged p_cr3, movq %rax, %cr3
    privileged p_invlpg, invlpg (%rsp)
    privileged p_wrmsr, wrmsr
    privileged p_rdmsr, rdmsr
    privileged p_lgdt, lgdt (%rsp)
    privileged p_lidt, lidt (%rsp)
    privileged p_ltr, ltr %ax
    privileged p_clts, clts
    privileged p_in, inb $0x20, %al
    privileged p_out, outb %al, $0x20
    privileged p_swapgs, swapgs
    privileged p_sysret, sysretq
    privileged p_wbinvd, wbinvd

    .section .rodata
    .balign 8
    .globl  machine_privileged
machine_privileged:
    .quad   p_hlt, p_cli, p_cr0, p_cr3, p_invlpg, p_wrmsr, p_rdmsr, p_lgdt, p_lidt, p_ltr, p_clts, p_in, p_out
    .quad   p_swapgs, p_sysret, p_wbinvd, 0
    .globl  machine_vectors
machine_vectors:
    .quad   16
    .globl  machine_kernel_address
machine_kernel_address:
    .quad   0xffffffff80100000
    .globl  machine_divide_faults
machine_divide_faults:
    .byte   1
    .section .note.GNU-stack, "", @progbits
