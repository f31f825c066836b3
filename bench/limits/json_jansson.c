/* json_jansson.c -- jansson's turn, see json_turn.h. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json_turn.h"

void turn_jansson(size_t n, size_t *printed)
{
    for (size_t i = 0; i < n; i++) {
        json_t *v = json_loadb(document, document_n, 0, NULL);
        if (printed) {
            char *text = json_dumps(v, JSON_COMPACT);
            *printed = strlen(text);
            free(text);
        }
        json_decref(v);
    }
}
