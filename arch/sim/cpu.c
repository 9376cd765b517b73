/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One CPU: a loop that runs user code until something happens, makes an upcall, and resumes what that returns.  The loop
 * and the kernel share a stack; hal_cpu_idle() jumps back to the loop, which leaves nothing of the kernel on it.  By longjmp(), of
 * which ThreadSanitizer knows; _longjmp(), of which it does not, would leave its own stack of calls growing until it ends.
 */
#include "machine.h"

#include <mach/exception_types.h>
#include <mach/kern_return.h>
#include <mach/rpc.h>

#define ECALL_SIZE 4u
#define CAUSE_ILLEGAL 2 /* as riscv64 tells it */
#define CAUSE_BREAKPOINT 3

struct sim_machine sim;
ARCH_CPU_LOCAL struct sim_cpu *sim_this;
ARCH_CPU_LOCAL struct cpu *arch_cpu_self;

/* ---- HAL ---- */

void hal_cpu_boot_set(struct cpu *self)
{
    sim_this->self = self;
    arch_cpu_self = self;
}

enum hal_status hal_cpu_start(uint32_t index, struct cpu *self)
{
    HAL_REQUIRE(index >= 1 && index < hal_info.cpu_count && sim_mode(&sim.cpu[index]) == SIM_CPU_OFF);

    sim_trace("start", index, 0);
    if ((sim.config.cpus_refused >> index & 1) != 0)
        return HAL_INVALID;
    if ((sim.config.cpus_silent >> index & 1) != 0)
        return HAL_OK;
    sim.cpu[index].self = self;
    sim.cpu[index].event.kind = EVENT_START;
    sim_layer_start(&sim.cpu[index]);
    return HAL_OK;
}

void hal_cpu_pause(void)
{
    sim_layer_pause();
}

void hal_cpu_idle(void)
{
    HAL_REQUIRE(sim_this->claimed == HAL_IRQ_NONE && !sim_this->regs.fp_on);

    longjmp(sim_this->empty, 1);
}

void hal_cpu_halt(void)
{
    sim_trace("halt", 0, 0);
    sim_this->halted = true;
    sim_layer_halt();
}

/* ---- user mode ---- */

static void *bus_translate(void *context, uint64_t va, enum rv64_access access)
{
    return sim_translate(context, va, access);
}

static uint64_t bus_time(void *context)
{
    (void)context;
    return sim_layer_now();
}

static struct event event_exception(int exception, int64_t code, int64_t subcode)
{
    return (struct event){.kind = EVENT_EXCEPTION, .exception = exception, .code = code, .subcode = subcode};
}

static struct event event_fault(hal_va_t va, unsigned access)
{
    return (struct event){.kind = EVENT_FAULT, .va = va, .access = access};
}

static struct event event_of_stop(struct sim_cpu *cpu, enum rv64_stop stop)
{
    switch (stop) {
    case RV64_ECALL:
        cpu->regs.pc += ECALL_SIZE;
        return (struct event){.kind = EVENT_TRAP};
    case RV64_FP_OFF:
        return (struct event){.kind = EVENT_FPU};
    case RV64_FETCH_FAULT:
        return event_fault(cpu->regs.tval, HAL_ACCESS_EXEC);
    case RV64_LOAD_FAULT:
        return event_fault(cpu->regs.tval, HAL_ACCESS_READ);
    case RV64_STORE_FAULT:
        return event_fault(cpu->regs.tval, HAL_ACCESS_WRITE);
    case RV64_BREAK:
        return event_exception(EXC_BREAKPOINT, CAUSE_BREAKPOINT, (int64_t)cpu->regs.pc);
    case RV64_LOAD_MISALIGNED:
    case RV64_STORE_MISALIGNED:
        return event_exception(EXC_BAD_ACCESS, KERN_INVALID_ADDRESS, (int64_t)cpu->regs.tval);
    default:
        return event_exception(EXC_BAD_INSTRUCTION, CAUSE_ILLEGAL, (int64_t)cpu->regs.tval);
    }
}

/* Interpret instructions until something happens. */
static struct event interpret(struct sim_cpu *cpu)
{
    const struct rv64_bus bus = {cpu, bus_translate, bus_time};
    uint64_t before = cpu->regs.retired;

    if (sim_one_in(sim.config.tlb_evict))
        sim_tlb_evict(cpu);
    enum rv64_stop stop = rv64_run(&cpu->regs, &bus, sim_layer_user_budget());
    sim_alarm_update();
    sim_layer_user_steps(cpu->regs.retired - before + 1);
    if (stop == RV64_BUDGET)
        return (struct event){.kind = EVENT_STEP};
    return event_of_stop(cpu, stop);
}

