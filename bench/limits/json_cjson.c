/* json_cjson.c -- cJSON's turn, see json_turn.h. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "json_turn.h"

void turn_cjson(size_t n, size_t *printed)
{
    for (size_t i = 0; i < n; i++) {
        cJSON *v = cJSON_ParseWithLength(document, document_n);
        if (printed) {
            char *text = cJSON_PrintUnformatted(v);
            *printed = strlen(text);
            free(text);
        }
        cJSON_Delete(v);
    }
}
