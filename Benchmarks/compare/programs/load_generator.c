// Sends one request over and over and times the answers: closed loop (each connection asks again at once), open loop
// (requests leave at a fixed rate, and latency counts from the moment when they should have left), and streams.
// Prints "measuring" and "measured" around the window, so that another process can read CPU times at both moments, and
// then one line of JSON. Any wrong or missing answer ends it with an error.

#define _GNU_SOURCE
#include "histogram.h"
#include "load_options.h"
#include "response_reader.h"

#include <arpa/inet.h>
#include <fcntl.h>
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
// How often a loop looks whether it is to stop.
#define LOOK_NS 100000000u

static char *request;
static size_t request_bytes;
static struct expectation expected;
static _Atomic int measuring, stopping;

// One connection; `next` links it into its loop's queue of those without a request (open loop).
struct connection {
    struct loop *loop;
    int socket, port;
    bool busy, blocked;
    size_t sent_bytes;
    uint64_t started_ns, received_ns, start_due_ns;
    struct connection *next;
    struct response response;
};

// What one thread asks and measures.
struct loop {
    int epoll;
    char *buffer;
    struct connection *connections;
    uint64_t count, started;
    // Open loop: the connections without a request, the longest idle one first, and when the next request should leave.
    struct connection *idle, *last_idle;
    uint64_t next_due_ns, period_ns;
    uint64_t requests, events_seen, reconnects;
    struct histogram latency, first_event, first_event_added, event_delay;
};

static void connect_to_router(struct connection *connection) {
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)connection->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connection->socket < 0 || connect(connection->socket, (struct sockaddr *)&address, sizeof address) < 0) {
        fail("cannot connect to port %d: %s", connection->port, strerror(errno));
    }
    int on = 1;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(connection->socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    if (epoll_ctl(connection->loop->epoll, EPOLL_CTL_ADD, connection->socket, &event) < 0) {
        fail("epoll_ctl: %s", strerror(errno));
    }
}

static void reconnect(struct connection *connection) {
    close(connection->socket);
    connect_to_router(connection);
    connection->loop->reconnects++;
}

static void send_rest(struct connection *connection) {
    while (connection->sent_bytes < request_bytes) {
        ssize_t count = send(connection->socket, request + connection->sent_bytes,
                             request_bytes - connection->sent_bytes, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno != EAGAIN) fail("a request could not be sent: %s", strerror(errno));
            connection->blocked = true;
            return;
        }
        connection->sent_bytes += (size_t)count;
    }
    connection->blocked = false;
}

static void start_request(struct connection *connection, uint64_t started_ns) {
    response_reset(&connection->response);
    connection->busy = true;
    connection->sent_bytes = 0;
    connection->started_ns = started_ns;
    send_rest(connection);
}

// Open loop: all connections take turns, as those of many clients would.
static void append_idle(struct loop *loop, struct connection *connection) {
    connection->next = NULL;
    if (loop->idle) loop->last_idle->next = connection;
    else loop->idle = connection;
    loop->last_idle = connection;
}

// Open loop: sends what is due, as far as there are connections; what has to wait keeps its intended time.
static void start_due_requests(struct loop *loop) {
    for (uint64_t now = now_ns(); loop->idle && loop->next_due_ns <= now;) {
        struct connection *connection = loop->idle;
        loop->idle = connection->next;
        start_request(connection, loop->next_due_ns);
        loop->next_due_ns += loop->period_ns;
    }
}

static void complete(struct connection *connection) {
    struct loop *loop = connection->loop;
    if (atomic_load_explicit(&measuring, memory_order_relaxed)) {
        loop->requests++;
        histogram_add(&loop->latency, connection->received_ns - connection->started_ns);
    }
    connection->busy = false;
    if (connection->response.closes) reconnect(connection);
    if (options.rate) {
        append_idle(loop, connection);
    } else {
        start_request(connection, now_ns());
    }
}

