#include "queue/chunk.h"

static void put_len(char **to, uint64_t n)
{
    while (n >= 0x80) {
        *(*to)++ = (char)(n | 0x80);
        n >>= 7;
    }
    *(*to)++ = (char)n;
}

static bool get_len(cdz_str bytes, size_t *pos, uint64_t *ret)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 35 && *pos < bytes.n; shift += 7) {
        unsigned char c = (unsigned char)bytes.p[(*pos)++];
        n |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret = n;
            return true;
        }
    }
    return false;
}

static bool get_bytes(cdz_str bytes, size_t *pos, uint64_t n, cdz_str *ret)
{
    if (n > bytes.n - *pos)
        return false;
    *ret = (cdz_str){bytes.p + *pos, (size_t)n};
    *pos += (size_t)n;
    return true;
}

void packets_add(struct packet packets[PACKET_KINDS], const struct cdz_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct cdz_record *r = &records[i];
        struct packet *p = &packets[cdz_topic_is_state(r->topic)     ? PACKET_STATE
                                    : cdz_topic_is_derived(r->topic) ? PACKET_DERIVED
                                                                     : PACKET_KEPT];
        char *start = cdz_buf_room(&p->bytes, 1 + 5 + r->key.n + 5 + r->value.n), *to = start;
        *to++ = (char)r->topic;
        put_len(&to, r->key.n);
        if (r->key.n)
            memcpy(to, r->key.p, r->key.n);
        to += r->key.n;
        put_len(&to, r->value.p ? r->value.n + 1 : 0);
        if (r->value.n)
            memcpy(to, r->value.p, r->value.n);
        to += r->value.n;
        p->bytes.n += (size_t)(to - start);
        p->n++;
        p->mask |= 1u << r->topic;
    }
}

void packet_append(struct packet *to, const struct packet *from)
{
    cdz_buf_str(&to->bytes, cdz_buf_get(&from->bytes));
    to->n += from->n;
    to->mask |= from->mask;
}

void packets_done(struct packet packets[PACKET_KINDS])
{
    for (int i = 0; i < PACKET_KINDS; i++)
        cdz_buf_done(&packets[i].bytes);
}

bool packet_next(cdz_str bytes, size_t *pos, struct cdz_record *ret)
{
    struct cdz_record r = {0};
    uint64_t n;
    if (*pos >= bytes.n || (unsigned char)bytes.p[*pos] >= CDZ_TOPIC_COUNT)
        return false;
    r.topic = (enum cdz_topic)bytes.p[(*pos)++];
    if (!get_len(bytes, pos, &n) || !get_bytes(bytes, pos, n, &r.key))
        return false;
    if (!get_len(bytes, pos, &n) || (n > 0 && !get_bytes(bytes, pos, n - 1, &r.value)))
        return false;
    *ret = r;
    return true;
}

struct chunk *chunk_new(struct packet *take)
{
    struct chunk *chunk = calloc(1, sizeof(*chunk));
    if (!chunk)
        abort();
    atomic_init(&chunk->refs, 1);
    chunk->packet = *take;
    *take = (struct packet){.bytes = CDZ_BUF_INIT};
    return chunk;
}

struct chunk *chunk_ref(struct chunk *chunk)
{
    atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
    return chunk;
}

void chunk_unref(struct chunk *chunk)
{
    if (!chunk || atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) != 1)
        return;
    cdz_buf_done(&chunk->packet.bytes);
    free(chunk);
}
