/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted output: one formatter that hands characters to a sink, and the two sinks there are: a caller's
 * buffer and the console.
 */
#include <ctype.h>
#include <mach/mach_traps.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Where characters go. `total` counts all, kept or not. */
struct sink {
    void (*put)(struct sink *sink, char c);
    char *buffer;
    size_t size;
    size_t used;
    size_t total;
};

/* One conversion specification. */
struct spec {
    bool left, zero, plus, space, alternate;
    int width;
    int precision; /* -1: none */
    int length;    /* size of an integer argument in bytes */
};

static void emit(struct sink *sink, char c)
{
    sink->total++;
    sink->put(sink, c);
}

static void emit_pad(struct sink *sink, char c, int count)
{
    for (; count > 0; count--)
        emit(sink, c);
}

static void emit_text(struct sink *sink, const struct spec *spec, const char *text, size_t length)
{
    int pad = spec->width > (int)length ? spec->width - (int)length : 0;

    if (!spec->left)
        emit_pad(sink, ' ', pad);
    for (size_t i = 0; i < length; i++)
        emit(sink, text[i]);
    if (spec->left)
        emit_pad(sink, ' ', pad);
}

/* An integer: padding, prefix (sign or 0x), zeros, digits. */
static void emit_integer(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base,
                         bool upper, const char *prefix)
{
    char digit[24]; /* 2^64 has 22 octal digits */
    int count = 0;

    while (value != 0) {
        unsigned d = (unsigned)(value % base);
        digit[count++] = (char)(d < 10 ? '0' + d : (upper ? 'A' : 'a') + d - 10);
        value /= base;
    }
    int prefix_length = (int)strlen(prefix);
    int wanted = spec->precision >= 0 ? spec->precision : 1;
    if (spec->precision < 0 && spec->zero && !spec->left)
        wanted = spec->width - prefix_length > 1 ? spec->width - prefix_length : 1;
    int zeros = wanted > count ? wanted - count : 0;
    int pad = spec->width - prefix_length - zeros - count;

    if (!spec->left)
        emit_pad(sink, ' ', pad);
    while (*prefix != '\0')
        emit(sink, *prefix++);
    emit_pad(sink, '0', zeros);
    while (count > 0)
        emit(sink, digit[--count]);
    if (spec->left)
        emit_pad(sink, ' ', pad);
}

static const char *parse_flags(const char *f, struct spec *spec)
{
    for (;; f++) {
        switch (*f) {
        case '-':
            spec->left = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        default:
            return f;
        }
    }
}

static const char *parse_number(const char *f, int *value)
{
    for (*value = 0; isdigit(*f); f++)
        *value = *value * 10 + (*f - '0');
    return f;
}

static const char *parse_length(const char *f, struct spec *spec)
{
    spec->length = sizeof(int);
    switch (*f) {
    case 'h':
        spec->length = f[1] == 'h' ? (int)sizeof(char) : (int)sizeof(short);
        return f[1] == 'h' ? f + 2 : f + 1;
    case 'l':
        spec->length = sizeof(long);
        return f[1] == 'l' ? f + 2 : f + 1;
    case 'z':
    case 'j':
    case 't':
        spec->length = sizeof(long);
        return f + 1;
    default:
        return f;
    }
}

static uint64_t truncate_unsigned(uint64_t value, int length)
{
    return length >= 8 ? value : value & ((UINT64_C(1) << (length * 8)) - 1);
}

static int64_t truncate_signed(int64_t value, int length)
{
    return length == 1 ? (signed char)value : length == 2 ? (short)value : length == 4 ? (int)value : value;
}

static void format_signed(struct sink *sink, const struct spec *spec, int64_t value)
{
    value = truncate_signed(value, spec->length);
    const char *prefix = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    emit_integer(sink, spec, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, false, prefix);
}

