/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and instructions of the CPU, and what the files of this folder share. */
#ifndef ARCH_X86_H
#define ARCH_X86_H

#include <arch/offsets.h>
#include <hal/types.h>

struct cpu;
struct hal_cpu;
struct uctx;

#define MSR_APIC_BASE 0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_SFMASK 0xc0000084u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define CR0_TS 0x8ul
#define CR4_MCE 0x40ul
#define CR4_PGE 0x80ul
#define CR4_OSFXSR 0x200ul
#define CR4_OSXMMEXCPT 0x400ul
#define CR4_UMIP 0x800ul
#define CR4_PCIDE 0x20000ul
#define CR4_OSXSAVE 0x40000ul
#define CR4_SMEP 0x100000ul
#define CR4_SMAP 0x200000ul

/* What user code may change: CF PF AF ZF SF TF DF OF RF AC ID.  Not IOPL, NT, VM, VIF, VIP. */
#define RFLAGS_USER_MASK 0x250dd5ul
/* What SYSCALL clears on the way in: TF IF DF IOPL NT AC. */
#define RFLAGS_SYSCALL_CLEAR 0x47700ul

/* Exceptions (SDM volume 3, table 6-1) */
enum {
    X86_DE = 0,
    X86_DB = 1,
    X86_NMI = 2,
    X86_BP = 3,
    X86_UD = 6,
    X86_NM = 7,
    X86_DF = 8,
    X86_SS = 12,
    X86_GP = 13,
    X86_PF = 14,
    X86_MF = 16,
    X86_AC = 17,
    X86_MC = 18,
    X86_XM = 19,
};

/* Interrupts.  The upper digit is the priority. */
#define VECTOR_LINE_FIRST 0x30u
#define VECTOR_LINE_COUNT 0xb0u
#define VECTOR_TIMER 0xf0u
#define VECTOR_IPI 0xf1u
#define VECTOR_SPURIOUS 0xffu

/* What the boot CPU can do; every other CPU is taken to be the same. Constant after boot. */
struct x86_features {
    bool pcid, invpcid;
    bool smep, smap, umip;
    bool xsave, x2apic, tsc_deadline, gib_pages;
    bool la57; /* page tables have five levels: boot.S decides */
};

extern struct x86_features x86_features;

extern hal_pa_t x86_kernel_root; /* of the kernel's own page tables */

/* A CPU that firmware reports. boot.S finds the slot of a starting CPU by its APIC ID. */
struct x86_cpu_slot {
    uint32_t apic_id;
    uint32_t alive; /* set by the CPU itself once it runs C code */
    uint64_t stack_top;
    struct cpu *self;
    uint64_t unused;
};

_Static_assert(offsetof(struct x86_cpu_slot, apic_id) == SLOT_APIC_ID, "offsets.h");
_Static_assert(offsetof(struct x86_cpu_slot, stack_top) == SLOT_STACK, "offsets.h");
_Static_assert(sizeof(struct x86_cpu_slot) == SLOT_SIZE, "offsets.h");

extern struct x86_cpu_slot x86_cpu_slots[HAL_CPU_MAX];

/* Registers of the kernel at a trap, as entry.S pushes them. */
struct x86_trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* The HAL's part of this CPU. */
static inline struct hal_cpu *x86_cpu(void)
{
    struct hal_cpu *cpu;

    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(cpu) : "i"(CPU_SELF));
    return cpu;
}

struct x86_cpuid {
    uint32_t a, b, c, d;
};

static inline struct x86_cpuid x86_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct x86_cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t x86_rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void x86_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* Not before earlier loads are done, so that two readings in program order never go back. */
static inline uint64_t x86_rdtsc(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

#define X86_CONTROL_REGISTER(n)                                                                              \
    static inline uint64_t x86_read_cr##n(void)                                                              \
    {                                                                                                        \
        uint64_t value;                                                                                      \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory");                                   \
        return value;                                                                                        \
    }                                                                                                        \
    static inline void x86_write_cr##n(uint64_t value)                                                       \
    {                                                                                                        \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory");                                       \
    }

X86_CONTROL_REGISTER(0)
X86_CONTROL_REGISTER(2)
X86_CONTROL_REGISTER(3)
X86_CONTROL_REGISTER(4)

static inline void x86_outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void x86_outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void x86_outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t x86_inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t x86_inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

/* entry.S */
extern const char x86_syscall_entry[], x86_vector_table[], x86_umem_begin[], x86_umem_end[], x86_umem_fault[];
HAL_NORETURN void x86_resume(struct uctx *u);
/*
 * Let the CPU deliver one interrupt, if one is pending: its vector is then in hal_cpu.vector. Context:
 * masked.
 */
void x86_irq_window(void);

/* trap.c: called by entry.S */
struct uctx *x86_user_trap(struct uctx *u, uint64_t vector, uint64_t error);
struct uctx *x86_user_interrupt(struct uctx *u, uint64_t vector);
void x86_kernel_trap(struct x86_trap_frame *frame);

/* boot.c */
HAL_NORETURN void x86_boot(uint64_t start_info);

/* cpu.c */
extern uint32_t x86_cpu_slot_count;
void x86_features_detect(void);
void x86_idt_init(void);
/* Fill the descriptor tables of a CPU, with the ends of its three stacks. */
void x86_cpu_tables_init(uint32_t index, uint64_t panic_top, uint64_t fault_top, uint64_t stack_top);
/* Allocate and map the stacks of CPU `index`; fill its tables. Boot phase. */
void x86_cpu_stacks_map(uint32_t index);
/* Make this CPU use its tables, with `cpu` as its HAL part. */
void x86_cpu_init(struct hal_cpu *cpu, uint32_t index);
/* Make this CPU use the final page tables. */
void x86_cpu_paging_init(void);
/* Prepare hal_cpu_start(): put the start-up code into the page at `page` (below 1 MiB). Boot phase. */
void x86_cpu_trampoline_init(hal_pa_t page);
HAL_NORETURN void x86_cpu_ap_main(struct x86_cpu_slot *slot);

/* fpu.c */
extern uint32_t x86_fpu_components; /* XCR0; 0 without XSAVE */
extern const uint32_t x86_fpu_zero;
uint32_t x86_fpu_detect(void);
void x86_fpu_cpu_init(void);

#endif
