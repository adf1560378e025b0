// Reads HTTP/1.1 responses as they arrive and checks every byte of them against what the mock worker sends.

#ifndef RESPONSE_READER_H
#define RESPONSE_READER_H

#include "shared.h"

#include <stdbool.h>

#define RESPONSE_HEAD_BYTES_MAX 8192
#define LINE_BYTES_MAX 512

enum response_phase {
    RESPONSE_HEAD,
    BODY_LENGTH,
    CHUNK_SIZE,
    CHUNK_DATA,
    CHUNK_DATA_END,
    TRAILER,
    UNTIL_CLOSE,
    COMPLETE
};

// What all responses of a run must be, and who wants to know of each event.
struct expectation {
    const char *answer;
    size_t answer_bytes;
    uint64_t events;
    void (*event)(void *context, uint64_t sequence, uint64_t requested_ns, uint64_t sent_ns);
};

// How far the response of one connection has come; `held` keeps a head or a line that is not complete yet.
struct response {
    enum response_phase phase;
    bool closes, in_extension, line_empty, saw_done;
    uint64_t left;
    size_t body_bytes;
    uint64_t events;
    size_t held_bytes;
    char held[RESPONSE_HEAD_BYTES_MAX + 1];
};

static inline void response_reset(struct response *response) {
    response->phase = RESPONSE_HEAD;
    response->closes = response->in_extension = response->saw_done = false;
    response->left = response->body_bytes = response->events = response->held_bytes = 0;
}

static inline void response_line(struct response *response, const struct expectation *expected, void *context,
                                 const char *line, size_t bytes) {
    if (bytes == 0) return;
    if (bytes == sizeof DONE_LINE - 1 && memcmp(line, DONE_LINE, bytes) == 0) {
        response->saw_done = true;
        return;
    }
    if (bytes != EVENT_LINE_BYTES || memcmp(line, EVENT_START, sizeof EVENT_START - 1) != 0 ||
        memcmp(line + EVENT_END_OFFSET, EVENT_END, sizeof EVENT_END - 1) != 0 || response->saw_done) {
        fail("a stream has a line that the worker did not send: %.*s", (int)bytes, line);
    }
    uint64_t sequence = read_digits(line + SEQUENCE_OFFSET, SEQUENCE_DIGITS);
    if (sequence != response->events++) {
        fail("event %llu of a stream came in place of event %llu", (unsigned long long)sequence,
             (unsigned long long)response->events - 1);
    }
    expected->event(context, sequence, read_digits(line + REQUESTED_OFFSET, TIME_DIGITS),
                    read_digits(line + SENT_OFFSET, TIME_DIGITS));
}

static inline void response_body(struct response *response, const struct expectation *expected, void *context,
                                 const char *bytes, size_t count) {
    if (expected->events == 0) {
        if (response->body_bytes + count > expected->answer_bytes ||
            memcmp(bytes, expected->answer + response->body_bytes, count) != 0) {
            fail("an answer differs from what the worker sent: %.*s", (int)(count < 200 ? count : 200), bytes);
        }
        response->body_bytes += count;
        return;
    }
    while (count > 0) {
        const char *end = memchr(bytes, '\n', count);
        size_t part = end ? (size_t)(end - bytes) : count;
        if (response->held_bytes == 0 && end) {
            response_line(response, expected, context, bytes, part);
        } else {
            if (response->held_bytes + part > LINE_BYTES_MAX) fail("a line of a stream is longer than the worker's");
            memcpy(response->held + response->held_bytes, bytes, part);
            response->held_bytes += part;
            if (end) {
                response_line(response, expected, context, response->held, response->held_bytes);
                response->held_bytes = 0;
            }
        }
        if (end) part++;
        bytes += part;
        count -= part;
    }
}

