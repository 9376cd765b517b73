/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/drivers/sbi.h>

enum {
    LEGACY_SET_TIMER = 0,
    LEGACY_PUTCHAR = 1,
    LEGACY_GETCHAR = 2,
    LEGACY_SEND_IPI = 4,
    LEGACY_SHUTDOWN = 8,
};

#define EXT_BASE 0x10
#define EXT_TIME 0x54494d45
#define EXT_IPI 0x735049
#define EXT_HSM 0x48534d
#define EXT_SRST 0x53525354

#define BASE_PROBE 3
#define SRST_SHUTDOWN 0
#define SRST_COLD_REBOOT 1

struct sbi_result {
    int64_t error;
    uint64_t value;
};

static struct {
    bool time, ipi, hsm, srst;
} has;

static struct sbi_result sbi_call(uint64_t extension, uint64_t function, uint64_t arg0, uint64_t arg1,
                                  uint64_t arg2)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(int64_t)a0, a1};
}

static bool sbi_probe(uint64_t extension)
{
    struct sbi_result r = sbi_call(EXT_BASE, BASE_PROBE, extension, 0, 0);

    return r.error == 0 && r.value != 0;
}

void sbi_init(void)
{
    has.time = sbi_probe(EXT_TIME);
    has.ipi = sbi_probe(EXT_IPI);
    has.hsm = sbi_probe(EXT_HSM);
    has.srst = sbi_probe(EXT_SRST);
}

bool sbi_has_hart_start(void)
{
    return has.hsm;
}

enum hal_status sbi_hart_start(uint64_t hart, hal_pa_t entry, uint64_t opaque)
{
    return sbi_call(EXT_HSM, 0, hart, entry.addr, opaque).error == 0 ? HAL_OK : HAL_INVALID;
}

void sbi_ipi_send(uint64_t hart)
{
    if (has.ipi) {
        sbi_call(EXT_IPI, 0, 1, hart, 0);
    } else if (hart < 64) {
        /* SBI 0.1 reads its mask through our address space; the stack is mapped in all of them. */
        uint64_t mask = 1ull << hart;
        sbi_call(LEGACY_SEND_IPI, 0, (uint64_t)(uintptr_t)&mask, 0, 0);
    }
}

void sbi_timer_set(uint64_t deadline)
{
    sbi_call(has.time ? EXT_TIME : LEGACY_SET_TIMER, 0, deadline, 0, 0);
}

void sbi_console_putc(char c)
{
    sbi_call(LEGACY_PUTCHAR, 0, (uint8_t)c, 0, 0);
}

int sbi_console_getc(void)
{
    int64_t c = sbi_call(LEGACY_GETCHAR, 0, 0, 0, 0).error;

    return c >= 0 && c <= 255 ? (int)c : -1;
}

void sbi_system_reset(enum hal_reset how)
{
    if (has.srst)
        sbi_call(EXT_SRST, 0, how == HAL_RESET_REBOOT ? SRST_COLD_REBOOT : SRST_SHUTDOWN, 0, 0);
    if (how == HAL_RESET_POWEROFF)
        sbi_call(LEGACY_SHUTDOWN, 0, 0, 0, 0);
}
