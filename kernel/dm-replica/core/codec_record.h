/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the codec's files only. */
#ifndef DRP_CORE_CODEC_RECORD_H
#define DRP_CORE_CODEC_RECORD_H

#include "types.h"

/*
 * Write header, @body and @tail at @buf, filled up to a multiple of 8 bytes.
 * @tail NULL: its bytes stand already. The whole length, or -ENOSPC (more than
 * @room, or than a record may have).
 */
int drp_record_put(void *buf, u32 room, u16 type, const void *body, u32 body_len,
		   const void *tail, u32 tail_len);

#endif /* DRP_CORE_CODEC_RECORD_H */
