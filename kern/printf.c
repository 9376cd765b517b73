/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text.  kprintf() formats into a buffer first, so that what one call writes stays together on the
 * console; longer text is cut.
 */
#include <kern/console.h>
#include <kern/panic.h>
#include <kern/string.h>

#define LINE_MAX 256u
#define DIGITS_MAX 20u /* of UINT64_MAX */

/* A buffer that counts what does not fit. */
struct sink {
    char *buffer;
    size_t size;
    size_t length;
};

/* One conversion: %[-][0][width][l|ll|z]letter. */
struct conversion {
    bool left;
    bool zeros;
    bool wide; /* 64 bits */
    unsigned width;
    char letter;
};

static void sink_put(struct sink *sink, char c)
{
    if (sink->length < sink->size)
        sink->buffer[sink->length] = c;
    sink->length++;
}

static void sink_pad(struct sink *sink, char c, size_t n)
{
    while (n-- > 0)
        sink_put(sink, c);
}

/* Text with an optional sign or prefix, in a field of the conversion's width. */
static void sink_field(struct sink *sink, const struct conversion *conv, const char *prefix, const char *text,
                       size_t n)
{
    size_t used = strlen(prefix) + n;
    size_t pad = conv->width > used ? conv->width - used : 0;

    if (!conv->left && !conv->zeros)
        sink_pad(sink, ' ', pad);
    for (; *prefix != '\0'; prefix++)
        sink_put(sink, *prefix);
    if (!conv->left && conv->zeros)
        sink_pad(sink, '0', pad);
    for (size_t i = 0; i < n; i++)
        sink_put(sink, text[i]);
    if (conv->left)
        sink_pad(sink, ' ', pad);
}

static void sink_number(struct sink *sink, const struct conversion *conv, const char *prefix, uint64_t value,
                        unsigned base)
{
    char digits[DIGITS_MAX];
    unsigned first = DIGITS_MAX;

    do {
        digits[--first] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    sink_field(sink, conv, prefix, digits + first, DIGITS_MAX - first);
}

static void sink_signed(struct sink *sink, const struct conversion *conv, int64_t value)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

    sink_number(sink, conv, value < 0 ? "-" : "", magnitude, 10);
}

/* Read a conversion behind its '%'. Returns what follows it. */
static const char *conversion_parse(const char *format, struct conversion *conv)
{
    *conv = (struct conversion){0};
    for (; *format == '-' || *format == '0'; format++) {
        conv->left |= *format == '-';
        conv->zeros |= *format == '0';
    }
    for (; *format >= '0' && *format <= '9'; format++)
        conv->width = conv->width * 10 + (unsigned)(*format - '0');
    for (; *format == 'l' || *format == 'z'; format++)
        conv->wide = true;
    conv->letter = *format;
    return *format == '\0' ? format : format + 1;
}

static void sink_string(struct sink *sink, const struct conversion *conv, const char *text)
{
    if (text == NULL)
        text = "(null)";
    sink_field(sink, conv, "", text, strlen(text));
}

static void sink_format(struct sink *sink, const char *format, va_list args)
{
    struct conversion conv;
    char c;

    while (*format != '\0') {
        if (*format != '%') {
            sink_put(sink, *format++);
            continue;
        }
        format = conversion_parse(format + 1, &conv);
        switch (conv.letter) {
        case 's':
            sink_string(sink, &conv, va_arg(args, const char *));
            break;
        case 'c':
            c = (char)va_arg(args, int);
            sink_field(sink, &conv, "", &c, 1);
            break;
        case 'd':
        case 'i':
            sink_signed(sink, &conv, conv.wide ? va_arg(args, long) : va_arg(args, int));
            break;
        case 'u':
            sink_number(sink, &conv, "", conv.wide ? va_arg(args, unsigned long) : va_arg(args, unsigned),
                        10);
            break;
        case 'x':
            sink_number(sink, &conv, "", conv.wide ? va_arg(args, unsigned long) : va_arg(args, unsigned),
                        16);
            break;
        case 'p':
            sink_number(sink, &conv, "0x", (uintptr_t)va_arg(args, void *), 16);
            break;
        default: /* %% and what is no conversion stand for their letter */
            if (conv.letter != '\0')
                sink_put(sink, conv.letter);
        }
    }
}

static int kvsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    struct sink sink = {.buffer = buffer, .size = size > 0 ? size - 1 : 0};

    sink_format(&sink, format, args);
    if (size > 0)
        buffer[sink.length < sink.size ? sink.length : sink.size] = '\0';
    return (int)sink.length;
}

int ksnprintf(char *buffer, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = kvsnprintf(buffer, size, format, args);
    va_end(args);
    return length;
}

/* Not inlined: its callers may be deep down, and some have frames of their own. */
__attribute__((noinline)) void kvprintf(const char *format, va_list args)
{
    char line[LINE_MAX];

    (void)kvsnprintf(line, sizeof(line), format, args);
    console_write(line, strlen(line));
}

void kprintf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    kvprintf(format, args);
    va_end(args);
}