static void event_arrived(void *context, uint64_t sequence, uint64_t requested_ns, uint64_t sent_ns) {
    struct connection *connection = context;
    struct loop *loop = connection->loop;
    if (!atomic_load_explicit(&measuring, memory_order_relaxed)) return;
    if (sent_ns > connection->received_ns || requested_ns > sent_ns || requested_ns < connection->started_ns) {
        fail("an event's times are out of order: clocks of different machines, or an altered event");
    }
    loop->events_seen++;
    histogram_add(&loop->event_delay, connection->received_ns - sent_ns);
    if (sequence == 0) {
        uint64_t whole = connection->received_ns - connection->started_ns;
        histogram_add(&loop->first_event, whole);
        histogram_add(&loop->first_event_added, whole - (sent_ns - requested_ns));
    }
}

// Reads until a short read, or to the end when the router has closed its side: no other event will tell of it.
static void readable(struct connection *connection, bool to_end) {
    for (;;) {
        ssize_t count = recv(connection->socket, connection->loop->buffer, READ_BYTES, 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) {
            if (connection->busy && connection->response.phase == UNTIL_CLOSE && count == 0) {
                response_finish(&connection->response, &expected);
                complete(connection);
            } else if (connection->busy) {
                fail("the router closed a connection in the middle of a request: %s",
                     count == 0 ? "end of stream" : strerror(errno));
            } else {
                reconnect(connection);
            }
            return;
        }
        connection->received_ns = now_ns();
        if (!connection->busy) fail("bytes arrived without a request");
        const char *bytes = connection->loop->buffer;
        size_t used = response_read(&connection->response, &expected, connection, bytes, (size_t)count);
        if (used < (size_t)count) fail("bytes arrived after the end of an answer");
        if (connection->response.phase == COMPLETE) {
            if (connection->sent_bytes < request_bytes) fail("an answer came before the whole request was sent");
            bool closes = connection->response.closes;
            complete(connection);
            if (closes) return;
        }
        if (count < READ_BYTES && !to_end) return;
    }
}

// Starts those connections' first requests whose turn it is: spread, so that streams do not tick in step.
static void start_connections(struct loop *loop) {
    uint64_t now = now_ns();
    while (loop->started < loop->count && loop->connections[loop->started].start_due_ns <= now) {
        struct connection *connection = &loop->connections[loop->started++];
        connect_to_router(connection);
        if (options.rate) {
            append_idle(loop, connection);
        } else {
            start_request(connection, now_ns());
        }
    }
}

// Requests that began before a moment must have been answered by now.
static void fail_if_an_answer_is_lost(struct loop *loop, uint64_t before_ns) {
    for (uint64_t index = 0; index < loop->started; index++) {
        struct connection *connection = &loop->connections[index];
        if (connection->busy && connection->started_ns < before_ns) {
            fail("an answer is missing %.1f s after its request", (double)(now_ns() - connection->started_ns) / 1e9);
        }
    }
}