static struct event run_user(struct sim_cpu *cpu)
{
    sim_load_registers(&cpu->regs, cpu->uctx);
    for (;;) {
        if (sim_one_in(sim.config.spurious_irq))
            cpu->spurious = true;
        if (sim_irq_waiting(cpu))
            return (struct event){.kind = EVENT_INTERRUPT};
        struct event event = sim_is_program(cpu->regs.pc) ? sim_program_run(cpu) : interpret(cpu);
        if (event.kind != EVENT_STEP)
            return event;
    }
}

/* ---- entry and exit ---- */

static struct uctx *trap(struct sim_cpu *cpu, struct uctx *u)
{
    uint64_t number = cpu->regs.x[UCTX_A2];
    struct uctx *next = NULL;

    sim_save_callee(u, &cpu->regs);
    if (sim.config.fast_path && number == MACH_TRAP_RPC_CALL)
        next = sim_fast_call(cpu);
    else if (sim.config.fast_path && number == MACH_TRAP_RPC_REPLY_WAIT)
        next = sim_fast_reply_wait(cpu);
    if (next != NULL)
        return next;
    sim_save_arguments(u, &cpu->regs);
    if (sim.config.fast_path && number == MACH_TRAP_MSG)
        next = sim_fast_message();
    return next != NULL ? next : kern_syscall(cpu->uctx, number); /* whose trap it is now */
}

/* Make the upcall for what happened. Returns what to resume. */
static struct uctx *upcall(struct sim_cpu *cpu, const struct event *event)
{
    struct uctx *u = cpu->uctx;

    if (u != NULL && event->kind != EVENT_TRAP)
        sim_save_full(u, &cpu->regs);
    switch (event->kind) {
    case EVENT_BOOT:
        return kern_boot(&hal_info);
    case EVENT_START:
        return kern_cpu_main(cpu->self);
    case EVENT_TRAP:
        return trap(cpu, u);
    case EVENT_FAULT:
        return kern_page_fault(u, event->va, event->access);
    case EVENT_EXCEPTION:
        return kern_exception(u, event->exception, event->code, event->subcode);
    case EVENT_FPU:
        return kern_fpu_fault(u);
    default:
        return kern_interrupt(u);
    }
}

static void call_quiet(void *arg)
{
    (void)arg;
    sim.config.quiet(sim.config.user);
}

/* The kernel was left: to user mode, or to idle (no context). */
static void leave(struct sim_cpu *cpu)
{
    HAL_REQUIRE(cpu->claimed == HAL_IRQ_NONE);

    sim_mode_set(cpu, cpu->uctx != NULL ? SIM_CPU_USER : SIM_CPU_IDLE);
    sim_trace("leave", (uint64_t)(uintptr_t)cpu->uctx, cpu->uctx != NULL ? cpu->uctx->pc : 0);
    uint64_t exits = __atomic_add_fetch(&sim.result.exits, 1, __ATOMIC_RELAXED);
    sim_layer_progress();
    if (sim.config.quiet_every == 0 || exits % sim.config.quiet_every != 0 || !sim_layer_quiet())
        return;
    sim.result.quiet_calls++;
    sim_layer_call(call_quiet, NULL);
}

void sim_cpu_main(void *arg)
{
    struct sim_cpu *cpu = arg;

    for (;;) {
        sim_mode_set(cpu, SIM_CPU_KERNEL);
        sim_trace("enter", cpu->event.kind,
                  cpu->event.kind == EVENT_TRAP ? cpu->regs.x[UCTX_A2] : cpu->event.va);
        if (_setjmp(cpu->empty) == 0)
            cpu->uctx = upcall(cpu, &cpu->event);
        else
            cpu->uctx = NULL; /* from hal_cpu_idle() */
        if (sim_layer_ended())
            return;
        leave(cpu);
        if (cpu->uctx != NULL) {
            cpu->event = run_user(cpu);
        } else {
            sim_layer_idle();
            cpu->event = (struct event){.kind = EVENT_INTERRUPT};
        }
    }
}

/* ---- inspection ---- */

uint32_t sim_cpu_count(void)
{
    return sim.config.cpus;
}

uint32_t sim_cpu_index(void)
{
    return sim_this->index;
}

struct sim_cpu_view sim_cpu_view(uint32_t index)
{
    const struct sim_cpu *cpu = &sim.cpu[index];

    return (struct sim_cpu_view){
        .mode = cpu->halted ? SIM_CPU_OFF : cpu->mode,
        .cpu = cpu->mode != SIM_CPU_OFF ? cpu->self : NULL,
        .uctx = cpu->mode == SIM_CPU_USER ? cpu->uctx : NULL,
        .token = cpu->token,
        .fp_on = cpu->regs.fp_on,
        .deadline = cpu->deadline,
        .ipi_pending = cpu->ipi_time != NEVER,
    };
}
