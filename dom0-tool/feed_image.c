// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "feed_image.h"
#include "image/tap.h"
#include "input.h"
#include "msg.h"
#include "signals.h"

enum feed_say {
	FEED_CONFIG, /* the configuration, without its final zero */
	FEED_GO,     /* the answer: the configuration to use, or nothing */
	FEED_DONE,   /* a struct feed_image_result */
	FEED_BROKEN, /* the text of an error */
};

/**
 * struct feed_word - what is said over the socket; followed by @size bytes
 */
struct feed_word {
	uint32_t say;
	uint32_t size;
};

/**
 * struct feeder - the process
 * @src: the image, from before it is pumped
 * @imp: where tmem pools go
 * @asked: the configuration was agreed to
 * @config: to be used in place of the image's
 */
struct feeder {
	int talk;
	struct output out;
	struct image *img;
	struct tap tap;
	struct source *src;
	struct pool_import *imp;
	bool asked;
	char *config;
};

static int feed_send_bytes(int talk, const void *data, size_t size)
{
	const char *p = data;
	ssize_t n;

	while (size) {
		n = send(talk, p, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR && !signals_check())
			continue;
		if (n <= 0)
			return msg_error("the process that reads the image is gone");
		p += n;
		size -= n;
	}
	return 0;
}

static int feed_send(int talk, enum feed_say say, const void *data, size_t size)
{
	struct feed_word word = { .say = say, .size = size };

	return feed_send_bytes(talk, &word, sizeof(word)) || feed_send_bytes(talk, data, size) ?
		       -1 :
		       0;
}

static int feed_receive_bytes(int talk, void *data, size_t size)
{
	char *p = data;
	ssize_t n;

	while (size) {
		n = recv(talk, p, size, 0);
		if (n < 0 && errno == EINTR && !signals_check())
			continue;
		if (n <= 0)
			return msg_error("the process that reads the image is gone");
		p += n;
		size -= n;
	}
	return 0;
}

/* *data becomes what was said, and a zero behind it; free() it. 0 or -1, recorded. */
static int feed_receive(int talk, struct feed_word *word, char **data)
{
	if (feed_receive_bytes(talk, word, sizeof(*word)))
		return -1;
	*data = malloc((size_t)word->size + 1);
	if (!*data)
		return msg_error("out of memory for %u bytes", word->size);
	(*data)[word->size] = '\0';
	if (!feed_receive_bytes(talk, *data, word->size))
		return 0;
	free(*data);
	return -1;
}

/* No page goes on of an image whose tmem pools would be lost. */
static int feeder_check_side(const struct feeder *f)
{
	if (!source_has_side(&f->src->info))
		return 0;
	return msg_error(
		"its tmem pools are in a side file; restore it from a file, with --tmem-file");
}

/* In the feeder: show the configuration, and wait until it is agreed to. */
static int feeder_config(void *data, const char *config)
{
	struct feeder *f = data;
	struct feed_word word;
	char *answer;

	if (f->asked)
		return msg_error("the image has a second configuration, which nobody agreed to");
	f->asked = true;
	if (feeder_check_side(f))
		return -1;
	if (feed_send(f->talk, FEED_CONFIG, config, strlen(config)) ||
	    feed_receive(f->talk, &word, &answer))
		return -1;
	if (word.size) {
		f->config = answer;
		f->tap.config = answer;
	} else {
		free(answer);
	}
	return 0;
}

static int feeder_refuse(void)
{
	return msg_error("the image has tmem pools, for which there is no place");
}

/* In the feeder: whether the image's tmem pools can be restored at all. */
static int feeder_tmem(void *data, const struct tmem_state *tmem)
{
	struct feeder *f = data;

	return f->imp ? pool_import_begin(f->imp, &tmem->head) : feeder_refuse();
}

static int feeder_take(void *data, const struct image_tmem *part)
{
	struct feeder *f = data;

	return f->imp ? pool_import_take(f->imp, part) : feeder_refuse();
}

/* The store has all of the pools before the domain can be complete. */
static int feeder_tail(void *data)
{
	struct feeder *f = data;

	return f->imp ? pool_import_end(f->imp) : 0;
}

static void feeder_tell(const struct feeder *f, struct feed_image_result *res)
{
	const struct source_info *info = &f->src->info;

	res->pages = input_pages(info);
	res->tmem_pages = input_tmem_pages(info);
	res->token = f->imp ? f->imp->token : 0;
	res->digest = info->digest;
}

static int feeder_pump(struct feeder *f, int fd, const struct source_options *opts,
		       struct feed_image_result *res)
{
	static const struct image_options xl = { .layout = IMAGE_XL };
	int ret;

