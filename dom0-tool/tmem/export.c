// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "tmem/state.h"

/**
 * struct entry - a record that no page stands for
 * @pool: of TMEM_RECORD_POOL: the pool's characteristics
 * @number: and its number
 * @blob: of TMEM_RECORD_PAGE: a reference to its blob
 */
struct entry {
	struct entry *next;
	struct tmem_record record;
	struct tmem_record_pool pool;
	uint32_t number;
	uint32_t blob;
};

/* Bytes of memory that an entry takes. */
#define ENTRY_BYTES (sizeof(struct entry) + 16)

/* Entries that make less room are not worth an export. */
#define EXPORT_WORTH ARENA_ZONE

struct entries {
	struct entry *first;
	struct entry **end;
};

/**
 * struct tmem_exporter - an export that has not ended
 * @next: of the store's
 * @domain: NULL once it is gone
 * @pools: numbers of those whose pages are exported
 * @log: what happened before the mark
 * @kept: pages that changed after the mark
 * @bytes: that both take
 * @totals: of the mark
 * @changed: the pools are not what they were at the mark
 */
struct tmem_exporter {
	struct tmem_store *store;
	struct tmem_exporter *next;
	struct tmem_domain *domain;
	uint32_t flags;
	bool marked;
	bool changed;
	bool aborted;
	uint32_t pool_count;
	uint32_t pools[TMEM_POOLS_MAX];
	struct entries log;
	struct entries kept;
	uint64_t bytes;
	struct tmem_totals totals;
};

static void entries_init(struct entries *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void entries_append(struct entries *list, struct entry *e)
{
	e->next = NULL;
	*list->end = e;
	list->end = &e->next;
}

static struct entry *entries_pop(struct entries *list)
{
	struct entry *e = list->first;

	list->first = e->next;
	if (!list->first)
		list->end = &list->first;
	return e;
}

static void entry_free(struct tmem_exporter *x, struct entry *e)
{
	if (e->record.type == TMEM_RECORD_PAGE)
		blob_drop(&x->store->blobs, e->blob);
	x->bytes -= ENTRY_BYTES;
	x->store->arena.kept -= ENTRY_BYTES;
	free(e);
}

static void entries_free(struct tmem_exporter *x, struct entries *list)
{
	while (list->first)
		entry_free(x, entries_pop(list));
}

static void export_leave_pool(struct tmem_exporter *x, struct pool *p)
{
	list_splice(x->store, &p->pages, &p->pending);
	p->export = NULL;
}

static void export_abort(struct tmem_exporter *x)
{
	struct tmem_exporter **link = &x->store->exports;
	uint32_t i;

	if (x->aborted)
		return;
	x->aborted = true;
	for (i = 0; i < x->pool_count; i++)
		export_leave_pool(x, &x->store->pools[x->pools[i]]);
	entries_free(x, &x->log);
	entries_free(x, &x->kept);
	if (x->domain) {
		x->domain->export = NULL;
		x->domain->held = false;
	}
	x->domain = NULL;
	while (*link != x)
		link = &(*link)->next;
	*link = x->next;
}

/* An entry of @list; NULL after the export was given up for lack of memory. */
static struct entry *export_log(struct tmem_exporter *x, struct entries *list,
				enum tmem_record_type type, uint32_t pool)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e) {
		export_abort(x);
		return NULL;
	}
	x->bytes += ENTRY_BYTES;
	x->store->arena.kept += ENTRY_BYTES;
	e->record.type = type;
	e->record.pool = pool;
	entries_append(list, e);
	return e;
}

void export_pool_added(struct tmem_domain *d, struct pool *p)
{
	struct tmem_exporter *x = d->export;
	struct entry *e;

	p->known = false;
	if (x->marked) {
		x->changed = true;
		return;
	}
	e = export_log(x, &x->log, TMEM_RECORD_POOL, p->id);
	if (!e)
		return;
	e->record.size = sizeof(e->pool);
	e->number = pool_number(x->store, p);
	e->pool.flags = p->flags;
	memcpy(e->pool.uuid, p->uuid, sizeof(p->uuid));
	if (pool_is_shared(p) || (!pool_is_persistent(p) && !(x->flags & TMEM_EXPORT_EPHEMERAL)))
		return;
	p->export = x;
	p->epoch = ++x->store->epoch;
	p->pending = p->pages;
	p->pages = (struct list){ 0, 0 };
	x->pools[x->pool_count++] = pool_number(x->store, p);
}

static void export_forget_pool(struct tmem_exporter *x, uint32_t number)
{
	struct entry **link = &x->log.first, *e;

	while (*link && ((*link)->record.type != TMEM_RECORD_POOL || (*link)->number != number))
		link = &(*link)->next;
	e = *link;
	if (!e)
		return;
	*link = e->next;
	if (!e->next)
		x->log.end = link;
	entry_free(x, e);
}

