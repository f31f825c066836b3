/*
 * internal.h -- what the files of src/yaml share.
 */
#ifndef CDZ_YAML_INTERNAL_H
#define CDZ_YAML_INTERNAL_H

#include "yaml/yaml.h"

/*
 * What the original's text checks ask before it writes a text or a key without quotes: true if it
 * must be quoted although YAML itself might not need it ("yes", "null", "a, b" ...).
 */
bool cdz_yaml_value_needs_quotes(cdz_str s);
bool cdz_yaml_key_needs_quotes(cdz_str s);

#endif