static inline void response_head(struct response *response, const struct expectation *expected) {
    const char *head = response->held;
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0 && strncmp(head, "HTTP/1.1 200\r", 13) != 0) {
        fail("a request was answered by: %.300s", head);
    }
    const char *type = head_field(head, "\ncontent-type:");
    const char *wanted = expected->events ? "text/event-stream" : "application/json";
    if (!type || strncasecmp(type, wanted, strlen(wanted)) != 0) fail("an answer is not %s: %.300s", wanted, head);
    const char *option = head_field(head, "\nconnection:");
    const char *coding = head_field(head, "\ntransfer-encoding:");
    const char *length = head_field(head, "\ncontent-length:");
    response->closes = option && strncasecmp(option, "close", 5) == 0;
    if (coding && length) fail("an answer has both Content-Length and Transfer-Encoding: %.300s", head);
    if (coding) {
        response->phase = CHUNK_SIZE;
    } else if (length) {
        response->left = strtoull(length, NULL, 10);
        response->phase = response->left ? BODY_LENGTH : COMPLETE;
    } else {
        response->phase = UNTIL_CLOSE;
        response->closes = true;
    }
}

// The last check of a response: all of it came.
static inline void response_finish(struct response *response, const struct expectation *expected) {
    if (expected->events == 0 && response->body_bytes != expected->answer_bytes) {
        fail("an answer has %zu of %zu bytes", response->body_bytes, expected->answer_bytes);
    }
    if (expected->events != 0 && (response->events != expected->events || !response->saw_done)) {
        fail("a stream ended after %llu of %llu events%s", (unsigned long long)response->events,
             (unsigned long long)expected->events, response->saw_done ? "" : ", without [DONE]");
    }
    response->phase = COMPLETE;
}

// Consumes bytes until the response is COMPLETE; returns how many.
static inline size_t response_read(struct response *response, const struct expectation *expected, void *context,
                                   const char *bytes, size_t count) {
    size_t at = 0;
    while (at < count && response->phase != COMPLETE) {
        switch (response->phase) {
        case RESPONSE_HEAD: {
            size_t before = response->held_bytes, room = RESPONSE_HEAD_BYTES_MAX - before;
            size_t part = count - at < room ? count - at : room;
            memcpy(response->held + before, bytes + at, part);
            char *end = memmem(response->held, before + part, "\r\n\r\n", 4);
            if (!end) {
                if (part == room) fail("the head of an answer is longer than %d bytes", RESPONSE_HEAD_BYTES_MAX);
                response->held_bytes += part;
                at += part;
                break;
            }
            end[2] = '\0';
            at += (size_t)(end + 4 - response->held) - before;
            response->held_bytes = 0;
            response_head(response, expected);
            break;
        }
        case BODY_LENGTH: {
            size_t part = count - at < response->left ? count - at : response->left;
            response_body(response, expected, context, bytes + at, part);
            at += part;
            if ((response->left -= part) == 0) response->phase = COMPLETE;
            break;
        }
        case CHUNK_SIZE: {
            char byte = bytes[at++];
            if (byte == '\n') {
                response->phase = response->left ? CHUNK_DATA : TRAILER;
                response->line_empty = true;
                response->in_extension = false;
            } else if (byte == '\r' || byte == ';') {
                response->in_extension = true;
            } else if (!response->in_extension) {
                int digit = byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10;
                if (digit < 0 || digit > 15) fail("a chunk size has the byte 0x%02x", (unsigned char)byte);
                response->left = response->left * 16 + (uint64_t)digit;
            }
            break;
        }
        case CHUNK_DATA: {
            size_t part = count - at < response->left ? count - at : response->left;
            response_body(response, expected, context, bytes + at, part);
            at += part;
            if ((response->left -= part) == 0) response->phase = CHUNK_DATA_END;
            break;
        }
        case CHUNK_DATA_END:
            if (bytes[at++] == '\n') response->phase = CHUNK_SIZE;
            break;
        case TRAILER: {
            char byte = bytes[at++];
            if (byte == '\n' && response->line_empty) response->phase = COMPLETE;
            else if (byte == '\n') response->line_empty = true;
            else if (byte != '\r') response->line_empty = false;
            break;
        }
        case UNTIL_CLOSE:
            response_body(response, expected, context, bytes + at, count - at);
            at = count;
            break;
        case COMPLETE:
            break;
        }
    }
    if (response->phase == COMPLETE) response_finish(response, expected);
    return at;
}

#endif
