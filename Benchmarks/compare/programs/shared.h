// What the mock worker and the load generator agree on: the plain answer, the shape of an event, and the clock.
// Both ends know every byte in advance, so that a wrong answer is found at once instead of being counted as a good one.

#ifndef SHARED_H
#define SHARED_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// Nanoseconds of the clock that all processes of one machine share; wall time may jump.
static inline uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// Ends the program with one sentence: in a measurement every surprise is an error.
__attribute__((format(printf, 1, 2), noreturn)) static inline void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

// A whole number given on the command line, within bounds.
static inline uint64_t number_argument(const char *flag, const char *text, uint64_t least, uint64_t most) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    if (!text || *text == '\0' || *text == '-' || *end != '\0' || errno || value < least || value > most) {
        fail("%s takes a whole number from %llu to %llu", flag, (unsigned long long)least, (unsigned long long)most);
    }
    return value;
}

// The value of a header field, or NULL; the head ends with an empty line, and `name` starts with a line feed.
static inline const char *head_field(const char *head, const char *name) {
    const char *found = strcasestr(head, name);
    return found ? found + strlen(name) + strspn(found + strlen(name), " \t") : NULL;
}

// The plain answer: a chat completion whose content is filled up to the size asked for.
#define ANSWER_START                                                                                                  \
    "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"mock-model\",\"choices\":"     \
    "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
#define ANSWER_END                                                                                                    \
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,\"total_tokens\":10}}"
#define ANSWER_BYTES_MIN (sizeof ANSWER_START + sizeof ANSWER_END - 2)
#define ANSWER_BYTES_MAX (1u << 20)

static inline void fill_answer(char *target, size_t bytes) {
    size_t start = sizeof ANSWER_START - 1, end = sizeof ANSWER_END - 1;
    memcpy(target, ANSWER_START, start);
    memset(target + start, 'x', bytes - start - end);
    memcpy(target + bytes - end, ANSWER_END, end);
}

// One event of a stream. Its id carries three numbers of fixed width, so that both ends patch and read them in place:
// the sequence within the stream, when the worker had the whole request, and when it sent this event.
#define EVENT_START "data: {\"id\":\"chatcmpl-"
#define EVENT_END                                                                                                     \
    "\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"mock-model\",\"choices\":[{\"index\":0,"        \
    "\"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}"
#define SEQUENCE_DIGITS 6
#define TIME_DIGITS 18
#define SEQUENCE_OFFSET (sizeof EVENT_START - 1)
#define REQUESTED_OFFSET (SEQUENCE_OFFSET + SEQUENCE_DIGITS + 1)
#define SENT_OFFSET (REQUESTED_OFFSET + TIME_DIGITS + 1)
#define EVENT_END_OFFSET (SENT_OFFSET + TIME_DIGITS)
// One line without its line feed.
#define EVENT_LINE_BYTES (EVENT_END_OFFSET + sizeof EVENT_END - 1)
#define DONE_LINE "data: [DONE]"

static inline void write_digits(char *target, int digits, uint64_t value) {
    for (int index = digits - 1; index >= 0; index--, value /= 10) target[index] = (char)('0' + value % 10);
}

// Reads digits of fixed width; returns UINT64_MAX when one of them is something else.
static inline uint64_t read_digits(const char *source, int digits) {
    uint64_t value = 0;
    for (int index = 0; index < digits; index++) {
        if (source[index] < '0' || source[index] > '9') return UINT64_MAX;
        value = value * 10 + (uint64_t)(source[index] - '0');
    }
    return value;
}

#endif
