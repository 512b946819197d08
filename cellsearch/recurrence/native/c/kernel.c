/* The matrix product of a recurrence: few rows against weights that are packed once and used at every step.

   product               c[rows, n] (+)= a[rows, k] @ w, with w packed before by `pack`
   product_transposed    c[n, k] (+)= g[rows, n] transposed @ h[rows, k], a weight gradient
   Names end in _f32 or _f64, by -DREAL. Packed weights are panels of up to COLUMNS vectors of outputs, each operand's
   in a row; a register tile of up to ROWS rows and COLUMNS vectors runs down a panel. Rows and vectors are split
   evenly: 10 rows go as 5 + 5. Nothing here starts threads: a caller gives each its rows of c. Speed alone wants
   packed weights to begin at a multiple of 64 bytes. */

#include "vector.h"

#define SUFFIX_float _f32
#define SUFFIX_double _f64
#define NAME(name) PASTE(name, PASTE(SUFFIX_, REAL))

#if defined __AVX512F__ || defined __aarch64__ /* 32 vector registers, else 16 */
#define ROWS 8
#define COLUMNS 3
#define EACH_ROWS(do, columns)                                                                                        \
    do(1, columns) do(2, columns) do(3, columns) do(4, columns) do(5, columns) do(6, columns) do(7, columns)          \
    do(8, columns)
#define EACH_COLUMNS(do) do(1) do(2) do(3)
#else
#define ROWS 6
#define COLUMNS 2
#define EACH_ROWS(do, columns)                                                                                        \
    do(1, columns) do(2, columns) do(3, columns) do(4, columns) do(5, columns) do(6, columns)
#define EACH_COLUMNS(do) do(1) do(2)
#endif
#define LINE (64 / REAL_BYTES)  /* reals of a cache line */
#define DEPTH 256               /* operands at a time, so that a panel's share stays in the nearest caches */
#define STRIDE (DEPTH + LINE)   /* between copied rows: no power of 2, or they would share few lines of the cache */
#define CHUNK 96                /* rows copied at a time: they stay in the second cache */

typedef __SIZE_TYPE__ size_t;

INLINE real *aligned(real *scratch) { return (real *)(((size_t)scratch + 63) / 64 * 64); }
INLINE long least(long a, long b) { return a < b ? a : b; }
INLINE long vectors_of(long n) { return (n + WIDTH - 1) / WIDTH; }
INLINE long panels_of(long vectors) { return (vectors + COLUMNS - 1) / COLUMNS; }
INLINE long beginning_of(long i, long parts, long size) { return size * i / parts; } /* part i of an even split */

/* How many reals the caller has to provide. */
long NAME(packed_size)(long n, long k) { return vectors_of(n) * WIDTH * k; }
long NAME(scratch_size)(long rows, long k) {
    (void)k; /* any: it goes in pieces of DEPTH */
    return least(rows, CHUNK) * STRIDE + LINE;
}
long NAME(transposed_scratch_size)(long n, long k, long rows) {
    return NAME(scratch_size)(n, rows) + NAME(packed_size)(k, least(rows, DEPTH));
}

#ifndef __has_builtin
#define __has_builtin(name) 0
#endif
#if __has_builtin(__builtin_shufflevector) && !defined PLAIN /* which a test defines */
/* Lane l of a row after the exchange of the d x d quarters beside the diagonal, from this row and its partner. */
#define UPPER(l, d) ((l) & (d) ? WIDTH + (l) - (d) : (l))
#define LOWER(l, d) ((l) & (d) ? WIDTH + (l) : (l) + (d))
#define LANES2(f, d, l) f(l, d), f(l + 1, d)
#define LANES4(f, d, l) LANES2(f, d, l), LANES2(f, d, l + 2)
#define LANES8(f, d, l) LANES4(f, d, l), LANES4(f, d, l + 4)
#define LANES16(f, d, l) LANES8(f, d, l), LANES8(f, d, l + 8)
#if WIDTH == 16
#define LANES(f, d) LANES16(f, d, 0)
#elif WIDTH == 8
#define LANES(f, d) LANES8(f, d, 0)
#elif WIDTH == 4
#define LANES(f, d) LANES4(f, d, 0)
#else
#define LANES(f, d) LANES2(f, d, 0)
#endif
#define EXCHANGE(d)                                                                                                   \
    _Pragma("GCC unroll 16") for (int i = 0; i < WIDTH; i++) if (!(i & (d))) {                                        \
        vector upper = row[i], lower = row[i + (d)];                                                                  \
        row[i] = __builtin_shufflevector(upper, lower, LANES(UPPER, d));                                              \
        row[i + (d)] = __builtin_shufflevector(upper, lower, LANES(LOWER, d));                                        \
    }
