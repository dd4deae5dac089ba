/*
 * A netlink socket for JavaScript: open, bind, setsockopt, filter, send, recv, watch, unwatch, close.
 * Everything else (messages, batching, resynchronisation) is TypeScript in src/kernel/linux.
 *
 * Every function answers a number: a result >= 0 or -errno. Nothing throws; a wrong argument is -EINVAL.
 * Linked without libc (-nodefaultlibs): its few symbols come from the node process, glibc or musl.
 */
#define NAPI_VERSION 8
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <node_api.h>
#include <uv.h>

#define MAX_ARGS 4

static napi_value number(napi_env env, int64_t value)
{
	napi_value result;
	return napi_create_int64(env, value, &result) == napi_ok ? result : NULL;
}

/* Fetches exactly `wanted` arguments. */
static int arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *argv)
{
	size_t argc = MAX_ARGS;
	return napi_get_cb_info(env, info, &argc, argv, NULL, NULL) == napi_ok && argc >= wanted;
}

static int integer(napi_env env, napi_value value, int32_t *out)
{
	return napi_get_value_int32(env, value, out) == napi_ok;
}

static int bytes(napi_env env, napi_value value, void **data, size_t *length)
{
	bool is = false;
	return napi_is_buffer(env, value, &is) == napi_ok && is && napi_get_buffer_info(env, value, data, length) == napi_ok;
}

/* Returns to our own network namespace. Going on in a foreign one would program the wrong host network. */
static void return_to(int own)
{
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	close(own);
}

/* open(protocol, netnsPath | undefined) -> fd. The socket stays in that namespace for life; this process does not. */
static napi_value Open(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	napi_valuetype type;
	int32_t protocol;
	char path[512];
	size_t length;
	int own = -1, fd, error;

	if (!arguments(env, info, 2, argv) || !integer(env, argv[0], &protocol) || napi_typeof(env, argv[1], &type) != napi_ok)
		return number(env, -EINVAL);
	if (type == napi_string) {
		if (napi_get_value_string_utf8(env, argv[1], path, sizeof(path), &length) != napi_ok || length + 1 == sizeof(path))
			return number(env, -EINVAL);
		int target = open(path, O_RDONLY | O_CLOEXEC);
		if (target < 0)
			return number(env, -errno);
		own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		error = own < 0 || setns(target, CLONE_NEWNET) < 0 ? errno : 0;
		close(target);
		if (error) {
			if (own >= 0)
				close(own);
			return number(env, -error);
		}
	} else if (type != napi_undefined) {
		return number(env, -EINVAL);
	}
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	error = errno;
	if (own >= 0)
		return_to(own);
	return number(env, fd < 0 ? -error : fd);
}

/* bind(fd) -> port id, chosen by the kernel, unsigned. */
static napi_value Bind(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	socklen_t length = sizeof(address);
	int32_t fd;

	if (!arguments(env, info, 1, argv) || !integer(env, argv[0], &fd))
		return number(env, -EINVAL);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return number(env, -errno);
	return number(env, address.nl_pid);
}

/* setsockopt(fd, level, option, value: Buffer) -> 0 */
static napi_value Setsockopt(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	int32_t fd, level, option;
	void *data;
	size_t length;

	if (!arguments(env, info, 4, argv) || !integer(env, argv[0], &fd) || !integer(env, argv[1], &level) ||
	    !integer(env, argv[2], &option) || !bytes(env, argv[3], &data, &length))
		return number(env, -EINVAL);
	return number(env, setsockopt(fd, level, option, data, (socklen_t)length) < 0 ? -errno : 0);
}

/* filter(fd, program: Buffer of struct sock_filter) -> 0. Classic BPF; what it rejects is never queued. */
static napi_value Filter(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	struct sock_fprog program;
	int32_t fd;
	void *data;
	size_t length;

	if (!arguments(env, info, 2, argv) || !integer(env, argv[0], &fd) || !bytes(env, argv[1], &data, &length) ||
	    length % sizeof(struct sock_filter) != 0 || length / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return number(env, -EINVAL);
	program.len = (unsigned short)(length / sizeof(struct sock_filter));
	program.filter = data;
	return number(env, setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0);
}

/* send(fd, data: Buffer, length) -> bytes sent. rtnetlink has carried out every message when this returns. */
static napi_value Send(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	int32_t fd, count;
	void *data;
	size_t length;
	ssize_t sent;

	if (!arguments(env, info, 3, argv) || !integer(env, argv[0], &fd) || !bytes(env, argv[1], &data, &length) ||
	    !integer(env, argv[2], &count) || count < 0 || (size_t)count > length)
		return number(env, -EINVAL);
	do
		sent = send(fd, data, (size_t)count, 0);
	while (sent < 0 && errno == EINTR);
	return number(env, sent < 0 ? -errno : sent);
}

/* recv(fd, into: Buffer) -> size of the datagram, also when it did not fit; -EAGAIN when there is none. */
static napi_value Recv(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	int32_t fd;
	void *data;
	size_t length;
	ssize_t got;

	if (!arguments(env, info, 2, argv) || !integer(env, argv[0], &fd) || !bytes(env, argv[1], &data, &length))
		return number(env, -EINVAL);
	do
		got = recv(fd, data, length, MSG_DONTWAIT | MSG_TRUNC);
	while (got < 0 && errno == EINTR);
	return number(env, got < 0 ? -errno : got);
}

struct watcher {
	uv_poll_t poll; /* first: a handle is its watcher */
	struct watcher *next;
	int fd;
	napi_env env;
	napi_ref callback;
	napi_async_context context;
	napi_async_cleanup_hook_handle hook;
};

/* Of all environments (main thread and workers); guarded by the fd, which is unique in the process. */
static struct watcher *watchers;
static uv_mutex_t guard;
static uv_once_t once = UV_ONCE_INIT;

static void create_guard(void)
{
	if (uv_mutex_init(&guard) != 0)
		abort();
}

static void enlist(struct watcher *watcher)
{
	uv_mutex_lock(&guard);
	watcher->next = watchers;
	watchers = watcher;
	uv_mutex_unlock(&guard);
}

static struct watcher *delist(int fd)
{
	struct watcher **at, *found;
	uv_mutex_lock(&guard);
	for (at = &watchers; *at && (*at)->fd != fd; at = &(*at)->next)
		;
	found = *at;
	if (found)
		*at = found->next;
	uv_mutex_unlock(&guard);
	return found;
}

/*
 * A pending socket error (ENOBUFS) raises EPOLLERR: libuv stops the handle and calls with a negative status.
 * Started again here, or the watcher would be deaf for good; the listener drains the socket and sees the error.
 */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watcher *watcher = (struct watcher *)poll;
	napi_handle_scope scope;
	napi_value callback, receiver, error;
	(void)events;

	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_poll);
	if (napi_open_handle_scope(watcher->env, &scope) != napi_ok)
		return;
	if (napi_get_reference_value(watcher->env, watcher->callback, &callback) == napi_ok &&
	    napi_get_global(watcher->env, &receiver) == napi_ok &&
	    napi_make_callback(watcher->env, watcher->context, receiver, callback, 0, NULL, NULL) == napi_pending_exception &&
	    /* Left pending it would go unseen, and no listener would ever be called again. */
	    napi_get_and_clear_last_exception(watcher->env, &error) == napi_ok)
		napi_fatal_exception(watcher->env, error);
	napi_close_handle_scope(watcher->env, scope);
}

