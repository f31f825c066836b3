/*
 * outbox.h -- what a worker has to tell: results, log lines, metrics. Sent without waiting; what
 * the queue cannot take now (disk full, broker gone) is kept and sent again until it goes through,
 * so that an attempt that has ended is never forgotten.
 *
 * Records of one send stay together and in order. Between sends the order is kept as long as
 * nothing fails. Log lines without a result are kept up to a limit only, then dropped and counted.
 */
#ifndef CDZ_SERVER_OUTBOX_H
#define CDZ_SERVER_OUTBOX_H

#include "port/queue.h"

struct cdz_outbox;

/* queue is borrowed. NULL: the thread could not be started. */
struct cdz_outbox *cdz_outbox_open(struct cdz_queue *queue);
/* Copies the records. Threads: any; never blocks. */
void cdz_outbox_send(struct cdz_outbox *o, const struct cdz_record *records, size_t n);
/* Waits for what is under way; what the queue has refused till now is dropped: the executor sends
 * those jobs again after the next start. NULL is fine. */
void cdz_outbox_close(struct cdz_outbox *o);

#endif
