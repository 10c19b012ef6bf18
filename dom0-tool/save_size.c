// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "p2m.h"
#include "pool_export.h"
#include "save_size.h"
#include "tmem/store.h"
#include "tracker.h"

/* Records that fit into a section of tmem's, or more; and what that needs beside them. */
#define SIZE_TMEM_RECORDS 200
#define SIZE_TMEM_SECTION (sizeof(struct stillpoint_section) + CRYPT_TAG_BYTES + 16384)

/*
 * Tables of pools: one for each pool that came or went, and the last. The batch that goes beyond
 * the limit, and what is left for the park, each have at most all pools that a guest can have as
 * gone, and as many as new.
 */
#define SIZE_TMEM_TABLES (SAVE_TMEM_POOLS + 4 * TMEM_POOLS_MAX + 1)

/* One of them, and the head of a section of records that it ended. */
#define SIZE_TMEM_TABLE                                                                  \
	(2 * (sizeof(struct stillpoint_section) + CRYPT_TAG_BYTES) +                     \
	 sizeof(struct stillpoint_tmem_records) + sizeof(struct stillpoint_tmem_pools) + \
	 TMEM_POOLS_MAX * sizeof(struct stillpoint_tmem_pool))

/* How often a page may be in the image. */
static uint64_t size_times(const struct save_options *opts)
{
	/*
	 * The round that begins last may copy all of the memory, and so may the one after a
	 * freeze, and the park.
	 */
	uint64_t rounds = SAVE_TIMES + 1, more = opts->freeze ? 2 : 1;

	if (opts->image.layout == IMAGE_MAPPED || opts->track == &tracker_none)
		return 1;
	return (opts->max_rounds < rounds ? opts->max_rounds : rounds) + more;
}

static int size_look(struct domain *dom, struct domain_info *info, uint64_t *pfns)
{
	struct p2m p2m;
	int ret;

	ret = dom->ops->info(dom, info);
	if (ret)
		return msg_error("cannot look at the domain: %s", strerror(-ret));
	if (info->hvm || info->width != sizeof(uint64_t))
		return msg_error("this is no 64-bit PV guest; only those can be saved");
	p2m_init(&p2m, dom, info);
	ret = p2m_find(&p2m);
	*pfns = p2m.size;
	p2m_free(&p2m);
	return ret;
}

/*
 * What the image or a side file has of tmem pools: as often as may be while the guest runs, all
 * of it once more at the park, and a handle for each that was copied in vain; and the pools.
 */
static int size_tmem(struct domain *dom, const struct save_options *opts, struct save_size *size)
{
	const uint64_t record = sizeof(struct stillpoint_tmem_page) + STILLPOINT_IMAGE_PAGE_BYTES;
	struct pool_export *exp;
	uint64_t records;

	size->tmem = 0;
	if (dom->ops->tmem(dom, opts->ephemeral, &exp))
		return -1;
	if (!exp)
		return 0;
	size->tmem = exp->begun.now.persistent + exp->begun.now.ephemeral;
	exp->ops->close(exp);
	if (opts->image.layout == IMAGE_XL && !opts->tmem_path)
		return 0;
	records = (2 * SAVE_TIMES + 2) * size->tmem + 3 * SAVE_TMEM_SPARE;
	size->bytes += records * record + (records / SIZE_TMEM_RECORDS + 2) * SIZE_TMEM_SECTION +
		       SIZE_TMEM_TABLES * SIZE_TMEM_TABLE;
	return 0;
}

int save_find_size(struct domain *dom, const struct save_options *opts, struct save_size *size)
{
	struct domain_info info;
	char *config;
	int ret;

	if (size_look(dom, &info, &size->pfns))
		return -1;
	ret = dom->ops->config(dom, &config);
	if (ret)
		return msg_error("cannot read the domain's configuration: %s", strerror(-ret));
	size->pages = info.pages;
	size->bytes =
		image_bytes(&opts->image, size->pages * size_times(opts),
			    size->pfns * size_times(opts), info.max_vcpu_id + 1, strlen(config));
	free(config);
	return size_tmem(dom, opts, size);
}
