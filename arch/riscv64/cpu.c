/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs: starting, waiting, stopping; power. */
#include "machine.h"

#include <hal/drivers/plic.h>
#include <hal/drivers/sbi.h>

#define COUNTERS_CYCLE_TIME_INSTRET 7

/* One turn of hal_cpu_pause() in this many gives the hart away. */
#define PAUSE_TURNS 16u

struct hal_cpu arch_boot_cpu;

struct arch_start arch_start_record[ARCH_START_RECORDS]; /* by index; start.S */
_Static_assert(sizeof(struct arch_start) == ARCH_START_SIZE && offsetof(struct arch_start, hart) == 24 &&
                   ARCH_START_RECORDS == HAL_CPU_MAX,
               "start.S");

void arch_cpu_init(void)
{
    ARCH_CSR_CLEAR(sstatus, SSTATUS_SIE | SSTATUS_SPP | SSTATUS_SUM | SSTATUS_MXR | SSTATUS_FS | SSTATUS_VS);
    ARCH_CSR_SET(sstatus, SSTATUS_SPIE);
    ARCH_CSR_WRITE(sie, SIE_SOFTWARE | SIE_EXTERNAL);
    ARCH_CSR_WRITE(scounteren, COUNTERS_CYCLE_TIME_INSTRET);
    __asm__ volatile("fence.i" ::: "memory");
}

void hal_cpu_boot_set(struct cpu *self)
{
    struct hal_cpu *cpu = (struct hal_cpu *)(void *)self;

    *cpu = *arch_cpu_self();
    arch_machine.cpu[0] = cpu;
    __asm__ volatile("mv tp, %0" ::"r"(cpu) : "memory");
}

enum hal_status hal_cpu_start(uint32_t index, struct cpu *self)
{
    HAL_REQUIRE(index >= 1 && index < hal_info.cpu_count && arch_machine.cpu[index] == NULL);

    struct hal_cpu *cpu = (struct hal_cpu *)(void *)self;
    struct arch_start *record = &arch_start_record[index];
    *cpu = (struct hal_cpu){
        .stack_top = arch_stack_top(index),
        .hart = arch_machine.hart[index],
        .deadline = HAL_TIMER_OFF,
        .index = index,
    };
    arch_machine.cpu[index] = cpu;
    *record = (struct arch_start){hal_pt_token(arch_machine.root, 0), cpu->stack_top, cpu, cpu->hart};
    __asm__ volatile("fence rw, rw" ::: "memory");
    enum hal_status status =
        sbi_hart_start(cpu->hart, arch_image_pa(arch_start_secondary), arch_image_pa(record).addr);
    if (status != HAL_OK)
        arch_machine.cpu[index] = NULL;
    return status;
}

struct uctx *arch_secondary_main(void)
{
    arch_cpu_init();
    if (arch_machine.plic)
        plic_cpu_init(arch_cpu_self()->index);
    return kern_cpu_main(hal_cpu_self());
}

/*
 * Zihintpause costs nothing but does not give an emulated hart away; wfi does, and wakes by a timer that we set
 * for 10 us or by anything that was armed anyway.  Interrupts are masked: it takes none.
 */
void hal_cpu_pause(void)
{
    struct hal_cpu *cpu = arch_cpu_self();

    if (++cpu->pauses % PAUSE_TURNS != 0) {
        __asm__ volatile(".word 0x0100000f" ::: "memory"); /* pause */
        return;
    }
    hal_ticks_t armed = cpu->deadline;
    hal_ticks_t until = hal_time_now() + hal_info.time_hz / 100000;
    if (until < armed)
        hal_timer_arm(until);
    __asm__ volatile("wfi" ::: "memory");
    if (until < armed)
        hal_timer_arm(armed);
}

void hal_cpu_halt(void)
{
    ARCH_CSR_WRITE(sie, 0);
    for (;;)
        __asm__ volatile("wfi");
}

void hal_system_reset(enum hal_reset how)
{
    if (hal_board.reset != NULL)
        hal_board.reset(how);
    sbi_system_reset(how);
    hal_cpu_halt();
}
