// An inference worker that does no work: it answers at once, or streams events at an even pace, and costs so little
// that the router in front of it is what is measured. One process plays several workers, one per port; each thread
// runs one edge-triggered epoll loop over all of them.

#define _GNU_SOURCE
#include "mock_options.h"
#include "request_reader.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024)
#define EVENTS_PER_WAIT 512

static const char stream_head[] =
    "HTTP/1.1 200 OK\r\nserver: mock\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
static const char stream_end[] = "e\r\n" DONE_LINE "\n\n\r\n0\r\n\r\n";
static char *plain_answer;
static size_t plain_answer_bytes;
static char event_template[512];
static size_t event_bytes;
static size_t event_line_offset;

static _Atomic uint64_t answered[WORKERS_MAX];

// One connection; `next` and `previous` link it into the loop's queue of streams that wait for their next event.
struct connection {
    int socket;
    int worker;
    bool listener, streaming, blocked, queued, closed;
    struct request request;
    char *unsent;
    size_t unsent_bytes;
    uint64_t requested_ns, due_ns, sequence;
    struct connection *next, *previous;
};

// What one thread serves; connections that were closed wait in `dead` until no event can name them.
struct loop {
    int epoll;
    char *buffer;
    struct connection *first, *last;
    struct connection *dead;
};

static void unlink_stream(struct loop *loop, struct connection *connection) {
    if (!connection->queued) return;
    if (connection->previous) connection->previous->next = connection->next;
    else loop->first = connection->next;
    if (connection->next) connection->next->previous = connection->previous;
    else loop->last = connection->previous;
    connection->queued = false;
}

// Keeps the queue sorted by due time; with one interval for all streams the place is nearly always the end.
static void link_stream(struct loop *loop, struct connection *connection) {
    struct connection *before = loop->last;
    while (before && before->due_ns > connection->due_ns) before = before->previous;
    connection->previous = before;
    connection->next = before ? before->next : loop->first;
    if (connection->next) connection->next->previous = connection;
    else loop->last = connection;
    if (before) before->next = connection;
    else loop->first = connection;
    connection->queued = true;
}

// Closes now, frees after the batch of epoll events, which may still name the connection.
static void close_connection(struct loop *loop, struct connection *connection) {
    if (connection->closed) return;
    unlink_stream(loop, connection);
    close(connection->socket);
    connection->closed = true;
    connection->next = loop->dead;
    loop->dead = connection;
}

static void free_closed(struct loop *loop) {
    while (loop->dead) {
        struct connection *connection = loop->dead;
        loop->dead = connection->next;
        free(connection->request.head);
        free(connection->unsent);
        free(connection);
    }
}

// Sends all, or keeps what the socket does not take until it is writable again. False when the peer has gone.
static bool send_all(struct connection *connection, const char *bytes, size_t count) {
    if (connection->unsent_bytes == 0) {
        ssize_t sent = send(connection->socket, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
        }
        if (count == 0) return true;
    }
    connection->unsent = realloc(connection->unsent, connection->unsent_bytes + count);
    if (!connection->unsent) fail("out of memory");
    memcpy(connection->unsent + connection->unsent_bytes, bytes, count);
    connection->unsent_bytes += count;
    connection->blocked = true;
    return true;
}

static bool send_text(struct connection *connection, const char *status, const char *body) {
    char text[1024];
    int count = snprintf(text, sizeof text,
                         "HTTP/1.1 %s\r\nserver: mock\r\ncontent-type: application/json\r\n"
                         "content-length: %zu\r\n\r\n%s",
                         status, strlen(body), body);
    return send_all(connection, text, (size_t)count);
}

// What routers ask a worker about itself before they send it requests.
static bool send_description(struct connection *connection) {
    static const struct { const char *path, *body; } descriptions[] = {
        {"/health", ""},
        {"/health_generate", ""},
        {"/v1/models", "{\"object\":\"list\",\"data\":[{\"id\":\"mock-model\",\"object\":\"model\",\"created\":1,"
                       "\"owned_by\":\"mock\",\"root\":\"mock-model\",\"max_model_len\":131072}]}"},
        {"/get_model_info", "{\"model_path\":\"mock-model\",\"tokenizer_path\":\"mock-model\",\"is_generation\":true}"},
        {"/model_info", "{\"model_path\":\"mock-model\",\"tokenizer_path\":\"mock-model\",\"is_generation\":true}"},
        {"/get_server_info", "{\"model_path\":\"mock-model\",\"served_model_name\":\"mock-model\",\"tp_size\":1,"
                             "\"dp_size\":1}"},
        {"/server_info", "{\"model_path\":\"mock-model\",\"served_model_name\":\"mock-model\",\"tp_size\":1,"
                         "\"dp_size\":1}"},
        {"/get_load", "[{\"dp_rank\":0,\"num_reqs\":0,\"num_waiting_reqs\":0,\"num_tokens\":0}]"},
    };
    for (size_t index = 0; index < sizeof descriptions / sizeof *descriptions; index++) {
        if (strcmp(connection->request.path, descriptions[index].path) == 0) {
            return send_text(connection, "200 OK", descriptions[index].body);
        }
    }
    return send_text(connection, "404 Not Found", "{\"error\":\"unknown path\"}");
}