void export_pool_goes(struct tmem_domain *d, struct pool *p)
{
	uint32_t number = pool_number(d->store, p), i;
	struct tmem_exporter *x = d->export;

	if (x->marked) {
		x->changed = true;
		return;
	}
	for (i = 0; i < x->pool_count && x->pools[i] != number; i++)
		;
	if (i < x->pool_count) {
		export_leave_pool(x, p);
		x->pools[i] = x->pools[--x->pool_count];
	}
	if (p->known)
		export_log(x, &x->log, TMEM_RECORD_POOL_GONE, p->id);
	else
		export_forget_pool(x, number);
}

static bool page_is_known(const struct pool *p, const struct page *page)
{
	return page->epoch == p->epoch && page->flags & PAGE_KNOWN;
}

void export_page_added(struct pool *p, struct page *page)
{
	page->epoch = p->epoch;
	page->flags = p->export->marked ? PAGE_SENT : 0;
	p->export->changed |= p->export->marked;
}

/* The mark needs what the page holds now. False after the export was given up. */
static bool export_keep(struct tmem_store *s, struct pool *p, uint32_t n)
{
	struct page *page = &s->pages[n];
	struct entry *e = export_log(p->export, &p->export->kept, TMEM_RECORD_PAGE, p->id);

	if (!e)
		return false;
	e->record.object = page_object(s, n);
	e->record.index = page->index;
	e->blob = page->blob;
	blob_hold(&s->blobs, page->blob);
	return true;
}

void export_page_changes(struct tmem_store *s, struct pool *p, uint32_t n)
{
	struct page *page = &s->pages[n];
	bool pending = page_is_pending(p, page);

	p->export->changed |= p->export->marked;
	if (pending != p->export->marked)
		return;
	if (pending && !export_keep(s, p, n))
		return;
	list_remove(s, pending ? &p->pending : &p->pages, n);
	page->flags = (page_is_known(p, page) ? PAGE_KNOWN : 0) | (pending ? PAGE_SENT : 0);
	page->epoch = p->epoch;
	list_append(s, pending ? &p->pages : &p->pending, n);
}

void export_page_goes(struct tmem_store *s, struct pool *p, uint32_t n)
{
	struct page *page = &s->pages[n];
	struct entry *e;

	if (p->export->marked) {
		p->export->changed = true;
		if (page_is_pending(p, page))
			export_keep(s, p, n);
		return;
	}
	if (!page_is_known(p, page))
		return;
	e = export_log(p->export, &p->export->log, TMEM_RECORD_INVALIDATE, p->id);
	if (e) {
		e->record.object = page_object(s, n);
		e->record.index = page->index;
	}
}

bool export_give_up(struct tmem_store *s)
{
	struct tmem_exporter *x = s->exports;

	while (x && !x->kept.first && x->bytes < EXPORT_WORTH)
		x = x->next;
	if (!x)
		return false;
	msg_warn("gave up copying a domain's pools, as the guests need the room");
	export_abort(x);
	return true;
}

void export_domain_goes(struct tmem_domain *d)
{
	struct tmem_exporter *x = d->export;

	if (!x->marked) {
		export_abort(x);
		return;
	}
	x->domain = NULL;
	d->export = NULL;
}

/* Of the pools whose pages are exported, and the number of all. */
static void export_count(const struct tmem_exporter *x, struct tmem_totals *totals)
{
	const struct pool *p;
	uint32_t i;

	memset(totals, 0, sizeof(*totals));
	totals->pools = x->domain->pool_count;
	for (i = 0; i < x->pool_count; i++) {
		p = &x->store->pools[x->pools[i]];
		totals->bytes += p->bytes;
		if (pool_is_persistent(p))
			totals->persistent += p->count;
		else
			totals->ephemeral += p->count;
	}
}

uint32_t tmem_export_begin(struct tmem_domain *d, uint32_t flags, struct tmem_exporter **export,
			   struct tmem_export_reply *reply)
{
	struct tmem_store *s = d->store;
	struct tmem_exporter *x;
	uint32_t n;

	if (flags & ~TMEM_EXPORT_EPHEMERAL)
		return TMEM_STATUS_BAD;
	if (d->export)
		return TMEM_STATUS_BUSY;
	if (!d->pools)
		return TMEM_STATUS_NO_POOLS;
	x = calloc(1, sizeof(*x));
	if (!x)
		return TMEM_STATUS_FAILED;
	x->store = s;
	x->domain = d;
	x->flags = flags;
	entries_init(&x->log);
	entries_init(&x->kept);
	x->next = s->exports;
	s->exports = x;
	d->export = x;
	for (n = d->pools; n && !x->aborted; n = s->pools[n].chain)
		export_pool_added(d, &s->pools[n]);
	if (x->aborted) {
		free(x);
		return TMEM_STATUS_FAILED;
	}
	export_count(x, &reply->now);
	reply->quota = d->info.quota;
	reply->weight = d->info.weight;
	*export = x;
	return TMEM_STATUS_OK;
}

