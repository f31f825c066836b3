/* json_c.c -- json-c's turn, see json_turn.h. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "json_turn.h"

void turn_json_c(size_t n, size_t *printed)
{
    for (size_t i = 0; i < n; i++) {
        struct json_object *v = json_tokener_parse(document);
        if (printed)
            *printed = strlen(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
        json_object_put(v);
    }
}
