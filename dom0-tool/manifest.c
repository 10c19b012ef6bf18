// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stillpoint/version.h>

#include "config.h"
#include "json_add.h"
#include "manifest.h"
#include "msg.h"

/* A manifest that is longer is none. */
#define MANIFEST_BYTES (1u << 20)

#define MANIFEST_DISKS 256

static int manifest_open_file(int dir, const char *name, struct stat *st)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return msg_error("cannot open '%s' of the backup: %s", name, strerror(errno));
	if (!fstat(fd, st) && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return msg_error("'%s' of the backup is no regular file", name);
}

int manifest_measure(struct manifest_file *file, int dir, const char *name)
{
	struct stat st;
	int fd = manifest_open_file(dir, name, &st), ret;

	if (fd < 0)
		return -1;
	snprintf(file->name, sizeof(file->name), "%s", name);
	ret = digest_file(fd, name, file->sha256, &file->bytes);
	if (!ret && fsync(fd))
		ret = msg_error("cannot bring '%s' to disk: %s", name, strerror(errno));
	close(fd);
	return ret;
}

static json_object *manifest_file_json(const struct manifest_file *file)
{
	json_object *o;

	if (!*file->name)
		return NULL;
	o = json_object_new_object();
	add_string(o, "file", file->name);
	add_number(o, "bytes", file->bytes);
	add_string(o, "sha256", file->sha256);
	return o;
}

static json_object *manifest_disks_json(const struct manifest *m)
{
	json_object *array = json_object_new_array(), *o;
	const struct disk *d;
	size_t i;

	for (i = 0; i < m->disks.n; i++) {
		d = &m->disks.disk[i];
		o = manifest_file_json(&m->files[i]);
		add_string(o, "vdev", d->vdev);
		add_string(o, "format", d->format);
		add_string(o, "device", d->device);
		add_string(o, "path", d->path);
		add_boolean(o, "block", d->block);
		add_boolean(o, "readonly", d->readonly);
		json_object_array_add(array, o);
	}
	return array;
}

static json_object *manifest_json(const struct manifest *m)
{
	json_object *o = json_object_new_object();

	add_number(o, "stillpoint_backup", MANIFEST_VERSION);
	add_string(o, "version", STILLPOINT_VERSION);
	add_string(o, "domain", m->domain);
	add_number(o, "created", m->created);
	add_boolean(o, "quiesced", m->quiesced);
	add_boolean(o, "encrypted", m->encrypted);
	json_object_object_add(o, "memory", manifest_file_json(&m->memory));
	json_object_object_add(o, "config", manifest_file_json(&m->config));
	json_object_object_add(o, "disks", manifest_disks_json(m));
	return o;
}

static int manifest_write_text(int dir, const char *text)
{
	int fd = openat(dir, MANIFEST_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t size = strlen(text), done = 0;
	ssize_t n = 0;
	int ret;

	if (fd < 0)
		return msg_error("cannot make '" MANIFEST_NAME "': %s", strerror(errno));
	for (; done < size && n >= 0; done += n > 0 ? n : 0)
		n = write(fd, text + done, size - done);
	ret = n < 0 || fsync(fd) ?
		      msg_error("cannot write '" MANIFEST_NAME "': %s", strerror(errno)) :
		      0;
	close(fd);
	return ret;
}

int manifest_write(const struct manifest *m, int dir)
{
	json_object *o = manifest_json(m);
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	int ret = text ? manifest_write_text(dir, text) : msg_error("out of memory");

	json_object_put(o);
	return ret;
}

/* Members of an object, which may be anything. */
static const char *manifest_string(json_object *o, const char *key)
{
	json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string) ||
	    strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v))
		return NULL;
	return json_object_get_string(v);
}

static int64_t manifest_number(json_object *o, const char *key)
{
	json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int))
		return -1;
	return json_object_get_int64(v);
}

static bool manifest_boolean(json_object *o, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_get_boolean(v);
}

static int manifest_bad(const char *what)
{
	return msg_error("the manifest of the backup is damaged: %s", what);
}

static bool manifest_is_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isascii(name[i]) ||
		    (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i])))
			return false;
	return i && i < sizeof(((struct manifest_file *)NULL)->name) && name[0] != '.';
}

static int manifest_parse_file(struct manifest_file *file, json_object *o)
{
	const char *name = manifest_string(o, "file"), *sha = manifest_string(o, "sha256");
	int64_t bytes = manifest_number(o, "bytes");

	if (!name || !manifest_is_name(name) || bytes < 0)
		return manifest_bad("a file has no name or no size");
	if (!sha || strlen(sha) != DIGEST_HEX - 1 ||
	    strspn(sha, "0123456789abcdef") != DIGEST_HEX - 1)
		return manifest_bad("a file has no digest");
	strcpy(file->name, name);
	strcpy(file->sha256, sha);
	file->bytes = bytes;
	return 0;
}

