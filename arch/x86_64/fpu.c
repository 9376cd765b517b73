/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector state: x87, SSE, AVX, AVX-512, saved and loaded as a whole by XSAVE/XRSTOR, or FXSAVE/FXRSTOR on a
 * CPU without them.  CR0.TS is the enabled bit: set, any use of it by user code is #NM.
 */
#include <arch/x86.h>
#include <hal/hal.h>

/* State components (SDM volume 1, 13.1) that are user registers and need no other set-up. */
#define XCR0_X87_SSE 0x3u
#define XCR0_AVX 0x4u
#define XCR0_AVX512 0xe0u /* all three or none; needs AVX */

#define FXSAVE_SIZE 512u
#define FXSAVE_CONTROL_WORD 0u /* offset of FCW */
#define FXSAVE_MXCSR 24u
#define X87_CONTROL_DEFAULT 0x37fu
#define MXCSR_DEFAULT 0x1f80u

uint32_t x86_fpu_components;
const uint32_t x86_fpu_zero;

uint32_t x86_fpu_detect(void)
{
    if (!x86_features.xsave)
        return FXSAVE_SIZE;
    uint32_t supported = x86_cpuid(0xd, 0).a;
    x86_fpu_components = XCR0_X87_SSE;
    if ((supported & XCR0_AVX) != 0) {
        x86_fpu_components |= XCR0_AVX;
        if ((supported & XCR0_AVX512) == XCR0_AVX512)
            x86_fpu_components |= XCR0_AVX512;
    }
    x86_fpu_cpu_init();
    /* The size for what XCR0 enables now. */
    return (x86_cpuid(0xd, 0).b + 63) / 64 * 64;
}

void x86_fpu_cpu_init(void)
{
    uint64_t cr4 = x86_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (x86_fpu_components != 0) {
        x86_write_cr4(cr4 | CR4_OSXSAVE);
        __asm__ volatile("xsetbv" : : "c"(0), "a"(x86_fpu_components), "d"(0));
    } else {
        x86_write_cr4(cr4);
    }
    x86_write_cr0(CR0_KERNEL | CR0_TS);
}

void hal_fpu_init(void *area)
{
    uint64_t *word = area;
    uint8_t *byte = area;
    uint16_t control = X87_CONTROL_DEFAULT;
    uint32_t mxcsr = MXCSR_DEFAULT;

    /* An XSAVE header of zeroes: every component is in its initial state, only MXCSR is read. */
    for (uint32_t i = 0; i < hal_info.fpu_size / sizeof *word; i++)
        word[i] = 0;
    __builtin_memcpy(byte + FXSAVE_CONTROL_WORD, &control, sizeof control);
    __builtin_memcpy(byte + FXSAVE_MXCSR, &mxcsr, sizeof mxcsr);
}

void hal_fpu_load(const void *area)
{
    HAL_REQUIRE((x86_read_cr0() & CR0_TS) != 0);
    /* Some CPUs do not load the x87 instruction and data pointers unless an exception is pending: give them
     * a value that tells nothing about the previous owner. */
    __asm__ volatile("clts; fnclex; emms; fildl %0; fstp %%st(0)" : : "m"(x86_fpu_zero) : "memory");
    if (x86_fpu_components != 0)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

void hal_fpu_save(void *area)
{
    HAL_REQUIRE((x86_read_cr0() & CR0_TS) == 0);
    if (area != NULL && x86_fpu_components != 0)
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(UINT32_MAX), "d"(UINT32_MAX) : "memory");
    else if (area != NULL)
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
    x86_write_cr0(CR0_KERNEL | CR0_TS);
}