// Starts the answer to a request that has arrived completely.
static bool answer(struct loop *loop, struct connection *connection) {
    if (!connection->request.is_post || strcmp(connection->request.path, "/v1/chat/completions") != 0) {
        return send_description(connection);
    }
    atomic_fetch_add_explicit(&answered[connection->worker], 1, memory_order_relaxed);
    if (options.events == 0) {
        return send_all(connection, plain_answer, plain_answer_bytes);
    }
    connection->streaming = true;
    connection->requested_ns = now_ns();
    connection->sequence = 0;
    connection->due_ns = connection->requested_ns + options.interval_ns;
    if (!send_all(connection, stream_head, sizeof stream_head - 1)) return false;
    if (!connection->blocked) link_stream(loop, connection);
    return true;
}

// Sends the event that is due, and queues the stream for the next one. The last event carries the end with it. False
// when the connection is to be closed.
static bool send_event(struct loop *loop, struct connection *connection) {
    char bytes[sizeof event_template + sizeof stream_end];
    memcpy(bytes, event_template, event_bytes);
    char *line = bytes + event_line_offset;
    write_digits(line + SEQUENCE_OFFSET, SEQUENCE_DIGITS, connection->sequence);
    write_digits(line + REQUESTED_OFFSET, TIME_DIGITS, connection->requested_ns);
    size_t count = event_bytes;
    bool is_last = ++connection->sequence == options.events;
    if (is_last) {
        memcpy(bytes + count, stream_end, sizeof stream_end - 1);
        count += sizeof stream_end - 1;
        connection->streaming = false;
    }
    connection->due_ns += options.interval_ns;
    write_digits(line + SENT_OFFSET, TIME_DIGITS, now_ns());
    if (!send_all(connection, bytes, count)) return false;
    if (!is_last && !connection->blocked) link_stream(loop, connection);
    return !is_last || !connection->request.closes || connection->blocked;
}

// Consumes what arrived. False when the connection is to be closed.
static bool received(struct loop *loop, struct connection *connection, const char *bytes, size_t count) {
    struct request *request = &connection->request;
    while (count > 0) {
        if (connection->streaming) fail("a router sent bytes of a next request before the stream had ended");
        ssize_t used = request_read(request, bytes, count);
        // Some routers ask first whether the worker speaks HTTP/2.
        if (used < 0 && strncmp(request->head, "PRI ", 4) == 0) return false;
        if (used < 0) fail("a router sent a request that is not HTTP/1.1: %.200s", request->head);
        bytes += used;
        count -= (size_t)used;
        if (request->phase == REQUEST_COMPLETE) {
            request->phase = REQUEST_HEAD;
            if (!answer(loop, connection)) return false;
        }
    }
    return true;
}

// Reads until a short read, or to the end when the router has closed its side: no other event will tell of it.
static void readable(struct loop *loop, struct connection *connection, bool to_end) {
    for (;;) {
        ssize_t count = recv(connection->socket, loop->buffer, READ_BYTES, 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0 || !received(loop, connection, loop->buffer, (size_t)count)) {
            close_connection(loop, connection);
            return;
        }
        if (connection->request.closes && !connection->streaming && connection->unsent_bytes == 0) {
            close_connection(loop, connection);
            return;
        }
        if (count < READ_BYTES && !to_end) return;
    }
}

static void writable(struct loop *loop, struct connection *connection) {
    if (!connection->blocked) return;
    ssize_t sent = send(connection->socket, connection->unsent, connection->unsent_bytes, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) close_connection(loop, connection);
        return;
    }
    connection->unsent_bytes -= (size_t)sent;
    memmove(connection->unsent, connection->unsent + sent, connection->unsent_bytes);
    if (connection->unsent_bytes > 0) return;
    connection->blocked = false;
    if (connection->streaming) {
        connection->due_ns = now_ns() + options.interval_ns;
        link_stream(loop, connection);
    }
}

