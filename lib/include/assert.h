/* SPDX-License-Identifier: BSD-2-Clause */
#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
#endif

#ifndef LIB_ASSERT_H
#define LIB_ASSERT_H
#define static_assert _Static_assert
_Noreturn void assert_failed(const char *condition, const char *file, int line);
#endif