/* Write a record of @bytes behind its head, if there is room. Returns what it takes, or 0. */
static uint32_t export_write(void *at, uint32_t room, const struct tmem_record *record,
			     const void *bytes)
{
	uint32_t all = tmem_record_bytes(record->size);
	uint8_t *to = at;

	if (all > room)
		return 0;
	memcpy(to, record, sizeof(*record));
	if (record->size)
		memcpy(to + sizeof(*record), bytes, record->size);
	memset(to + sizeof(*record) + record->size, 0, all - sizeof(*record) - record->size);
	return all;
}

static uint32_t export_write_page(struct tmem_exporter *x, void *at, uint32_t room,
				  struct tmem_record *record, uint32_t blob)
{
	struct blob_bytes bytes;

	blob_bytes(&x->store->blobs, blob, &bytes);
	record->type = TMEM_RECORD_PAGE;
	record->size = bytes.size;
	record->codec = bytes.codec;
	return export_write(at, room, record, bytes.data);
}

static uint32_t export_entry(struct tmem_exporter *x, struct entries *list, void *at, uint32_t room)
{
	struct entry *e = list->first;
	uint32_t n;

	if (e->record.type == TMEM_RECORD_PAGE)
		n = export_write_page(x, at, room, &e->record, e->blob);
	else
		n = export_write(at, room, &e->record, &e->pool);
	if (!n)
		return 0;
	/* Before the mark a pool that goes takes its entry along: this one is there. */
	if (e->record.type == TMEM_RECORD_POOL && !x->marked)
		x->store->pools[e->number].known = true;
	entry_free(x, entries_pop(list));
	return n;
}

static uint32_t export_page(struct tmem_exporter *x, struct pool *p, void *at, uint32_t room)
{
	struct tmem_store *s = x->store;
	uint32_t n = p->pending.first, written;
	struct page *page = &s->pages[n];
	struct tmem_record record = {
		.pool = p->id,
		.index = page->index,
		.object = page_object(s, n),
	};

	written = export_write_page(x, at, room, &record, page->blob);
	if (!written)
		return 0;
	list_remove(s, &p->pending, n);
	page->epoch = p->epoch;
	page->flags = PAGE_SENT | PAGE_KNOWN;
	list_append(s, &p->pages, n);
	return written;
}

static struct pool *export_pending_pool(const struct tmem_exporter *x)
{
	uint32_t i;

	for (i = 0; i < x->pool_count; i++)
		if (x->store->pools[x->pools[i]].pending.first)
			return &x->store->pools[x->pools[i]];
	return NULL;
}

/* The page that is to be given next cannot be. @p is the pool that it is of, if none was kept. */
static bool export_is_damaged(struct tmem_exporter *x, const struct pool *p)
{
	uint8_t page[STILLPOINT_TMEM_PAGE_SIZE];
	const struct entry *kept = x->kept.first;
	uint32_t blob, id;

	if (x->log.first || (!kept && !p))
		return false;
	blob = kept ? kept->blob : x->store->pages[p->pending.first].blob;
	id = kept ? kept->record.pool : p->id;
	if (!blob_read(&x->store->blobs, blob, page))
		return false;
	msg_warn("a page of pool %u is damaged, so that the domain cannot be saved", id);
	return true;
}

uint32_t tmem_export_next(struct tmem_exporter *x, void *records, uint32_t room,
			  struct tmem_next_reply *reply)
{
	uint32_t size = 0, n = 1;
	struct pool *p = NULL;

	while (!x->aborted && n) {
		uint8_t *at = (uint8_t *)records + size;

		p = export_pending_pool(x);
		if (export_is_damaged(x, p))
			return TMEM_STATUS_FAILED;
		if (x->log.first)
			n = export_entry(x, &x->log, at, room - size);
		else if (x->kept.first)
			n = export_entry(x, &x->kept, at, room - size);
		else if (p)
			n = export_page(x, p, at, room - size);
		else
			break;
		size += n;
	}
	if (x->aborted)
		return TMEM_STATUS_ABORTED;
	reply->size = size;
	reply->state = TMEM_NEXT_MORE;
	if (n && !x->marked)
		reply->state = TMEM_NEXT_IDLE;
	if (n && x->marked) {
		reply->state = TMEM_NEXT_END;
		reply->totals = x->totals;
	}
	return TMEM_STATUS_OK;
}

uint32_t tmem_export_mark(struct tmem_exporter *x)
{
	if (x->aborted)
		return TMEM_STATUS_ABORTED;
	if (x->marked)
		return TMEM_STATUS_ORDER;
	export_count(x, &x->totals);
	x->changed = false;
	x->marked = true;
	return TMEM_STATUS_OK;
}

void tmem_export_unmark(struct tmem_exporter *x)
{
	x->marked = false;
	/* What was not followed since cannot be made up for. */
	if (x->changed || !x->domain)
		export_abort(x);
}

bool tmem_export_marked(const struct tmem_exporter *x)
{
	return x->marked && !x->aborted;
}

struct tmem_domain *tmem_export_domain(const struct tmem_exporter *x)
{
	return x->domain;
}

void tmem_export_end(struct tmem_exporter *x)
{
	if (!x)
		return;
	export_abort(x);
	free(x);
}
