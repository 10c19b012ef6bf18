// SPDX-License-Identifier: GPL-2.0
/* Which handle holds which blob. */
#include <string.h>

#include <xxhash.h>

#include "msg.h"
#include "tmem/state.h"

static uint32_t *page_bucket(const struct tmem_store *s, uint32_t object, uint32_t index)
{
	uint64_t key = (uint64_t)object << 32 | index;

	return &s->buckets[XXH3_64bits_withSeed(&key, sizeof(key), s->arena.super->seed) &
			   (s->bucket_count - 1)];
}

static uint32_t *object_bucket(const struct tmem_store *s, uint32_t pool, uint64_t id)
{
	uint64_t key[2] = { pool, id };

	return &s->object_buckets[XXH3_64bits_withSeed(key, sizeof(key), s->arena.super->seed) &
				  (s->bucket_count - 1)];
}

int pages_init(struct tmem_store *s)
{
	const struct arena_super *super = s->arena.super;

	s->bucket_count = 1024;
	while (s->bucket_count < super->pages / 4)
		s->bucket_count *= 2;
	s->pages = arena_array(super->pages, sizeof(*s->pages));
	/* Number 0 is none, so that there is one more. */
	s->objects = arena_array(super->pages + 1, sizeof(*s->objects));
	s->buckets = arena_array(s->bucket_count, sizeof(*s->buckets));
	s->object_buckets = arena_array(s->bucket_count, sizeof(*s->object_buckets));
	s->object_high = 1;
	if (!s->pages || !s->objects || !s->buckets || !s->object_buckets)
		return msg_error("out of memory");
	return 0;
}

void pages_exit(struct tmem_store *s)
{
	const struct arena_super *super = s->arena.super;

	arena_array_free(s->pages, super->pages, sizeof(*s->pages));
	arena_array_free(s->objects, super->pages + 1, sizeof(*s->objects));
	arena_array_free(s->buckets, s->bucket_count, sizeof(*s->buckets));
	arena_array_free(s->object_buckets, s->bucket_count, sizeof(*s->object_buckets));
}

void page_release_number(struct tmem_store *s, uint32_t n)
{
	s->pages[n].object = 0;
	s->pages[n].chain = s->page_free;
	s->page_free = n;
}

bool page_reserve(struct tmem_store *s)
{
	uint32_t from = s->arena.super->page_high, n;

	if (s->page_free)
		return true;
	if (!arena_grow_pages(&s->arena))
		return false;
	for (n = s->arena.super->page_high; n > (from ? from : 1); n--)
		page_release_number(s, n - 1);
	return true;
}

uint32_t object_find(const struct tmem_store *s, uint32_t pool, uint64_t id)
{
	uint32_t n = *object_bucket(s, pool, id);

	while (n && (s->objects[n].pool != pool || s->objects[n].id != id))
		n = s->objects[n].chain;
	return n;
}

uint32_t page_find(const struct tmem_store *s, uint32_t pool, uint64_t object, uint32_t index)
{
	uint32_t o = object_find(s, pool, object), n;

	if (!o)
		return 0;
	n = *page_bucket(s, o, index);
	while (n && (s->pages[n].object != o || s->pages[n].index != index))
		n = s->pages[n].chain;
	return n;
}

struct pool *page_pool(const struct tmem_store *s, uint32_t n)
{
	return &s->pools[s->objects[s->pages[n].object].pool];
}

uint64_t page_object(const struct tmem_store *s, uint32_t n)
{
	return s->objects[s->pages[n].object].id;
}

uint32_t page_bytes(const struct tmem_store *s, uint32_t blob)
{
	struct blob_bytes bytes;

	blob_bytes(&s->blobs, blob, &bytes);
	return bytes.size;
}

bool page_is_pending(const struct pool *p, const struct page *page)
{
	return p->export && !(page->epoch == p->epoch && page->flags & PAGE_SENT);
}

void list_append(struct tmem_store *s, struct list *list, uint32_t n)
{
	struct page *page = &s->pages[n];

	page->prev = list->last;
	page->next = 0;
	if (list->last)
		s->pages[list->last].next = n;
	else
		list->first = n;
	list->last = n;
}

void list_remove(struct tmem_store *s, struct list *list, uint32_t n)
{
	struct page *page = &s->pages[n];

	if (page->prev)
		s->pages[page->prev].next = page->next;
	else
		list->first = page->next;
	if (page->next)
		s->pages[page->next].prev = page->prev;
	else
		list->last = page->prev;
}

void list_splice(struct tmem_store *s, struct list *to, struct list *from)
{
	if (!from->first)
		return;
	s->pages[from->first].prev = to->last;
	if (to->last)
		s->pages[to->last].next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	from->first = 0;
	from->last = 0;
}

/* Every object has a page, and there are as many numbers. */
static uint32_t object_make(struct tmem_store *s, uint32_t pool, uint64_t id)
{
	uint32_t *bucket = object_bucket(s, pool, id);
	uint32_t n = s->object_free;

	if (n)
		s->object_free = s->objects[n].chain;
	else if (s->object_high <= s->arena.super->pages)
		n = s->object_high++;
	else
		return 0;
	s->objects[n] = (struct object){ .id = id, .pool = pool, .chain = *bucket };
	*bucket = n;
	return n;
}

