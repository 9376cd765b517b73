/* SPDX-License-Identifier: BSD-2-Clause */
#include <arch/x86.h>
#include <test.h>

#define FLAGS_DF 0x400ul
#define FLAGS_AC 0x40000ul
#define FLAGS_TF 0x100ul
#define FLAGS_RF 0x10000ul

extern const char user_trap[];

const char *const machine_register[MACHINE_WORDS] = {"rax", "rbx", "rcx", "rdx", "rdi",    "rsi", "rbp",
                                                     "rsp", "r8",  "r9",  "r10", "r11",    "r12", "r13",
                                                     "r14", "r15", "rip", "rfl", "fs_base"};

const uint64_t machine_trap_numbers[MACHINE_TRAP_NUMBERS] = {0, 1, 2, 10, UINT32_MAX};

/* Every flag that user code may set but TF, which would trap; RF is cleared by the first instruction. */
void machine_pattern_fix(uint64_t *word, uint64_t seed)
{
    word[MACHINE_FLAGS] = ((seed % 2 != 0 ? UINT64_MAX : 0) & MACHINE_FLAGS_USER & ~(FLAGS_TF | FLAGS_RF)) |
                          MACHINE_FLAGS_ALWAYS;
}

void machine_trap(uint64_t *word, uint64_t number)
{
    word[MACHINE_PC] = test_code(user_trap);
    word[MACHINE_RAX] = number;
}

bool machine_entry_good(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    /* AC opens user pages to a kernel that SMAP keeps from them; else it means nothing there. */
    return (flags & (RFLAGS_IF | FLAGS_DF | (x86_features.smap ? FLAGS_AC : 0))) == 0;
}

void machine_panic_over(void)
{
}

const char *machine_lacks(const char *function, const char *clause)
{
    (void)function;
    (void)clause;
    return NULL;
}

bool machine_guards_data(void)
{
    return x86_features.smap;
}

bool machine_guards_code(void)
{
    return x86_features.smep;
}

/* ---- Vector state: an FXSAVE image (SDM volume 1, 10.5.1), then the upper halves of the ymm registers ---- */

#define FX_FCW 0u
#define FX_FTW 4u
#define FX_MXCSR 24u
#define FX_ST 32u
#define FX_ST_BYTES 10u
#define FX_XMM 160u
#define FX_YMM 512u
#define CPUID_OSXSAVE (1u << 27)
#define XCR0_AVX 4u

uint64_t machine_vector_mode(void)
{
    uint32_t low, high;

    if ((x86_cpuid(1, 0).c & CPUID_OSXSAVE) == 0)
        return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & XCR0_AVX) != 0;
}

static void store16(uint8_t *block, unsigned offset, uint16_t value)
{
    memcpy(block + offset, &value, sizeof value);
}

void machine_vector_initial(void *block)
{
    uint8_t *p = block;

    memset(p, 0, MACHINE_VECTOR_BYTES);
    store16(p, FX_FCW, 0x37f);
    store16(p, FX_MXCSR, 0x1f80);
}

void machine_vector_pattern(void *block, uint64_t seed)
{
    uint8_t *p = block;

    machine_vector_initial(p);
    store16(p, FX_FCW, 0x27f);
    store16(p, FX_MXCSR, 0x7fbf);
    p[FX_FTW] = 0xff;
    for (unsigned n = 0; n < 8; n++) {
        for (unsigned i = 0; i < FX_ST_BYTES; i++)
            p[FX_ST + 16 * n + i] = (uint8_t)(seed + 16 * n + i + 1);
    }
    for (unsigned i = FX_XMM; i < FX_XMM + 256; i++)
        p[i] = (uint8_t)(seed + i * 7);
    for (unsigned i = FX_YMM; i < MACHINE_VECTOR_BYTES && machine_vector_mode() != 0; i++)
        p[i] = (uint8_t)(seed + i * 11);
}

bool machine_vector_same(const void *a, const void *b)
{
    const uint8_t *p = a, *q = b;
    bool same = memcmp(p + FX_FCW, q + FX_FCW, 2) == 0 && p[FX_FTW] == q[FX_FTW] &&
                memcmp(p + FX_MXCSR, q + FX_MXCSR, 4) == 0;

    for (unsigned n = 0; n < 8; n++)
        same = same && memcmp(p + FX_ST + 16 * n, q + FX_ST + 16 * n, FX_ST_BYTES) == 0;
    return same && memcmp(p + FX_XMM, q + FX_XMM, 256) == 0 && memcmp(p + FX_YMM, q + FX_YMM, 256) == 0;
}

/* ---- COM1 ---- */

#define UART_IER 0x3f9u
#define UART_MCR 0x3fcu
#define IER_TRANSMITTER 2u
#define MCR_DTR_RTS_OUT2 0x0bu
#define MCR_LOOP 0x10u

void machine_line_set(bool raised)
{
    x86_outb(UART_MCR, MCR_DTR_RTS_OUT2);
    x86_outb(UART_IER, raised ? IER_TRANSMITTER : 0);
}

void machine_loopback(bool on)
{
    x86_outb(UART_MCR, MCR_DTR_RTS_OUT2 | (on ? MCR_LOOP : 0));
}
