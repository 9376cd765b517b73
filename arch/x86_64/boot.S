/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions of every CPU.
 *
 * The boot CPU enters by the PVH protocol (Xen docs/misc/pvh.pandoc): 32-bit protected mode, flat segments,
 * paging off, ebx = physical address of the start info.  It maps the first 4 GiB three times (at 0, at the
 * direct map, and 1 GiB of it at the image), switches to long mode and calls x86_boot() at its high address.
 * Page tables have five levels if the CPU can do that: the number can't be changed while paging is on.
 *
 * Other CPUs enter in real mode at a copy of x86_trampoline below 1 MiB and go to long mode directly.
 */
#include <arch/layout.h>
#include <arch/offsets.h>

#define PHYS(symbol) ((symbol) - KERNEL_BASE)
#define PTE_TABLE 0x3
#define PTE_2M 0x83
#define CPUID_EXT_LONG_MODE (1 << 29)
#define CPUID_STRUCTURED 7
#define CPUID_LA57 (1 << 16)
#define UART_DATA 0x3f8

    .section .note.pvh, "a", @note
    .balign 4
    .long 4 /* name size */
    .long 8 /* descriptor size */
    .long 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad PHYS(x86_pvh_entry)

    .section .text.boot, "ax", @progbits
    .code32
    .globl x86_pvh_entry
x86_pvh_entry:
    cli
    cld
    mov %ebx, %edi

    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    test $CPUID_EXT_LONG_MODE, %edx
    jz no_long_mode

    /* 2048 entries of 2 MiB; bits 32 and up of all of them are zero. */
    mov $PHYS(boot_directory), %edx
    mov $PTE_2M, %eax
    mov $2048, %ecx
1:  mov %eax, (%edx)
    add $0x200000, %eax
    add $8, %edx
    dec %ecx
    jnz 1b

    mov $CR4_PAE, %esi
    mov $PHYS(boot_root), %ebp
    xor %eax, %eax
    cpuid
    cmp $CPUID_STRUCTURED, %eax
    jb 2f
    mov $CPUID_STRUCTURED, %eax
    xor %ecx, %ecx
    cpuid
    test $CPUID_LA57, %ecx
    jz 2f
    or $CR4_LA57, %esi
    mov $PHYS(boot_wide_root), %ebp
2:  mov %esi, %cr4
    mov %ebp, %cr3
    mov $MSR_EFER, %ecx
    xor %edx, %edx
    mov $EFER_LME, %eax
    wrmsr
    mov $CR0_KERNEL, %eax
    mov %eax, %cr0
    lgdt PHYS(boot_gdtr)
    ljmp $SEL_KERNEL_CODE, $PHYS(boot_long_mode)

no_long_mode:
    mov $PHYS(no_long_mode_text), %esi
    mov $UART_DATA, %edx
1:  lodsb
    out %al, %dx
    test %al, %al
    jnz 1b
2:  hlt
    jmp 2b
no_long_mode_text:
    .asciz "panic: boot: this CPU has no 64-bit mode\r\n"

    .code64
boot_long_mode:
    movabs $boot_high, %rax
    jmp *%rax
boot_high:
    xor %eax, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    mov $x86_boot_stack_top, %rsp
    xor %ebp, %ebp
    mov %edi, %edi
    call x86_boot

/*
 * Start-up code of the other CPUs, copied to a page below 1 MiB by x86_cpu_trampoline_init(), which also
 * fills in the words at its end. cs = page / 16.
 */
    .globl x86_trampoline, x86_trampoline_end
    .globl x86_trampoline_root, x86_trampoline_gdtr, x86_trampoline_gdt
    .globl x86_trampoline_far, x86_trampoline_long, x86_trampoline_cr4
#define AT(symbol) ((symbol) - x86_trampoline)
    .code16
    .balign 16
x86_trampoline:
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    mov AT(x86_trampoline_cr4), %eax
    mov %eax, %cr4
    mov AT(x86_trampoline_root), %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    xor %edx, %edx
    mov $(EFER_LME | EFER_NXE), %eax
    wrmsr
    lgdtl AT(x86_trampoline_gdtr)
    mov $CR0_KERNEL, %eax
    mov %eax, %cr0
    ljmpl *AT(x86_trampoline_far)

    .code64
x86_trampoline_long:
    movabs $ap_high, %rax
    jmp *%rax

    .balign 8
x86_trampoline_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* SEL_KERNEL_CODE: 64-bit, accessed */
x86_trampoline_gdtr:
    .short 15
    .long 0 /* address of the GDT */
x86_trampoline_far:
    .long 0 /* address of x86_trampoline_long */
    .short SEL_KERNEL_CODE
    .balign 4
x86_trampoline_root:
    .long 0
x86_trampoline_cr4:
    .long 0
x86_trampoline_end:

/* Find the slot with this CPU's APIC ID: it has the stack. */
ap_high:
    xor %eax, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    mov x86_apic_id_leaf(%rip), %eax
    xor %ecx, %ecx
    cpuid
    cmpl $1, x86_apic_id_leaf(%rip)
    jne 1f
    shr $24, %ebx
    mov %ebx, %edx
1:  mov $x86_cpu_slots, %rdi
    mov x86_cpu_slot_count(%rip), %ecx
2:  cmp %edx, SLOT_APIC_ID(%rdi)
    je 3f
    add $SLOT_SIZE, %rdi
    dec %ecx
    jnz 2b
    jmp 4f
3:  mov SLOT_STACK(%rdi), %rsp
    xor %ebp, %ebp
    call x86_cpu_ap_main
4:  cli
    hlt
    jmp 4b

    .section .data.boot, "aw", @progbits
    .balign 4096
boot_wide_root:
    .quad PHYS(boot_root) + PTE_TABLE
    .fill 510, 8, 0
    .quad PHYS(boot_root) + PTE_TABLE
boot_root:
    .quad PHYS(boot_low) + PTE_TABLE
    .fill 255, 8, 0
    .quad PHYS(boot_low) + PTE_TABLE /* HAL_DIRECT_BASE */
    .fill 254, 8, 0
    .quad PHYS(boot_image) + PTE_TABLE
boot_low:
    .quad PHYS(boot_directory) + PTE_TABLE
    .quad PHYS(boot_directory) + 4096 + PTE_TABLE
    .quad PHYS(boot_directory) + 8192 + PTE_TABLE
    .quad PHYS(boot_directory) + 12288 + PTE_TABLE
    .fill 508, 8, 0
boot_image:
    .fill 510, 8, 0
    .quad PHYS(boot_directory) + PTE_TABLE /* KERNEL_BASE */
    .quad 0
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* SEL_KERNEL_CODE: 64-bit, accessed */
boot_gdtr:
    .short 15
    .long PHYS(boot_gdt)

    .section .bss.boot, "aw", @nobits
    .balign 4096
boot_directory:
    .skip 4 * 4096
    .globl x86_boot_stack_top
    .skip ARCH_STACK_SIZE
x86_boot_stack_top:
