/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LIB_STDLIB_H
#define LIB_STDLIB_H

#include <stddef.h>

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1

/* Memory for any object, aligned to 16 bytes; NULL: none. Context: any thread. */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *p, size_t size);
void free(void *p);

/* Numbers in base 2 .. 36; base 0: by the prefix 0x or 0. Out of range: the nearest value. */
unsigned long strtoul(const char *restrict s, char **restrict end, int base);
long strtol(const char *restrict s, char **restrict end, int base);
int atoi(const char *s);

void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));

/* A sequence of pseudo-random numbers, the same in every run unless seeded. Context: one thread at a time. */
int rand(void);
void srand(unsigned seed);
#define RAND_MAX 0x7fffffff

/* End the task; the status goes to who started the program (libmach/program.h). */
_Noreturn void exit(int status);

/* End the task by an exception: its starter learns that it failed. */
_Noreturn void abort(void);

#endif
