// SPDX-License-Identifier: GPL-2.0-only
/*
 * All snapshots have what their hosts wrote in the cache of one device: a FLUSH
 * that fails, whoever asked for it, may have dropped what others wrote. Each
 * learns it from a FLUSH of its own that fails once, as it would from a disk.
 */
#include "vio_internal.h"

void drp_vio_look_at_flush(struct bio *bio, blk_status_t *error)
{
	struct drp_element *e = drp_io_of(bio)->e;
	struct drp_cow *cow = e->pool->cow;
	int lost;

	if (!(bio->bi_opf & REQ_PREFLUSH)) {
		if (bio->bi_opf & REQ_FUA)
			drp_cow_fua_ended(cow, *error);
		return;
	}
	if (unlikely(*error))
		drp_cow_flush_failed(cow);
	lost = atomic_read(&cow->lost_flushes);
	if (likely(READ_ONCE(e->cow_lost) == lost))
		return;
	WRITE_ONCE(e->cow_lost, lost);
	if (!*error)
		*error = BLK_STS_IOERR;
}
