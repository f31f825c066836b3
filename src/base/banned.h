/*
 * banned.h -- turns functions that have hurt C programs for decades into compile errors.
 * Included by str.h, so that every file of ours has it. After git's banned.h, in our own words.
 */
#ifndef CDZ_BASE_BANNED_H
#define CDZ_BASE_BANNED_H

/* System headers that declare the banned names come first, so that poisoning does not break them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Some of them are macros with some compilers and some settings. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll
#pragma GCC poison gmtime localtime ctime asctime

#endif