static void *run_loop(void *argument) {
    struct loop *loop = argument;
    prctl(PR_SET_TIMERSLACK, 1);
    while (!atomic_load(&stopping)) {
        start_connections(loop);
        if (options.rate) start_due_requests(loop);
        uint64_t now = now_ns(), wake = now + LOOK_NS;
        if (loop->started < loop->count && loop->connections[loop->started].start_due_ns < wake) {
            wake = loop->connections[loop->started].start_due_ns;
        }
        if (options.rate && loop->idle && loop->next_due_ns < wake) wake = loop->next_due_ns;
        uint64_t left = wake > now ? wake - now : 0;
        struct timespec wait = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        struct epoll_event events[EVENTS_PER_WAIT];
        int count = epoll_pwait2(loop->epoll, events, EVENTS_PER_WAIT, &wait, NULL);
        if (count < 0 && errno != EINTR) fail("epoll_pwait2: %s", strerror(errno));
        for (int index = 0; index < count; index++) {
            struct connection *connection = events[index].data.ptr;
            if (connection->blocked && events[index].events & EPOLLOUT) send_rest(connection);
            if (events[index].events & ~(uint32_t)EPOLLOUT) {
                readable(connection, events[index].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
            }
        }
    }
    return NULL;
}

static void read_request(void) {
    FILE *file = fopen(options.request_path, "rb");
    if (!file || fseek(file, 0, SEEK_END) < 0) fail("%s: %s", options.request_path, strerror(errno));
    request_bytes = (size_t)ftell(file);
    rewind(file);
    request = malloc(request_bytes + 1);
    if (!request || request_bytes == 0 || fread(request, 1, request_bytes, file) != request_bytes) {
        fail("%s cannot be read", options.request_path);
    }
    fclose(file);
}

static void prepare_expectation(void) {
    char *answer = malloc(options.answer_bytes);
    if (!answer) fail("out of memory");
    fill_answer(answer, options.answer_bytes);
    expected = (struct expectation){answer, options.answer_bytes, options.events, event_arrived};
}

// Divides connections, rate and first starts evenly among the threads.
static void prepare_loop(struct loop *loop, uint64_t index, uint64_t started_ns) {
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->buffer = malloc(READ_BYTES);
    loop->count = options.connections / options.threads + (index < options.connections % options.threads);
    loop->connections = calloc(loop->count, sizeof *loop->connections);
    if (loop->epoll < 0 || !loop->buffer || !loop->connections) fail("cannot set up a loop: %s", strerror(errno));
    for (uint64_t number = 0; number < loop->count; number++) {
        uint64_t turn = number * options.threads + index;
        loop->connections[number].loop = loop;
        loop->connections[number].port = options.ports[turn % (uint64_t)options.port_count];
        loop->connections[number].start_due_ns = started_ns + turn * options.stagger_ns / options.connections;
    }
    if (options.rate) {
        loop->period_ns = 1000000000u * options.threads / options.rate;
        loop->next_due_ns = started_ns + options.stagger_ns + index * loop->period_ns / options.threads;
    }
}

static void sleep_until(uint64_t moment_ns) {
    struct timespec moment = {(time_t)(moment_ns / 1000000000u), (long)(moment_ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR) continue;
}

static void announce(const char *what) {
    puts(what);
    fflush(stdout);
}

static void print_times(const char *name, const struct histogram *histogram) {
    printf(",\"%s\":{\"count\":%llu,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name,
           (unsigned long long)histogram->count, histogram_percentile(histogram, 0.5) / 1000,
           histogram_percentile(histogram, 0.99) / 1000, (double)histogram->max / 1000);
}

static void print_results(struct loop *loops, double seconds) {
    struct loop *all = &loops[0];
    for (uint64_t index = 1; index < options.threads; index++) {
        all->requests += loops[index].requests;
        all->events_seen += loops[index].events_seen;
        all->reconnects += loops[index].reconnects;
        histogram_merge(&all->latency, &loops[index].latency);
        histogram_merge(&all->first_event, &loops[index].first_event);
        histogram_merge(&all->first_event_added, &loops[index].first_event_added);
        histogram_merge(&all->event_delay, &loops[index].event_delay);
    }
    printf("{\"seconds\":%.6f,\"requests\":%llu,\"events\":%llu,\"reconnects\":%llu", seconds,
           (unsigned long long)all->requests, (unsigned long long)all->events_seen,
           (unsigned long long)all->reconnects);
    print_times("latency_us", &all->latency);
    print_times("first_event_us", &all->first_event);
    print_times("first_event_added_us", &all->first_event_added);
    print_times("event_delay_us", &all->event_delay);
    puts("}");
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    read_request();
    prepare_expectation();
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_PDEATHSIG, SIGKILL);

    static struct loop loops[THREADS_MAX];
    static pthread_t threads[THREADS_MAX];
    uint64_t started_ns = now_ns() + 1000000;
    for (uint64_t index = 0; index < options.threads; index++) {
        prepare_loop(&loops[index], index, started_ns);
        if (pthread_create(&threads[index], NULL, run_loop, &loops[index]) != 0) fail("cannot start a thread");
    }
    sleep_until(started_ns + options.stagger_ns + options.warm_up_ns);
    uint64_t window_start_ns = now_ns();
    atomic_store(&measuring, 1);
    announce("measuring");
    sleep_until(window_start_ns + options.duration_ns);
    atomic_store(&measuring, 0);
    uint64_t window_end_ns = now_ns();
    announce("measured");
    sleep_until(window_end_ns + options.cool_down_ns);
    atomic_store(&stopping, 1);
    for (uint64_t index = 0; index < options.threads; index++) {
        pthread_join(threads[index], NULL);
        fail_if_an_answer_is_lost(&loops[index], window_start_ns);
    }
    print_results(loops, (double)(window_end_ns - window_start_ns) / 1e9);
    return 0;
}