	f->img = image_new(&f->out, &xl);
	if (!f->img)
		return -1;
	tap_init(&f->tap, f->img);
	f->tap.tmem = feeder_take;
	f->tap.tail = feeder_tail;
	f->tap.data = f;
	f->src = source_open(fd, opts);
	if (!f->src)
		return -1;
	ret = source_pump(f->src, &f->tap.img);
	if (!ret && output_flush(&f->out)) {
		f->tap.failed = true;
		ret = -1;
	}
	feeder_tell(f, res);
	source_free(f->src);
	f->img->ops->free(f->img);
	return ret;
}

/* Standard output is the pipe. If that breaks, whoever reads it has more to tell. */
static void feeder_run(int talk, int fd, const struct source_options *given,
		       struct pool_import *imp)
{
	struct feeder f = { .talk = talk, .imp = imp };
	struct source_options opts = {
		.secret = given->secret,
		.must_decrypt = given->must_decrypt,
		.threads = given->threads,
		.config = feeder_config,
		.tmem = feeder_tmem,
		.data = &f,
	};
	struct feed_image_result res;
	int ret;

	memset(&res, 0, sizeof(res));
	msg_error_clear();
	ret = output_open(&f.out, "-", false) || feeder_pump(&f, fd, &opts, &res) ? -1 : 0;
	if (!ret)
		feed_send(talk, FEED_DONE, &res, sizeof(res));
	else if (!f.tap.failed)
		feed_send(talk, FEED_BROKEN, msg_error_text(), strlen(msg_error_text()));
	output_close(&f.out);
	free(f.config);
}

/* Signals do what they do to other processes: whoever is stopped tells it by being gone. */
static void feeder_signals(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	unsigned int i;

	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
}

static int feed_fork(struct feed_image *f, int fd, const struct source_options *opts,
		     struct pool_import *imp, const int ends[2], const int talk[2])
{
	f->feed.fd = ends[0];
	f->talk = talk[0];
	f->feed.pid = fork();
	if (!f->feed.pid) {
		feeder_signals();
		close(ends[0]);
		close(talk[0]);
		/* If the image is standard input, it stays so. */
		if (dup2(ends[1], STDOUT_FILENO) < 0)
			_exit(1);
		close(ends[1]);
		feeder_run(talk[1], fd, opts, imp);
		_exit(0);
	}
	close(ends[1]);
	close(talk[1]);
	if (f->feed.pid > 0)
		return 0;
	close(ends[0]);
	close(talk[0]);
	f->feed.fd = -1;
	f->talk = -1;
	return msg_error("cannot start a process: %s", strerror(errno));
}

int feed_image_start(struct feed_image *f, int fd, const struct source_options *opts,
		     struct pool_import *imp)
{
	int ends[2], talk[2];

	if (pipe2(ends, O_CLOEXEC))
		return msg_error("cannot make a pipe: %s", strerror(errno));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk)) {
		close(ends[0]);
		close(ends[1]);
		return msg_error("cannot make a pair of sockets: %s", strerror(errno));
	}
	return feed_fork(f, fd, opts, imp, ends, talk);
}

int feed_image_config(struct feed_image *f, char **config)
{
	struct feed_word word;
	char *data;

	if (feed_receive(f->talk, &word, &data))
		return -1;
	if (word.say == FEED_CONFIG) {
		*config = data;
		return 0;
	}
	msg_error("%s", data);
	free(data);
	return -1;
}

int feed_image_go(struct feed_image *f, const char *config)
{
	return feed_send(f->talk, FEED_GO, config ? config : "", config ? strlen(config) : 0);
}

/* What it says last; it may be gone without a word. */
static int feed_image_last(struct feed_image *f, struct feed_image_result *res)
{
	struct feed_word word;
	char *data;
	int ret = 0;

	if (feed_receive(f->talk, &word, &data))
		return 1;
	if (word.say == FEED_DONE && word.size == sizeof(*res)) {
		memcpy(res, data, sizeof(*res));
	} else {
		msg_error_clear();
		ret = msg_error("%s", data);
	}
	free(data);
	return ret;
}

int feed_image_end(struct feed_image *f, bool failed, struct feed_image_result *res)
{
	int ret;

	if (failed && signals_stop())
		return 1;
	if (failed) {
		/* It may wait for a reader of the pipe, or for more of the image. */
		close(f->feed.fd);
		f->feed.fd = -1;
		shutdown(f->talk, SHUT_WR);
		kill(f->feed.pid, SIGTERM);
	}
	ret = feed_image_last(f, res);
	return failed && !ret ? 1 : ret;
}

void feed_image_stop(struct feed_image *f)
{
	close(f->talk);
	feed_stop(&f->feed);
}
