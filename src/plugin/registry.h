/* registry.h -- all types that this program knows. Constant; threads: any. */
#ifndef CDZ_PLUGIN_REGISTRY_H
#define CDZ_PLUGIN_REGISTRY_H

#include "model/type.h"

const struct cdz_registry *cdz_registry_builtin(void);

#endif