static void on_closed(uv_handle_t *handle)
{
	struct watcher *watcher = (struct watcher *)handle;
	napi_remove_async_cleanup_hook(watcher->hook);
	free(watcher);
}

static void stop(struct watcher *watcher)
{
	napi_delete_reference(watcher->env, watcher->callback);
	napi_async_destroy(watcher->env, watcher->context);
	uv_poll_stop(&watcher->poll);
	uv_close((uv_handle_t *)&watcher->poll, on_closed);
}

/* The environment ends while we still watch. */
static void on_exit_of(napi_async_cleanup_hook_handle hook, void *data)
{
	struct watcher *watcher = data;
	(void)hook;
	if (delist(watcher->fd))
		stop(watcher);
}

static int start(napi_env env, int fd, napi_value listener, struct watcher *watcher)
{
	napi_value name;
	uv_loop_t *loop;

	watcher->fd = fd;
	watcher->env = env;
	if (napi_get_uv_event_loop(env, &loop) != napi_ok ||
	    napi_create_string_utf8(env, "fairlead:netlink", NAPI_AUTO_LENGTH, &name) != napi_ok)
		return -EINVAL;
	int error = uv_poll_init(loop, &watcher->poll, fd);
	if (error < 0)
		return error;
	if (napi_create_reference(env, listener, 1, &watcher->callback) != napi_ok ||
	    napi_async_init(env, NULL, name, &watcher->context) != napi_ok ||
	    napi_add_async_cleanup_hook(env, on_exit_of, watcher, &watcher->hook) != napi_ok)
		abort(); /* out of memory, with a handle already on the loop */
	return uv_poll_start(&watcher->poll, UV_READABLE, on_poll);
}

/* watch(fd, listener) -> 0. The listener is called, without arguments, while the socket is readable or has an error. */
static napi_value Watch(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	napi_valuetype type;
	int32_t fd;

	if (!arguments(env, info, 2, argv) || !integer(env, argv[0], &fd) || napi_typeof(env, argv[1], &type) != napi_ok ||
	    type != napi_function)
		return number(env, -EINVAL);
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	if (!watcher)
		return number(env, -ENOMEM);
	int error = start(env, fd, argv[1], watcher);
	if (error < 0 && !watcher->hook) {
		free(watcher);
		return number(env, error);
	}
	if (error < 0) {
		stop(watcher);
		return number(env, error);
	}
	enlist(watcher);
	return number(env, 0);
}

/* unwatch(fd) -> 0 */
static napi_value Unwatch(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	struct watcher *watcher;
	int32_t fd;

	if (!arguments(env, info, 1, argv) || !integer(env, argv[0], &fd))
		return number(env, -EINVAL);
	watcher = delist(fd);
	if (!watcher)
		return number(env, -ENOENT);
	stop(watcher);
	return number(env, 0);
}

/* close(fd) -> 0. Stops watching first: an epoll set must not outlive its fd. */
static napi_value Close(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	struct watcher *watcher;
	int32_t fd;

	if (!arguments(env, info, 1, argv) || !integer(env, argv[0], &fd))
		return number(env, -EINVAL);
	watcher = delist(fd);
	if (watcher)
		stop(watcher);
	return number(env, close(fd) < 0 ? -errno : 0);
}

NAPI_MODULE_INIT()
{
	static const napi_property_descriptor functions[] = {
#define FUNCTION(name, body) { name, NULL, body, NULL, NULL, NULL, napi_enumerable, NULL }
		FUNCTION("open", Open),           FUNCTION("bind", Bind), FUNCTION("setsockopt", Setsockopt),
		FUNCTION("filter", Filter),       FUNCTION("send", Send), FUNCTION("recv", Recv),
		FUNCTION("watch", Watch),         FUNCTION("unwatch", Unwatch),
		FUNCTION("close", Close),
	};
	uv_once(&once, create_guard);
	if (napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions) != napi_ok)
		return NULL;
	return exports;
}
