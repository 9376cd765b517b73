/* SPDX-License-Identifier: BSD-2-Clause */
/* Text of the boot phase. */
#include <hal/boot/boot.h>
#include <hal/console.h>
#include <hal/cpu.h>
#include <stdarg.h>

static void put_string(const char *s)
{
    while (*s != '\0')
        hal_console_putc(*s++);
}

static void put_number(uint64_t value, unsigned base)
{
    char digits[21];
    char *p = digits + sizeof digits - 1;

    *p = '\0';
    do {
        *--p = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    put_string(p);
}

static void print_list(const char *fmt, va_list args)
{
    for (; *fmt != '\0'; fmt++) {
        if (*fmt != '%') {
            hal_console_putc(*fmt);
            continue;
        }
        switch (*++fmt) {
        case 's':
            put_string(va_arg(args, const char *));
            break;
        case 'u':
            put_number(va_arg(args, uint64_t), 10);
            break;
        case 'x':
            put_string("0x");
            put_number(va_arg(args, uint64_t), 16);
            break;
        default: /* the callers are ours: show the mistake */
            hal_console_putc('%');
            fmt--;
            break;
        }
    }
}

void boot_print(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_list(fmt, args);
    va_end(args);
}

void boot_panic(const char *fmt, ...)
{
    va_list args;

    put_string("panic: boot: ");
    va_start(args, fmt);
    print_list(fmt, args);
    va_end(args);
    put_string("\n--- end of panic ---\n");
    hal_cpu_halt();
}
