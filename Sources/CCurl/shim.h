#ifndef SIGNALBOX_CCURL_SHIM_H
#define SIGNALBOX_CCURL_SHIM_H
#include <curl/curl.h>

// libcurl's setters and getters are variadic and therefore not callable from Swift; these are their typed forms.

typedef size_t (*signalbox_curl_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode signalbox_curl_set_number(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode signalbox_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode signalbox_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode signalbox_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode signalbox_curl_set_headers(CURL *handle, struct curl_slist *headers) {
    return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
}

static inline CURLcode signalbox_curl_set_receiver(
    CURL *handle, CURLoption option, signalbox_curl_receiver receiver
) {
    return curl_easy_setopt(handle, option, receiver);
}

/// Hands over bytes that libcurl copies.
static inline CURLcode signalbox_curl_set_blob(CURL *handle, CURLoption option, const void *bytes, size_t count) {
    struct curl_blob blob = {.data = (void *)bytes, .len = count, .flags = CURL_BLOB_COPY};
    return curl_easy_setopt(handle, option, &blob);
}

/// Allows http and https only; the option's form depends on the version of libcurl.
static inline CURLcode signalbox_curl_allow_http_only(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return curl_easy_setopt(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static inline CURLcode signalbox_curl_get_number(CURL *handle, CURLINFO information, long *value) {
    return curl_easy_getinfo(handle, information, value);
}

static inline CURLcode signalbox_curl_get_size(CURL *handle, CURLINFO information, curl_off_t *value) {
    return curl_easy_getinfo(handle, information, value);
}

static inline CURLcode signalbox_curl_get_pointer(CURL *handle, CURLINFO information, void **value) {
    return curl_easy_getinfo(handle, information, (char **)value);
}

static inline CURLMcode signalbox_curl_multi_set_number(CURLM *handle, CURLMoption option, long value) {
    return curl_multi_setopt(handle, option, value);
}

/// The transfer that a CURLMSG_DONE message is about, and how it ended.
static inline CURLcode signalbox_curl_result(const CURLMsg *message) {
    return message->data.result;
}
#endif
