// The command line of the mock worker.

#ifndef MOCK_OPTIONS_H
#define MOCK_OPTIONS_H

#include "shared.h"

#define WORKERS_MAX 16
#define THREADS_MAX 16

static struct {
    int ports[WORKERS_MAX];
    int workers;
    int threads;
    uint64_t answer_bytes;
    uint64_t events;
    uint64_t interval_ns;
} options = {.threads = 1, .answer_bytes = 256};

static inline void print_usage(void) {
    puts("usage: mock-worker --port PORT [--port PORT ...] [options]\n"
         "\n"
         "Answers POST /v1/chat/completions at once, or as a stream of events. Ends on SIGTERM and then prints the\n"
         "number of requests that each port answered.\n"
         "\n"
         "  --port PORT          a port to listen on, at most 16 of them; each plays one worker\n"
         "  --threads N          threads that serve all ports (default 1)\n"
         "  --answer-bytes N     size of a plain answer's body (default 256)\n"
         "  --events N           answer with a stream of N events instead (default 0: plain answers)\n"
         "  --interval-us N      time between two events; 0 sends as fast as the reader takes them (default 0)");
}

static inline void read_options(int count, char **arguments) {
    for (int index = 1; index < count; index += 2) {
        const char *flag = arguments[index], *value = index + 1 < count ? arguments[index + 1] : NULL;
        if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0) {
            print_usage();
            exit(0);
        } else if (strcmp(flag, "--port") == 0) {
            if (options.workers == WORKERS_MAX) fail("at most %d --port", WORKERS_MAX);
            options.ports[options.workers++] = (int)number_argument(flag, value, 1, 65535);
        } else if (strcmp(flag, "--threads") == 0) {
            options.threads = (int)number_argument(flag, value, 1, THREADS_MAX);
        } else if (strcmp(flag, "--answer-bytes") == 0) {
            options.answer_bytes = number_argument(flag, value, ANSWER_BYTES_MIN, ANSWER_BYTES_MAX);
        } else if (strcmp(flag, "--events") == 0) {
            options.events = number_argument(flag, value, 0, 999999);
        } else if (strcmp(flag, "--interval-us") == 0) {
            options.interval_ns = number_argument(flag, value, 0, 60000000) * 1000;
        } else {
            fail("unknown flag %s; see --help", flag);
        }
    }
    if (options.workers == 0) fail("--port is missing; see --help");
}

#endif
