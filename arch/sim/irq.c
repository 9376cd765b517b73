/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts, inter-processor interrupts, the timers.  An interrupt that was sent arrives after a random delay.  Devices are
 * lines that a test raises and lowers, and an alarm: a page of registers that keep what is written to them, one of which says whether
 * its line is raised.  So the programs of riscv64 that use its clock find as much of it as they need.
 */
#include "machine.h"

#define NS_PER_SECOND 1000000000u

/* What devices would write, and where; a test raises the line instead. */
#define IRQ_MESSAGE_ADDRESS 0x1000u
#define IRQ_MESSAGE_DATA 0x40u

void sim_irq_reset(void)
{
    hal_info.time_hz = NS_PER_SECOND;
    hal_info.irq_count = IRQ_LINES;
    hal_info.irq_message_first = IRQ_LINES - sim.config.irq_messages;
    hal_info.irq_message_address = HAL_PA(IRQ_MESSAGE_ADDRESS);
    hal_info.irq_message_data = IRQ_MESSAGE_DATA;
    for (uint32_t i = 0; i < IRQ_LINES; i++)
        sim.line[i] = (struct irq_line){.mode = HAL_IRQ_LEVEL};
}

/* ---- devices ---- */

/* The lines belong to a controller that all CPUs use at once, and nothing but what it does orders what they do. */
#define LINE_GET(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define LINE_SET(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELAXED)

static bool line_waits(const struct irq_line *line, uint32_t cpu)
{
    return LINE_GET(line->enabled) && !LINE_GET(line->active) && LINE_GET(line->cpu) == cpu &&
           (LINE_GET(line->latched) || (LINE_GET(line->mode) == HAL_IRQ_LEVEL && LINE_GET(line->level)));
}

/* The first line that waits for `cpu`, or NULL. */
static struct irq_line *line_waiting(uint32_t cpu)
{
    for (uint32_t i = 0; i < IRQ_LINES; i++)
        if (line_waits(&sim.line[i], cpu))
            return &sim.line[i];
    return NULL;
}

void sim_irq_set(uint32_t index, bool level)
{
    struct irq_line *line = &sim.line[index];

    if (LINE_GET(line->mode) == HAL_IRQ_EDGE && level && !line->level)
        LINE_SET(line->latched, true);
    LINE_SET(line->level, level);
    sim_trace("line", index, level);
    sim_layer_wake(&sim.cpu[LINE_GET(line->cpu)]);
}

#define ALARM_LINE 11u
#define ALARM_ENABLE 4u /* index of the register */

uint64_t sim_device_address(void)
{
    return ALARM_ADDRESS;
}

void sim_alarm_update(void)
{
    const uint32_t *registers = hal_pa_to_ptr(HAL_PA(ALARM_ADDRESS));
    bool level = __atomic_load_n(&registers[ALARM_ENABLE], __ATOMIC_RELAXED) != 0;

    if (level != LINE_GET(sim.line[ALARM_LINE].level))
        sim_irq_set(ALARM_LINE, level);
}

void hal_irq_enable(hal_irq_t irq, bool enable)
{
    HAL_REQUIRE(irq < HAL_IRQ_MAX);

    if (irq >= IRQ_LINES)
        return;
    LINE_SET(sim.line[irq].enabled, enable);
    if (enable)
        sim_layer_wake(&sim.cpu[LINE_GET(sim.line[irq].cpu)]);
}

enum hal_status hal_irq_route(hal_irq_t irq, enum hal_irq_mode mode, uint32_t cpu)
{
    HAL_REQUIRE(irq < HAL_IRQ_MAX && cpu < HAL_CPU_MAX);

    if (irq >= IRQ_LINES || cpu >= hal_info.cpu_count)
        return HAL_INVALID;
    if (irq >= hal_info.irq_message_first && (mode != HAL_IRQ_EDGE || cpu != 0))
        return HAL_UNSUPPORTED;
    LINE_SET(sim.line[irq].mode, mode);
    LINE_SET(sim.line[irq].cpu, cpu);
    return HAL_OK;
}

/* ---- what waits ---- */

static uint64_t ipi_time(const struct sim_cpu *cpu)
{
    return __atomic_load_n(&cpu->ipi_time, __ATOMIC_ACQUIRE);
}

bool sim_irq_waiting(const struct sim_cpu *cpu)
{
    uint64_t now = sim_layer_now();

    return ipi_time(cpu) <= now || cpu->deadline <= now || cpu->spurious || line_waiting(cpu->index) != NULL;
}

uint64_t sim_irq_next(const struct sim_cpu *cpu)
{
    uint64_t ipi = ipi_time(cpu);

    return ipi < cpu->deadline ? ipi : cpu->deadline;
}

bool hal_irq_pending(void)
{
    return sim_irq_waiting(sim_this);
}

hal_irq_t hal_irq_claim(void)
{
    struct sim_cpu *cpu = sim_this;
    uint64_t now = sim_layer_now();
    struct irq_line *line = line_waiting(cpu->index);
    hal_irq_t irq = HAL_IRQ_NONE;

    HAL_REQUIRE(cpu->claimed == HAL_IRQ_NONE);

    cpu->spurious = false;
    if (ipi_time(cpu) <= now) {
        /* Cleared before the sender's writes are read: a later send raises it again. */
        __atomic_exchange_n(&cpu->ipi_time, NEVER, __ATOMIC_ACQ_REL);
        irq = HAL_IRQ_IPI;
    } else if (line != NULL) {
        LINE_SET(line->active, true);
        LINE_SET(line->latched, false);
        irq = (hal_irq_t)(line - sim.line);
    } else if (cpu->deadline <= now) {
        cpu->deadline = NEVER;
        irq = HAL_IRQ_TIMER;
    }
    cpu->claimed = irq;
    sim_trace("claim", irq, 0);
    return irq;
}

void hal_irq_complete(hal_irq_t irq)
{
    HAL_REQUIRE(irq != HAL_IRQ_NONE && irq == sim_this->claimed);

    sim_this->claimed = HAL_IRQ_NONE;
    if (irq < IRQ_LINES)
        LINE_SET(sim.line[irq].active, false);
}

void hal_ipi_send(uint32_t index)
{
    struct sim_cpu *cpu = &sim.cpu[index];
    uint64_t none = NEVER;
    uint64_t at = sim_layer_now() + sim_below(sim.config.irq_delay_max + 1ull) * sim.config.step_ns;

    HAL_REQUIRE(index < hal_info.cpu_count && sim_mode(cpu) != SIM_CPU_OFF);

    sim_trace("ipi", index, at);
    __atomic_compare_exchange_n(&cpu->ipi_time, &none, at, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    sim_layer_wake(cpu);
    sim_layer_kernel_step();
}

/* ---- time ---- */

hal_ticks_t hal_time_now(void)
{
    sim_layer_kernel_step();
    return sim_layer_now();
}

void hal_timer_arm(hal_ticks_t deadline)
{
    sim_trace("timer", deadline, 0);
    sim_this->deadline = deadline;
}
