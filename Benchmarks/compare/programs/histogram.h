// Durations in log-linear buckets, as many per power of two as keep the error of a percentile below 0.8 %.

#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_SUB (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline void histogram_add(struct histogram *histogram, uint64_t value) {
    unsigned bucket = (unsigned)value;
    if (value >= HISTOGRAM_SUB) {
        unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
        bucket = (shift + 1) * HISTOGRAM_SUB + (unsigned)((value >> shift) & (HISTOGRAM_SUB - 1));
    }
    histogram->buckets[bucket]++;
    histogram->count++;
    if (value > histogram->max) histogram->max = value;
}

static inline void histogram_merge(struct histogram *into, const struct histogram *other) {
    for (unsigned index = 0; index < HISTOGRAM_BUCKETS; index++) into->buckets[index] += other->buckets[index];
    into->count += other->count;
    if (other->max > into->max) into->max = other->max;
}

// The value below which the given share of the samples lies, as the middle of its bucket; 0 without samples.
static inline double histogram_percentile(const struct histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->count), seen = 0;
    for (unsigned index = 0; index < HISTOGRAM_BUCKETS; index++) {
        seen += histogram->buckets[index];
        if (seen > wanted || (seen == histogram->count && seen > 0)) {
            if (index < 2 * HISTOGRAM_SUB) return (double)index;
            unsigned shift = index / HISTOGRAM_SUB - 1;
            uint64_t low = (uint64_t)(HISTOGRAM_SUB + index % HISTOGRAM_SUB) << shift;
            return (double)low + (double)(1ull << shift) / 2;
        }
    }
    return 0;
}

#endif