static void object_release(struct tmem_store *s, uint32_t n)
{
	uint32_t *link = object_bucket(s, s->objects[n].pool, s->objects[n].id);

	while (*link != n)
		link = &s->objects[*link].chain;
	*link = s->objects[n].chain;
	s->objects[n].chain = s->object_free;
	s->object_free = n;
}

static void page_link_object(struct tmem_store *s, uint32_t n)
{
	struct object *o = &s->objects[s->pages[n].object];

	s->pages[n].left = 0;
	s->pages[n].right = o->pages;
	if (o->pages)
		s->pages[o->pages].left = n;
	o->pages = n;
}

static void page_unlink_object(struct tmem_store *s, uint32_t n)
{
	struct page *page = &s->pages[n];

	if (page->left)
		s->pages[page->left].right = page->right;
	else
		s->objects[page->object].pages = page->right;
	if (page->right)
		s->pages[page->right].left = page->left;
	if (!s->objects[page->object].pages)
		object_release(s, page->object);
}

/* A page of @blob comes to (@sign 1) or goes from (-1) @p. */
static void page_account(struct tmem_store *s, struct pool *p, uint32_t blob, int64_t sign)
{
	uint32_t bytes = page_bytes(s, blob);
	struct tmem_domain *d;

	s->page_count += sign;
	s->zero_pages += blob == BLOB_ZERO ? sign : 0;
	p->count += sign;
	p->bytes += sign * bytes;
	if (pool_is_persistent(p))
		s->persistent += sign;
	else
		s->ephemeral_bytes += sign * bytes;
	/* What a domain lost already does not count to it. */
	if (p->domain == ARENA_NOBODY || p->state == ARENA_GOING)
		return;
	d = &s->domains[p->domain];
	d->info.stored_bytes += sign * bytes;
	if (pool_is_persistent(p))
		d->info.persistent += sign;
	else
		d->info.ephemeral += sign;
}

bool page_enter(struct tmem_store *s, uint32_t n, uint32_t pool, uint64_t object, uint32_t index,
		uint32_t blob)
{
	struct pool *p = &s->pools[pool];
	uint32_t o = object_find(s, pool, object), *bucket;

	if (!o)
		o = object_make(s, pool, object);
	if (!o)
		return false;
	bucket = page_bucket(s, o, index);
	s->pages[n] = (struct page){ .object = o, .index = index, .blob = blob, .chain = *bucket };
	*bucket = n;
	page_link_object(s, n);
	if (p->export)
		export_page_added(p, &s->pages[n]);
	list_append(s, page_is_pending(p, &s->pages[n]) ? &p->pending : &p->pages, n);
	if (!pool_is_persistent(p))
		account_add(s, pool_account(s, p), n);
	page_account(s, p, blob, 1);
	return true;
}

static uint64_t page_word(uint32_t blob)
{
	return blob == BLOB_BAD ? ARENA_PAGE_BAD : ARENA_PAGE_HELD | blob;
}

bool page_add(struct tmem_store *s, uint32_t pool, uint64_t object, uint32_t index, uint32_t blob)
{
	uint32_t n = s->page_free;
	struct arena_page *rec = &s->arena.pages[n];

	s->page_free = s->pages[n].chain;
	if (!page_enter(s, n, pool, object, index, blob)) {
		page_release_number(s, n);
		return false;
	}
	rec->object = object;
	rec->index = index;
	rec->pool = pool;
	rec->check = arena_page_check(&s->arena, rec);
	arena_commit(&rec->word, page_word(blob));
	return true;
}

void page_replace(struct tmem_store *s, uint32_t n, uint32_t blob)
{
	struct page *page = &s->pages[n];
	struct pool *p = page_pool(s, n);
	uint32_t old = page->blob;

	if (p->export)
		export_page_changes(s, p, n);
	arena_commit(&s->arena.pages[n].word, page_word(blob));
	page_account(s, p, old, -1);
	page->blob = blob;
	page_account(s, p, blob, 1);
	blob_drop(&s->blobs, old);
	page_touch(s, n);
}

void page_remove(struct tmem_store *s, uint32_t n)
{
	struct page *page = &s->pages[n];
	struct pool *p = page_pool(s, n);
	uint32_t *link = page_bucket(s, page->object, page->index);

	if (p->export)
		export_page_goes(s, p, n);
	arena_commit(&s->arena.pages[n].word, 0);
	while (*link != n)
		link = &s->pages[*link].chain;
	*link = page->chain;
	list_remove(s, page_is_pending(p, page) ? &p->pending : &p->pages, n);
	if (!pool_is_persistent(p))
		account_remove(s, pool_account(s, p), n);
	page_account(s, p, page->blob, -1);
	blob_drop(&s->blobs, page->blob);
	page_unlink_object(s, n);
	page_release_number(s, n);
}

void page_touch(struct tmem_store *s, uint32_t n)
{
	struct pool *p = page_pool(s, n);
	struct account *a;

	if (pool_is_persistent(p))
		return;
	a = pool_account(s, p);
	account_remove(s, a, n);
	account_add(s, a, n);
}