static void format_unsigned(struct sink *sink, const struct spec *spec, char conversion, uint64_t value)
{
    value = truncate_unsigned(value, spec->length);
    switch (conversion) {
    case 'o':
        emit_integer(sink, spec, value, 8, false, spec->alternate && value != 0 ? "0" : "");
        break;
    case 'x':
        emit_integer(sink, spec, value, 16, false, spec->alternate && value != 0 ? "0x" : "");
        break;
    case 'X':
        emit_integer(sink, spec, value, 16, true, spec->alternate && value != 0 ? "0X" : "");
        break;
    default:
        emit_integer(sink, spec, value, 10, false, "");
        break;
    }
}

static void format_string(struct sink *sink, const struct spec *spec, const char *text)
{
    if (text == NULL)
        text = "(null)";
    emit_text(sink, spec, text, strnlen(text, spec->precision >= 0 ? (size_t)spec->precision : SIZE_MAX));
}

static void format_all(struct sink *sink, const char *f, va_list args)
{
    for (; *f != '\0'; f++) {
        if (*f != '%') {
            emit(sink, *f);
            continue;
        }
        struct spec spec = {.precision = -1};
        f = parse_flags(f + 1, &spec);
        if (*f == '*') {
            spec.width = va_arg(args, int);
            f++;
            if (spec.width < 0) {
                spec.left = true;
                spec.width = -spec.width;
            }
        } else {
            f = parse_number(f, &spec.width);
        }
        if (*f == '.' && f[1] == '*') {
            spec.precision = va_arg(args, int);
            f += 2;
        } else if (*f == '.') {
            f = parse_number(f + 1, &spec.precision);
        }
        f = parse_length(f, &spec);

        switch (*f) {
        case 'd':
        case 'i':
            format_signed(sink, &spec, spec.length > 4 ? va_arg(args, int64_t) : va_arg(args, int));
            break;
        case 'u':
        case 'o':
        case 'x':
        case 'X':
            format_unsigned(sink, &spec, *f,
                            spec.length > 4 ? va_arg(args, uint64_t) : va_arg(args, unsigned));
            break;
        case 'p':
            emit_integer(sink, &spec, (uintptr_t)va_arg(args, void *), 16, false, "0x");
            break;
        case 's':
            format_string(sink, &spec, va_arg(args, const char *));
            break;
        case 'c':
            emit_text(sink, &spec, &(char){(char)va_arg(args, int)}, 1);
            break;
        case '%':
            emit(sink, '%');
            break;
        default:
            return; /* no conversion of ours: what follows can't be trusted */
        }
    }
}

static void buffer_put(struct sink *sink, char c)
{
    if (sink->used + 1 < sink->size)
        sink->buffer[sink->used++] = c;
}

static void console_flush(struct sink *sink)
{
    sink->buffer[sink->used] = '\0';
    (void)mach_print(sink->buffer);
    sink->used = 0;
}

static void console_put(struct sink *sink, char c)
{
    sink->buffer[sink->used++] = c;
    if (c == '\n' || sink->used + 1 == sink->size)
        console_flush(sink);
}

int vsnprintf(char *restrict dst, size_t size, const char *restrict format, va_list args)
{
    struct sink sink = {.put = buffer_put, .buffer = dst, .size = size};

    format_all(&sink, format, args);
    if (size > 0)
        dst[sink.used] = '\0';
    return (int)sink.total;
}

int snprintf(char *restrict dst, size_t size, const char *restrict format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(dst, size, format, args);
    va_end(args);
    return length;
}

int vprintf(const char *restrict format, va_list args)
{
    char line[256];
    struct sink sink = {.put = console_put, .buffer = line, .size = sizeof(line)};

    format_all(&sink, format, args);
    if (sink.used > 0)
        console_flush(&sink);
    return (int)sink.total;
}

int printf(const char *restrict format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vprintf(format, args);
    va_end(args);
    return length;
}

int puts(const char *s)
{
    return printf("%s\n", s);
}

int putchar(int c)
{
    char text[2] = {(char)c};

    (void)mach_print(text);
    return (unsigned char)c;
}
