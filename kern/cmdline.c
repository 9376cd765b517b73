/* SPDX-License-Identifier: BSD-2-Clause */
#include <hal/info.h>
#include <kern/cmdline.h>
#include <kern/string.h>

bool cmdline_has(const char *word)
{
    const char *p = hal_info.cmdline;
    size_t length = strlen(word);

    while (*p != '\0') {
        if (strncmp(p, word, length) == 0 && (p[length] == ' ' || p[length] == '\0'))
            return true;
        while (*p != '\0' && *p != ' ')
            p++;
        while (*p == ' ')
            p++;
    }
    return false;
}
