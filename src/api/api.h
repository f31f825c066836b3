/*
 * api.h -- the REST API of the webserver: one route table, one file per resource. reference/api.md.
 */
#ifndef CDZ_API_API_H
#define CDZ_API_API_H

#include "server/server.h"

struct cdz_api;

/* Listens on config->host and port (0: any free one). Returns once requests are served. */
CDZ_MUST_USE cdz_rc cdz_api_start(struct cdz_services *services, struct cdz_api **ret,
                                  struct cdz_err *err);
/* The port it listens on. */
int cdz_api_port(const struct cdz_api *api);
/* No new requests; those that wait for an execution are answered 503. The other servers may stop
 * afterwards. */
void cdz_api_drain(struct cdz_api *api);
/* Frees it; after cdz_api_drain. Nothing of the services is used any more once drained. */
void cdz_api_stop(struct cdz_api *api);

#endif