static int manifest_parse_disk(struct manifest *m, json_object *o)
{
	const char *vdev = manifest_string(o, "vdev"), *format = manifest_string(o, "format");
	const char *device = manifest_string(o, "device"), *path = manifest_string(o, "path");
	struct disk *d = &m->disks.disk[m->disks.n];

	memset(d, 0, sizeof(*d));
	if (!vdev || !disks_is_vdev(vdev) || disks_find(&m->disks, vdev))
		return manifest_bad("a disk has no name");
	if (!format || (strcmp(format, "raw") && strcmp(format, "qcow2")))
		return manifest_bad("a disk has no format");
	if (!device || !path || *path != '/')
		return manifest_bad("a disk has no place");
	m->disks.n++;
	strcpy(d->vdev, vdev);
	strcpy(d->format, format);
	d->device = strdup(device);
	d->path = strdup(path);
	d->block = manifest_boolean(o, "block");
	d->readonly = manifest_boolean(o, "readonly");
	if (!d->device || !d->path)
		return msg_error("out of memory");
	return manifest_parse_file(&m->files[m->disks.n - 1], o);
}

static int manifest_parse_disks(struct manifest *m, json_object *o)
{
	json_object *array;
	size_t n, i;

	if (!json_object_object_get_ex(o, "disks", &array) ||
	    !json_object_is_type(array, json_type_array))
		return manifest_bad("it has no disks");
	n = json_object_array_length(array);
	if (n > MANIFEST_DISKS)
		return manifest_bad("it has too many disks");
	m->disks.disk = calloc(n + 1, sizeof(*m->disks.disk));
	m->files = calloc(n + 1, sizeof(*m->files));
	if (!m->disks.disk || !m->files)
		return msg_error("out of memory");
	for (i = 0; i < n; i++)
		if (manifest_parse_disk(m, json_object_array_get_idx(array, i)))
			return -1;
	return 0;
}

static int manifest_parse(struct manifest *m, json_object *o)
{
	int64_t version = manifest_number(o, "stillpoint_backup");
	const char *domain = manifest_string(o, "domain");
	json_object *part;

	if (version < 0)
		return manifest_bad("it is of no backup");
	if (version != MANIFEST_VERSION)
		return msg_error("the backup has version %lld, this tool reads %d",
				 (long long)version, MANIFEST_VERSION);
	if (!domain || config_check_name(domain))
		return manifest_bad("it has no domain");
	m->domain = strdup(domain);
	if (!m->domain)
		return msg_error("out of memory");
	m->created = manifest_number(o, "created");
	m->quiesced = manifest_boolean(o, "quiesced");
	m->encrypted = manifest_boolean(o, "encrypted");
	if (json_object_object_get_ex(o, "memory", &part) && part &&
	    manifest_parse_file(&m->memory, part))
		return -1;
	if (json_object_object_get_ex(o, "config", &part) && part &&
	    manifest_parse_file(&m->config, part))
		return -1;
	return manifest_parse_disks(m, o);
}

/* The whole file as a string; free() it. NULL with an error recorded. */
static char *manifest_slurp(int dir)
{
	struct stat st;
	int fd = manifest_open_file(dir, MANIFEST_NAME, &st);
	char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (st.st_size > MANIFEST_BYTES) {
		manifest_bad("it is too long");
	} else {
		text = calloc(1, st.st_size + 1);
		n = text ? pread(fd, text, st.st_size, 0) : -1;
		if (n != st.st_size) {
			msg_error("cannot read '" MANIFEST_NAME "'");
			free(text);
			text = NULL;
		}
	}
	close(fd);
	return text;
}

int manifest_read(struct manifest *m, int dir)
{
	json_object *o;
	char *text;
	int ret;

	memset(m, 0, sizeof(*m));
	text = manifest_slurp(dir);
	if (!text)
		return -1;
	o = json_tokener_parse(text);
	free(text);
	ret = json_object_is_type(o, json_type_object) ? manifest_parse(m, o) :
							 manifest_bad("it is no JSON object");
	json_object_put(o);
	return ret;
}

int manifest_open(const struct manifest_file *file, int dir)
{
	struct stat st;
	int fd = manifest_open_file(dir, file->name, &st);

	if (fd >= 0 && (uint64_t)st.st_size != file->bytes) {
		msg_error("'%s' of the backup has %llu bytes, its manifest says %llu", file->name,
			  (unsigned long long)st.st_size, (unsigned long long)file->bytes);
		close(fd);
		return -1;
	}
	return fd;
}

int manifest_open_checked(const struct manifest_file *file, int dir)
{
	int fd = manifest_open(file, dir);
	char hex[DIGEST_HEX];
	uint64_t bytes;

	if (fd < 0)
		return -1;
	if (digest_file(fd, file->name, hex, &bytes)) {
		close(fd);
		return -1;
	}
	if (bytes != file->bytes || strcmp(hex, file->sha256)) {
		close(fd);
		return msg_error("'%s' of the backup is damaged: its digest is not the manifest's",
				 file->name);
	}
	return fd;
}

static int manifest_check_file(const struct manifest_file *file, int dir)
{
	int fd;

	if (!*file->name)
		return 0;
	fd = manifest_open_checked(file, dir);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int manifest_check(const struct manifest *m, int dir)
{
	size_t i;

	if (manifest_check_file(&m->memory, dir) || manifest_check_file(&m->config, dir))
		return -1;
	for (i = 0; i < m->disks.n; i++)
		if (manifest_check_file(&m->files[i], dir))
			return -1;
	return 0;
}

void manifest_free(struct manifest *m)
{
	disks_free(&m->disks);
	free(m->files);
	free(m->domain);
	memset(m, 0, sizeof(*m));
}