static void accept_all(struct loop *loop, struct connection *listener) {
    for (;;) {
        int socket = accept4(listener->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) {
            if (errno == EAGAIN || errno == ECONNABORTED) return;
            fail("accept: %s", strerror(errno));
        }
        int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection) fail("out of memory");
        connection->socket = socket;
        connection->worker = listener->worker;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, socket, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
    }
}

// Sends what is due, once around: with an interval of 0 each stream gets one event, then sockets are looked at again.
static void send_due_events(struct loop *loop) {
    uint64_t now = now_ns();
    struct connection *end = loop->last, *connection;
    bool is_end = false;
    while (!is_end && (connection = loop->first) && connection->due_ns <= now) {
        is_end = connection == end;
        unlink_stream(loop, connection);
        if (!send_event(loop, connection)) close_connection(loop, connection);
    }
}

static int listen_on(int port) {
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(socket_, (struct sockaddr *)&address, sizeof address) < 0 || listen(socket_, 4096) < 0) {
        fail("port %d: %s", port, strerror(errno));
    }
    return socket_;
}

static void *run_loop(void *argument) {
    struct connection *listeners = argument;
    struct loop loop = {.epoll = epoll_create1(EPOLL_CLOEXEC), .buffer = malloc(READ_BYTES)};
    if (loop.epoll < 0 || !loop.buffer) fail("cannot set up a loop: %s", strerror(errno));
    prctl(PR_SET_TIMERSLACK, 1);
    for (int worker = 0; worker < options.workers; worker++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &listeners[worker]};
        if (epoll_ctl(loop.epoll, EPOLL_CTL_ADD, listeners[worker].socket, &event) < 0) {
            fail("epoll_ctl: %s", strerror(errno));
        }
    }
    for (;;) {
        struct epoll_event events[EVENTS_PER_WAIT];
        struct timespec wait = {0, 0};
        if (loop.first) {
            uint64_t now = now_ns(), left = loop.first->due_ns > now ? loop.first->due_ns - now : 0;
            wait = (struct timespec){(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        }
        int count = epoll_pwait2(loop.epoll, events, EVENTS_PER_WAIT, loop.first ? &wait : NULL, NULL);
        if (count < 0 && errno != EINTR) fail("epoll_pwait2: %s", strerror(errno));
        for (int index = 0; index < count; index++) {
            struct connection *connection = events[index].data.ptr;
            if (connection->listener) {
                accept_all(&loop, connection);
                continue;
            }
            if (!connection->closed && events[index].events & EPOLLOUT) writable(&loop, connection);
            if (!connection->closed && events[index].events & ~(uint32_t)EPOLLOUT) {
                readable(&loop, connection, events[index].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
            }
        }
        send_due_events(&loop);
        free_closed(&loop);
    }
    return NULL;
}

static void prepare_answers(void) {
    plain_answer = malloc(256 + options.answer_bytes);
    if (!plain_answer) fail("out of memory");
    int head = sprintf(plain_answer,
                       "HTTP/1.1 200 OK\r\nserver: mock\r\ncontent-type: application/json\r\n"
                       "content-length: %llu\r\n\r\n",
                       (unsigned long long)options.answer_bytes);
    fill_answer(plain_answer + head, options.answer_bytes);
    plain_answer_bytes = (size_t)head + options.answer_bytes;
    event_line_offset = (size_t)sprintf(event_template, "%zx\r\n", EVENT_LINE_BYTES + 2);
    event_bytes = event_line_offset + (size_t)sprintf(event_template + event_line_offset, "%s%0*d-%0*d-%0*d%s\n\n\r\n",
                                                      EVENT_START, SEQUENCE_DIGITS, 0, TIME_DIGITS, 0, TIME_DIGITS, 0,
                                                      EVENT_END);
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    prepare_answers();
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);

    static struct connection listeners[WORKERS_MAX];
    for (int worker = 0; worker < options.workers; worker++) {
        listeners[worker] =
            (struct connection){.socket = listen_on(options.ports[worker]), .worker = worker, .listener = true};
    }
    for (int index = 0; index < options.threads; index++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run_loop, listeners) != 0) fail("cannot start a thread");
    }
    puts("listening");
    fflush(stdout);
    int signal_number;
    sigwait(&signals, &signal_number);
    printf("{\"answered\":[");
    for (int worker = 0; worker < options.workers; worker++) {
        printf("%s%llu", worker ? "," : "", (unsigned long long)atomic_load(&answered[worker]));
    }
    puts("]}");
    return 0;
}
