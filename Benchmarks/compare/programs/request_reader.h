// Reads HTTP/1.1 requests as routers send them, as far as a worker must: where the path is, and where the body ends.

#ifndef REQUEST_READER_H
#define REQUEST_READER_H

#include "shared.h"

#include <stdbool.h>
#include <sys/types.h>

#define REQUEST_HEAD_BYTES_MAX 32768

enum request_phase { REQUEST_HEAD, REQUEST_LENGTH, REQUEST_CHUNKS, REQUEST_COMPLETE };
enum chunk_phase { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER };

// How far the request of one connection has come.
struct request {
    enum request_phase phase;
    bool is_post, closes;
    char path[64];
    uint64_t body_left;
    // Progress in a chunked body: bytes of the current chunk left, and what the line so far said.
    uint64_t chunk_left;
    enum chunk_phase chunk_phase;
    bool chunk_line_ignored, chunk_line_empty;
    char *head;
    size_t head_bytes;
};

// Reads the complete, zero-terminated head. False when it is none that this worker understands.
static inline bool request_read_head(struct request *request, const char *head) {
    request->is_post = strncmp(head, "POST ", 5) == 0;
    if (!request->is_post && strncmp(head, "GET ", 4) != 0) return false;
    const char *path = strchr(head, ' ') + 1;
    size_t path_bytes = strcspn(path, " ?\r\n");
    if (path_bytes >= sizeof request->path) return false;
    memcpy(request->path, path, path_bytes);
    request->path[path_bytes] = '\0';
    const char *length = head_field(head, "\ncontent-length:");
    const char *coding = head_field(head, "\ntransfer-encoding:");
    const char *option = head_field(head, "\nconnection:");
    request->closes = option && strncasecmp(option, "close", 5) == 0;
    if (coding) {
        request->phase = REQUEST_CHUNKS;
        request->chunk_phase = CHUNK_SIZE;
        request->chunk_left = 0;
        request->chunk_line_ignored = false;
        return !length && strncasecmp(coding, "chunked", 7) == 0;
    }
    request->body_left = length ? strtoull(length, NULL, 10) : 0;
    request->phase = request->body_left ? REQUEST_LENGTH : REQUEST_COMPLETE;
    return true;
}

// Skips over a chunked body; returns the bytes consumed and sets the phase to REQUEST_COMPLETE at its end.
static inline size_t request_skip_chunks(struct request *request, const char *bytes, size_t count) {
    size_t at = 0;
    while (at < count) {
        char byte = bytes[at];
        switch (request->chunk_phase) {
        case CHUNK_SIZE:
            at++;
            if (byte == '\n') {
                request->chunk_phase = request->chunk_left ? CHUNK_DATA : CHUNK_TRAILER;
                request->chunk_line_empty = true;
                request->chunk_line_ignored = false;
            } else if (byte == ';' || byte == '\r') {
                request->chunk_line_ignored = true;
            } else if (!request->chunk_line_ignored) {
                int digit = byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10;
                if (digit < 0 || digit > 15) fail("a router sent the chunk size byte 0x%02x", (unsigned char)byte);
                request->chunk_left = request->chunk_left * 16 + (uint64_t)digit;
            }
            break;
        case CHUNK_DATA: {
            size_t part = count - at < request->chunk_left ? count - at : request->chunk_left;
            at += part;
            request->chunk_left -= part;
            if (request->chunk_left == 0) request->chunk_phase = CHUNK_DATA_END;
            break;
        }
        case CHUNK_DATA_END:
            at++;
            if (byte == '\n') request->chunk_phase = CHUNK_SIZE;
            break;
        case CHUNK_TRAILER:
            at++;
            if (byte == '\n' && request->chunk_line_empty) {
                request->phase = REQUEST_COMPLETE;
                return at;
            }
            if (byte == '\n') request->chunk_line_empty = true;
            else if (byte != '\r') request->chunk_line_empty = false;
            break;
        }
    }
    return at;
}

// Gathers the head across reads; returns the bytes consumed, or -1 for a request that makes no sense.
static inline ssize_t request_take_head(struct request *request, const char *bytes, size_t count) {
    size_t before = request->head_bytes;
    if (!request->head && !(request->head = malloc(REQUEST_HEAD_BYTES_MAX + 1))) fail("out of memory");
    size_t part = count < REQUEST_HEAD_BYTES_MAX - before ? count : REQUEST_HEAD_BYTES_MAX - before;
    memcpy(request->head + before, bytes, part);
    request->head_bytes += part;
    char *end = memmem(request->head, request->head_bytes, "\r\n\r\n", 4);
    if (!end) return request->head_bytes < REQUEST_HEAD_BYTES_MAX ? (ssize_t)part : -1;
    end[3] = '\0';
    request->head_bytes = 0;
    if (!request_read_head(request, request->head)) return -1;
    return end + 4 - request->head - (ssize_t)before;
}

// Consumes bytes until the request is REQUEST_COMPLETE; returns how many, or -1 for what is not HTTP/1.1.
static inline ssize_t request_read(struct request *request, const char *bytes, size_t count) {
    size_t at = 0;
    while (at < count && request->phase != REQUEST_COMPLETE) {
        switch (request->phase) {
        case REQUEST_HEAD: {
            ssize_t taken = request_take_head(request, bytes + at, count - at);
            if (taken < 0) return -1;
            at += (size_t)taken;
            break;
        }
        case REQUEST_LENGTH: {
            size_t part = count - at < request->body_left ? count - at : request->body_left;
            at += part;
            if ((request->body_left -= part) == 0) request->phase = REQUEST_COMPLETE;
            break;
        }
        case REQUEST_CHUNKS:
            at += request_skip_chunks(request, bytes + at, count - at);
            break;
        case REQUEST_COMPLETE:
            break;
        }
    }
    return (ssize_t)at;
}

#endif
