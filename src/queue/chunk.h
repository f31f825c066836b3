/*
 * chunk.h -- a run of records in one block of bytes: what one transaction wrote, in memory and as
 * one row on disk.
 *
 * Each record is: topic (one byte), key length and key, value length + 1 and value (0: a
 * tombstone); lengths in LEB128. Consumers read straight from the block, so a record is copied when
 * it is sent and never again.
 */
#ifndef CDZ_QUEUE_CHUNK_H
#define CDZ_QUEUE_CHUNK_H

#include <stdatomic.h>

#include "base/buf.h"
#include "port/queue.h"

/* Encoded records of one kind. */
struct packet {
    struct cdz_buf bytes;
    size_t n;
    unsigned mask; /* bit per topic in it */
};

/* Every record belongs to exactly one of these. */
enum packet_kind {
    PACKET_KEPT /* log topics on disk */,
    PACKET_DERIVED,
    PACKET_STATE,
    PACKET_KINDS
};

/* Adds to the packet of its kind. */
void packets_add(struct packet packets[PACKET_KINDS], const struct cdz_record *records, size_t n);
void packet_append(struct packet *to, const struct packet *from);
void packets_done(struct packet packets[PACKET_KINDS]);

/* Reads the record at *pos and moves *pos behind it. False: the end, or bytes that are not ours. */
bool packet_next(cdz_str bytes, size_t *pos, struct cdz_record *ret);

struct chunk {
    atomic_uint refs;
    uint64_t first; /* offset of its first record; the others follow without gaps */
    uint64_t seq;   /* order of publication among both logs of a hub; 0: read from disk */
    struct packet packet;
};

/* With one reference; takes the packet's bytes and empties it. */
struct chunk *chunk_new(struct packet *take);
struct chunk *chunk_ref(struct chunk *chunk);
void chunk_unref(struct chunk *chunk); /* NULL is fine */
/* The offset behind its last record. */
static inline uint64_t chunk_end(const struct chunk *chunk)
{
    return chunk->first + chunk->packet.n;
}

#endif