#endif

/* to[j][i] = from[i][j] for a block of WIDTH x WIDTH. */
static void transpose_block(const real *from, long from_stride, real *to, long to_stride) {
#ifdef LANES
    vector row[WIDTH];
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i++) row[i] = load(from + i * from_stride);
    EXCHANGE(1)
#if WIDTH > 2
    EXCHANGE(2)
#endif
#if WIDTH > 4
    EXCHANGE(4)
#endif
#if WIDTH > 8
    EXCHANGE(8)
#endif
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i++) store(to + i * to_stride, row[i]);
#else
    for (int i = 0; i < WIDTH; i++)
        for (int j = 0; j < WIDTH; j++) to[j * to_stride + i] = from[i * from_stride + j];
#endif
}

/* to[j][i] = from[i][j] for any block. */
static void transpose(long rows, long columns, const real *from, long from_stride, real *to, long to_stride) {
    long whole_rows = rows / WIDTH * WIDTH, whole_columns = columns / WIDTH * WIDTH;
    for (long i = 0; i < whole_rows; i += WIDTH)
        for (long j = 0; j < whole_columns; j += WIDTH)
            transpose_block(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
    for (long i = 0; i < rows; i++)
        for (long j = i < whole_rows ? whole_columns : 0; j < columns; j++)
            to[j * to_stride + i] = from[i * from_stride + j];
}

/* Fills the outputs start .. start + n of a packed matrix of `total` outputs; start is a multiple of WIDTH, and what
   lies between n and the next multiple of WIDTH becomes 0. Threads may fill different parts at once. */
void NAME(pack_part)(long total, long start, long n, long k, const real *w, long row_stride, long column_stride,
                     real *packed) {
    long vectors = vectors_of(total), panels = panels_of(vectors);
    for (long done = 0; done < n; done += WIDTH, w += WIDTH * row_stride) {
        long v = (start + done) / WIDTH, panel = ((v + 1) * panels - 1) / vectors; /* the panel that holds vector v */
        long begin = beginning_of(panel, panels, vectors), end = beginning_of(panel + 1, panels, vectors);
        long step = (end - begin) * WIDTH, lanes = least(WIDTH, n - done);
        real *to = packed + (begin * k + v - begin) * WIDTH;
        if (lanes < WIDTH)
            for (long i = 0; i < k; i++) store(to + i * step, splat(0));
        if (column_stride == 1)
            transpose(lanes, k, w, row_stride, to, step);
        else if (row_stride == 1 && lanes == WIDTH)
            for (long i = 0; i < k; i++) store(to + i * step, load(w + i * column_stride));
        else
            for (long i = 0; i < k; i++)
                for (long j = 0; j < lanes; j++) to[i * step + j] = w[j * row_stride + i * column_stride];
    }
}

void NAME(pack)(long n, long k, const real *w, long row_stride, long column_stride, real *packed) {
    NAME(pack_part)(n, 0, n, k, w, row_stride, column_stride, packed);
}

/* A register tile: c (+)= rows of `a`, STRIDE apart, times k operands of a panel. Inlined, its sums are registers. */
INLINE void tile(int rows, int columns, long k, const real *a, const real *panel, real *c, long c_stride, int adds) {
    vector sum[ROWS][COLUMNS], w[COLUMNS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) sum[i][j] = splat(0);
    for (; k > 0; k--, a++, panel += columns * WIDTH) {
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) w[j] = load(panel + j * WIDTH);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
            for (int j = 0; j < columns; j++) sum[i][j] += a[i * STRIDE] * w[j];
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) {
            real *to = c + i * c_stride + j * WIDTH;
            store(to, adds ? load(to) + sum[i][j] : sum[i][j]);
        }
}

