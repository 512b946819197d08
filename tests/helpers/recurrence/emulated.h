/* A twin of device.h for the processor: blocks and threads are fibers that take turns at every barrier and at every
   instruction of a warp. Fragments of matrices lie with the lanes as on the card, so that wrong places give wrong
   numbers here too. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define __global__
#define __launch_bounds__(...)
#define DEVICE static inline
#define DEVICE_ONCE static
#define UNROLL
#define SHARED_MEMORY char *const memory = shared_memories + fiber->block * shared_size
#define THREAD (fiber->thread)
#define BLOCK (fiber->block)

#if HALF
typedef unsigned short real;
#else
typedef float real;
#endif

struct Lane { const char *row; unsigned a[4], b[2]; float c[4], value; };
struct Fiber { ucontext_t context; int block, thread; bool done; char *stack; };
struct Barrier { long arrived; };
static Fiber *fiber, *fibers;
static ucontext_t scheduler;
static int fiber_count;
static Lane *lanes;           /* of every thread */
static long *warp_arrivals, *block_arrivals, *team_arrivals;
static char *shared_memories;
static long shared_size;

static void give_way() { swapcontext(&fiber->context, &scheduler); }

/* A barrier of `size` threads: each arrives once a phase. */
static void meet(long *arrivals, long size)
{
    const long target = (*arrivals)++ / size * size + size;
    while (*arrivals < target) give_way();
}

static unsigned bits_of(float a) { unsigned b; memcpy(&b, &a, 4); return b; }
static float float_of(unsigned a) { float b; memcpy(&b, &a, 4); return b; }

static float half_to_float(unsigned short a)
{
#if HALF == 1
    return float_of((unsigned)a << 16);
#else
    _Float16 h; memcpy(&h, &a, 2); return (float)h;
#endif
}
static unsigned short float_to_half(float a)
{
#if HALF == 1
    unsigned b = bits_of(a);
    if (a != a) return 0x7fff;
    return (unsigned short)((b + 0x7fff + (b >> 16 & 1)) >> 16);
#else
    _Float16 h = (_Float16)a; unsigned short b; memcpy(&b, &h, 2); return b;
#endif
}
#if HALF
static float get(const real *from) { return half_to_float(*from); }
static void put(real *to, float a) { *to = float_to_half(a); }
#else
static float get(const real *from) { return *from; }
static void put(real *to, float a) { *to = a; }
#endif
static float get_fresh(const float *from) { return *from; }
static void copy_16(char *to, const char *from, bool valid)
{
    if ((uintptr_t)to % 16 || (valid && (uintptr_t)from % 16)) abort(); /* as the card would */
    if (valid) memcpy(to, from, 16); else memset(to, 0, 16);
}
static void copies_begun() {}
template <int> static void copies_done() {}
static void sync_block() { meet(&block_arrivals[fiber->block], THREADS); }
static unsigned tf32(float a) { return (bits_of(a) + 0x1000) & ~0x1fffu; }

static Lane *own_lane() { return &lanes[fiber->block * THREADS + fiber->thread]; }
static Lane *lane_of_warp(int lane) { return &lanes[fiber->block * THREADS + fiber->thread / 32 * 32 + lane]; }
static void sync_warp() { meet(&warp_arrivals[(fiber->block * THREADS + fiber->thread) / 32], 32); }

static void load_matrices(unsigned *m, const char *row, int count)
{
    const int lane = fiber->thread % 32;
    if ((uintptr_t)row % 16) abort();
    own_lane()->row = row;
    sync_warp();
    for (int i = 0; i < count; i++) memcpy(&m[i], lane_of_warp(i * 8 + lane / 4)->row + lane % 4 * 4, 4);
    sync_warp();
}
static void load_matrices_4(unsigned *m, const char *row) { load_matrices(m, row, 4); }
static void load_matrices_2(unsigned *m, const char *row) { load_matrices(m, row, 2); }

static float element(unsigned word, int half)
{
#if HALF
    return half_to_float((unsigned short)(word >> 16 * half));
#else
    return float_of(word & ~0x1fffu);
#endif
}
static void multiply_add(float *c, const unsigned *a, const unsigned *b)
{
    const int each = HALF ? 2 : 1, lane = fiber->thread % 32;
    memcpy(own_lane()->a, a, 16);
    memcpy(own_lane()->b, b, 8);
    sync_warp();
    for (int i = 0; i < 4; i++) {
        const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        float total = 0;
        for (int k = 0; k < 8 * each; k++) {
            const int word = k / each, half = k % each;
            const float x = element(lane_of_warp(row % 8 * 4 + word % 4)->a[row / 8 + word / 4 * 2], half);
            total += x * element(lane_of_warp(column * 4 + word % 4)->b[word / 4], half);
        }
        c[i] += total;
    }
    sync_warp();
}
static float from_lane(float a, int lane)
{
    own_lane()->value = a;
    sync_warp();
    const float found = lane_of_warp(lane)->value;
    sync_warp();
    return found;
}

/* A thread waits for those that have arrived, and goes on while others still wait: as on the card. */
static void arrive(unsigned *, unsigned &count)
{
    team_arrivals[fiber->block / TEAM]++;
    count++;
}
static void wait(unsigned *, unsigned count)
{
    if (TEAM == 1) { sync_block(); return; }
    while (team_arrivals[fiber->block / TEAM] < (long)count * TEAM * THREADS) give_way();
}
