/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Panic: tell all that is known, then stop.  Every step may find the kernel broken, so `depth` counts the
 * panics of this CPU: a second one prints only its reason and the last line, a third one only stops.  The
 * first CPU to panic reports; the others halt, in the handler of the IPI or here.
 */
#include <hal/hal.h>
#include <kern/cmdline.h>
#include <kern/console.h>
#include <kern/cpu.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/symbols.h>
#include <kern/task.h>
#include <kern/thread.h>

#define BACKTRACE_MAX 32u
#define REGISTERS_PER_LINE 4u
#define SETTLE_TURNS 1000u /* for the other CPUs to leave the console */

static uint32_t panic_cpu; /* index + 1 of the CPU that panics; 0: none */
static uint32_t depth;     /* of panics on that CPU */

/* is_return: `address` follows a call, which may be the last instruction of its function. */
static void print_address(uint64_t address, bool is_return)
{
    uint64_t offset;
    const char *name = kern_symbol_lookup(address - is_return, &offset);

    if (name != NULL)
        kprintf("  %016lx %s+0x%lx\n", address, name, offset + is_return);
    else
        kprintf("  %016lx\n", address);
}

static void print_backtrace(uint64_t fp, uint64_t pc)
{
    kprintf("backtrace:\n");
    if (pc != 0)
        print_address(pc, false);
    for (unsigned i = 0; i < BACKTRACE_MAX && hal_frame_next(&fp, &pc); i++)
        print_address(pc, true);
}

static void print_registers(const struct hal_trap_frame *frame)
{
    kprintf("trap: %s, code 0x%lx, address 0x%lx\n", frame->cause, frame->code, frame->address);
    kprintf("  pc %016lx sp %016lx fp %016lx\n", frame->pc, frame->sp, frame->fp);
    for (uint32_t i = 0; i < frame->reg_count && i < HAL_FRAME_REGS; i++)
        kprintf("  %-4s%016lx%s", frame->reg_name[i], frame->reg[i],
                i % REGISTERS_PER_LINE == REGISTERS_PER_LINE - 1 ? "\n" : "");
    if (frame->reg_count % REGISTERS_PER_LINE != 0)
        kprintf("\n");
}

static void print_thread(const struct thread *t)
{
    hal_va_t pc, sp;

    if (t == NULL) {
        kprintf("thread: none\n");
        return;
    }
    kprintf("thread: %p %s, task %s\n", (const void *)t, t->name != NULL ? t->name : "",
            t->task != NULL ? t->task->name : "none");
    if (!t->kernel) {
        hal_uctx_where(&t->uctx, &pc, &sp);
        kprintf("  user pc %016lx sp %016lx\n", pc, sp);
    }
}

static HAL_NORETURN void panic_end(void)
{
    static const char last[] = "--- end of panic ---\n";

    console_write(last, sizeof(last) - 1);
    if (cmdline_has("panic=halt"))
        hal_cpu_halt();
    hal_system_reset(HAL_RESET_POWEROFF);
}

/* Become the CPU that panics, or halt because another one is. */
static void panic_begin(void)
{
    struct cpu *cpu = hal_cpu_self();
    uint32_t none = 0;

    if (!__atomic_compare_exchange_n(&panic_cpu, &none, cpu->index + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST) &&
        none != cpu->index + 1)
        hal_cpu_halt();
    if (depth >= 3)
        hal_cpu_halt(); /* even the way out fails */
    if (depth++ >= 2)
        panic_end();
    if (depth == 1) {
        smp_halt_others();
        for (unsigned i = 0; i < SETTLE_TURNS; i++)
            hal_cpu_pause();
    }
    console_break();
}

static HAL_NORETURN void panic_report(const struct hal_trap_frame *frame, uint64_t fp)
{
    if (depth == 1) {
        struct cpu *cpu = hal_cpu_self();
        kprintf("cpu: %u of %u\n", cpu->index, hal_info.cpu_count);
        print_thread(cpu->current);
        if (frame != NULL)
            print_registers(frame);
        print_backtrace(fp, frame != NULL ? frame->pc : 0);
    }
    panic_end();
}

void panic(const char *format, ...)
{
    va_list args;

    panic_begin();
    kprintf("\npanic: ");
    va_start(args, format);
    kvprintf(format, args);
    va_end(args);
    kprintf("\n");
    panic_report(NULL, (uint64_t)(uintptr_t)__builtin_frame_address(0));
}

void kern_trap_panic(const struct hal_trap_frame *frame)
{
    panic_begin();
    kprintf("\npanic: %s in the kernel\n", frame->cause);
    panic_report(frame, frame->fp);
}

#ifdef KERN_CHECKED
void kern_contract_panic(const char *function, const char *clause)
{
    panic("precondition of %s() does not hold: %s", function, clause);
}
#endif