#define TILE(rows, columns)                                                                                           \
    static void tile_##rows##_##columns(long k, const real *a, const real *panel, real *c, long c_stride, int adds) { \
        tile(rows, columns, k, a, panel, c, c_stride, adds);                                                          \
    }
#define TILES(columns) EACH_ROWS(TILE, columns)
#define ENTRY(rows, columns) tile_##rows##_##columns,
#define ENTRIES(columns) {EACH_ROWS(ENTRY, columns)},

EACH_COLUMNS(TILES)
typedef void tile_function(long, const real *, const real *, real *, long, int);
static tile_function *const TABLE[COLUMNS][ROWS] = {EACH_COLUMNS(ENTRIES)};

/* Copied rows against the operands first .. first + depth of every panel, which is read once from afar. */
static void chunk_product(long rows, long n, long k, long first, long depth, const real *a, const real *packed,
                          real *c, long c_stride, int adds) {
    long vectors = vectors_of(n), panels = panels_of(vectors), blocks = (rows + ROWS - 1) / ROWS;
    for (long p = 0; p < panels; p++) {
        long begin = beginning_of(p, panels, vectors), columns = beginning_of(p + 1, panels, vectors) - begin;
        const real *panel = packed + (begin * k + first * columns) * WIDTH;
        for (long b = 0; b < blocks; b++) {
            long row = beginning_of(b, blocks, rows), count = beginning_of(b + 1, blocks, rows) - row;
            TABLE[columns - 1][count - 1](depth, a + row * STRIDE, panel, c + row * c_stride + begin * WIDTH, c_stride,
                                          adds);
        }
    }
}

/* Each row of c has room for n rounded up to a multiple of WIDTH, and what is beyond n then means nothing. Of a row of
   `a`, the k first reals alone are read. */
void NAME(product)(long rows, long n, long k, const real *a, long a_stride, const real *packed, real *c, long c_stride,
                   int accumulate, real *scratch) {
    real *copy = aligned(scratch);
    for (long row = 0; row < rows; row += CHUNK) {
        long count = least(CHUNK, rows - row), first = 0;
        do {
            long depth = least(DEPTH, k - first);
            for (long i = 0; i < count; i++)
                __builtin_memcpy(copy + i * STRIDE, a + (row + i) * a_stride + first, (size_t)depth * REAL_BYTES);
            chunk_product(count, n, k, first, depth, copy, packed, c + row * c_stride, c_stride,
                          accumulate || first > 0);
            first += depth;
        } while (first < k);
    }
}

/* Each row of c has room for k rounded up to a multiple of WIDTH. Threads may share out the rows n of c. */
void NAME(product_transposed)(long n, long k, long rows, const real *g, long g_stride, const real *h, long h_stride,
                              real *c, long c_stride, int accumulate, real *scratch) {
    real *copy = aligned(scratch), *packed = copy + least(n, CHUNK) * STRIDE;
    long first = 0;
    do {
        long depth = least(DEPTH, rows - first);
        NAME(pack)(k, depth, h + first * h_stride, 1, h_stride, packed);
        for (long row = 0; row < n; row += CHUNK) {
            long count = least(CHUNK, n - row);
            transpose(depth, count, g + first * g_stride + row, g_stride, copy, STRIDE);
            chunk_product(count, k, depth, 0, depth, copy, packed, c + row * c_stride, c_stride,
                          accumulate || first > 0);
        }
        first += depth;
    } while (first < rows);
}
