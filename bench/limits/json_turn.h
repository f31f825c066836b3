/*
 * json_turn.h -- one function for each library that json.c compares: parses `document` n times, and
 * prints it again when `printed` is not NULL (it then gets the length). In files of their own, for
 * the headers of two of the libraries declare the same names.
 */
#ifndef CDZ_BENCH_JSON_TURN_H
#define CDZ_BENCH_JSON_TURN_H

#include <stddef.h>

extern char *document; /* NUL-terminated */
extern size_t document_n;

void turn_jansson(size_t n, size_t *printed);
void turn_json_c(size_t n, size_t *printed);
void turn_cjson(size_t n, size_t *printed);

#endif
