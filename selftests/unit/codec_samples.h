/* SPDX-License-Identifier: GPL-2.0-only */
/* One record of each type with known content, for the codec's tests and the fuzzer. */
#ifndef CODEC_SAMPLES_H
#define CODEC_SAMPLES_H

#include "cow.h"
#include "simulated_disk.h"

#define SAMPLE_NONCE	0x1122334455667788ULL

/* crc32c of whole blocks with known content. */
#define GOLDEN_SUPER	0x5c56f6beU
#define GOLDEN_PAGE	0xff66dcd6U
#define GOLDEN_DIR	0xe3c9fcc8U
#define GOLDEN_LABEL	0xa62a5cd9U

enum sample {
	SAMPLE_POOL,
	SAMPLE_ELEMENT,
	SAMPLE_SYNC,
	SAMPLE_GROUP,
	SAMPLE_ASPECT,
	SAMPLE_OBJECT_DEL,
	SAMPLE_ACTIVATE,
	SAMPLE_PLANE_ALL,
	SAMPLE_PLANE_ROOT,
	SAMPLE_CUT,
	SAMPLE_CONFIRM,
	SAMPLE_CUT_ABORT,
	SAMPLE_C_CLEAR,
	SAMPLE_COW_PUT,
	SAMPLE_COW_DEL,
	SAMPLE_COW_ROOT,
	SAMPLES
};

void sample_super(struct drp_super *sb);
void sample_element(struct drp_element_rec *e);
void sample_sync(struct drp_sync_rec *s);
void sample_group(struct drp_group_rec *g);
void sample_cow_entry(struct drp_cow_entry *c);

const char *sample_name(enum sample which);
u16 sample_type(enum sample which);
int sample_encode(enum sample which, void *buf, u32 room);

/* Decode any body by the record type; -ENOENT for a type without decoder. */
int sample_decode(u16 type, const void *body, u32 len);

/* Decode and encode again: the encoder's answer. */
int sample_reencode(u16 type, const void *body, u32 len, void *buf, u32 room);

/* One record of random valid content there and back; aborts if it differs. */
void sample_round_trip(struct sim_random *r);

#endif /* CODEC_SAMPLES_H */
