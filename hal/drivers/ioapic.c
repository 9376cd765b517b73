/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/drivers/ioapic.h>

/* Two registers in memory, 32 bits each: an index and the register it selects. */
#define WINDOW_SELECT 0
#define WINDOW_DATA 4

#define REG_VERSION 0x01u
#define REG_REDIRECTION 0x10u /* two per line */

#define ENTRY_ACTIVE_LOW 0x2000u
#define ENTRY_LEVEL 0x8000u
#define ENTRY_MASKED 0x10000u

static struct ioapic {
    volatile uint32_t *window;
    uint32_t first;
    uint32_t count;
} ioapics[IOAPIC_MAX];

static uint32_t ioapic_count;

static uint32_t reg_read(const struct ioapic *io, uint32_t reg)
{
    io->window[WINDOW_SELECT] = reg;
    return io->window[WINDOW_DATA];
}

static void reg_write(const struct ioapic *io, uint32_t reg, uint32_t value)
{
    io->window[WINDOW_SELECT] = reg;
    io->window[WINDOW_DATA] = value;
}

static const struct ioapic *ioapic_of(uint32_t line)
{
    for (uint32_t i = 0; i < ioapic_count; i++) {
        if (line - ioapics[i].first < ioapics[i].count)
            return &ioapics[i];
    }
    return NULL;
}

static uint32_t redirection(const struct ioapic *io, uint32_t line)
{
    return REG_REDIRECTION + 2 * (line - io->first);
}

uint32_t ioapic_add(volatile void *base, uint32_t first)
{
    if (ioapic_count == IOAPIC_MAX)
        return 0;
    struct ioapic *io = &ioapics[ioapic_count++];
    io->window = base;
    io->first = first;
    io->count = (reg_read(io, REG_VERSION) >> 16 & 0xff) + 1;
    for (uint32_t i = 0; i < io->count; i++)
        reg_write(io, redirection(io, first + i), ENTRY_MASKED);
    return io->count;
}

bool ioapic_has(uint32_t line)
{
    return ioapic_of(line) != NULL;
}

void ioapic_route(uint32_t line, const struct ioapic_route *route)
{
    const struct ioapic *io = ioapic_of(line);
    uint32_t reg = redirection(io, line);

    reg_write(io, reg, ENTRY_MASKED);
    reg_write(io, reg + 1, (uint32_t)route->apic_id << 24);
    reg_write(io, reg,
              ENTRY_MASKED | (route->level ? ENTRY_LEVEL : 0) | (route->active_low ? ENTRY_ACTIVE_LOW : 0) |
                  route->vector);
}

void ioapic_mask(uint32_t line, bool masked)
{
    const struct ioapic *io = ioapic_of(line);
    uint32_t reg = redirection(io, line);
    uint32_t entry = reg_read(io, reg) & ~ENTRY_MASKED;

    reg_write(io, reg, entry | (masked ? ENTRY_MASKED : 0));
}
