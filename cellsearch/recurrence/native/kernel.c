/* A matrix product for the small left sides of a recurrence: a few rows, weights packed once a call.

   c[rows, n] (+)= a[rows, k] @ w, where w is packed in panels of up to COLUMNS vectors of outputs, and a register
   tile of up to ROWS rows and COLUMNS vectors runs over k. Both sides are split evenly: 10 rows go as 5 + 5. One
   thread; the caller gives each thread its rows. Exported names end in _f32 or _f64, by -DREAL. */

#include "vector.h"

#define SUFFIX_float _f32
#define SUFFIX_double _f64
#define NAME(name) PASTE(name, PASTE(SUFFIX_, REAL))

#if defined __AVX512F__ || defined __aarch64__ /* 32 registers */
#define ROWS 8
#define COLUMNS 3
#else /* 16 registers */
#define ROWS 6
#define COLUMNS 2
#endif
#define DEPTH 256                /* operands at a time: their part of a panel stays in the cache */
#define STRIDE (DEPTH + 64 / REAL_BYTES) /* of copied rows: no power of 2, so they share no cache set */
#define CHUNK 96                 /* rows at a time: their copies stay in the second cache */

typedef __SIZE_TYPE__ size_t;

INLINE real *aligned(real *scratch) { return (real *)(((size_t)scratch + 63) / 64 * 64); }
INLINE long least(long a, long b) { return a < b ? a : b; }
INLINE long vectors_of(long n) { return (n + WIDTH - 1) / WIDTH; }
INLINE long panels_of(long vectors) { return (vectors + COLUMNS - 1) / COLUMNS; }
INLINE long part(long whole_size, long parts, long i) { return whole_size * i / parts; } /* where part i begins */

long NAME(packed_size)(long n, long k) { return vectors_of(n) * WIDTH * k; }
long NAME(scratch_size)(long rows, long k) {
    (void)k;
    return least(rows, CHUNK) * STRIDE + 64 / REAL_BYTES;
}

#if __has_builtin(__builtin_shufflevector)
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
        long v = (start + done) / WIDTH, panel = ((v + 1) * panels - 1) / vectors, begin = part(vectors, panels, panel);
        long step = (part(vectors, panels, panel + 1) - begin) * WIDTH, lanes = least(WIDTH, n - done);
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

/* One register tile: rows of `a` STRIDE apart, `panel` columns * WIDTH wide. */
INLINE void tile(int rows, int columns, long k, const real *a, const real *panel, real *c, long c_stride, int add) {
    vector sum[ROWS][COLUMNS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int j = 0; j < columns; j++) sum[i][j] = splat(0);
    for (long s = 0; s < k; s++, a++, panel += columns * WIDTH) {
        vector w[COLUMNS];
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
            store(to, add ? load(to) + sum[i][j] : sum[i][j]);
        }
}

#define TILE(rows, columns)                                                                                           \
    static void tile_##rows##_##columns(long k, const real *a, const real *panel, real *c, long c_stride, int add) {  \
        tile(rows, columns, k, a, panel, c, c_stride, add);                                                           \
    }
#define TILES(columns)                                                                                                \
    TILE(1, columns) TILE(2, columns) TILE(3, columns) TILE(4, columns) TILE(5, columns) TILE(6, columns)             \
    TILE(7, columns) TILE(8, columns)
#define ROW(columns)                                                                                                  \
    {tile_1_##columns, tile_2_##columns, tile_3_##columns, tile_4_##columns,                                          \
     tile_5_##columns, tile_6_##columns, tile_7_##columns, tile_8_##columns}

TILES(1)
TILES(2)
#if COLUMNS == 3
TILES(3)
#endif
typedef void tile_function(long, const real *, const real *, real *, long, int);
static tile_function *const TABLE[COLUMNS][8] = {
    ROW(1),
    ROW(2),
#if COLUMNS == 3
    ROW(3),
#endif
};

/* A chunk of rows against operands first .. first + depth of every panel, which is read once from afar. */
static void chunk_product(long rows, long n, long k, long first, long depth, const real *a, const real *packed,
                          real *c, long c_stride, int add) {
    long vectors = vectors_of(n), panels = panels_of(vectors), blocks = (rows + ROWS - 1) / ROWS;
    for (long p = 0; p < panels; p++) {
        long begin = part(vectors, panels, p), columns = part(vectors, panels, p + 1) - begin;
        const real *panel = packed + (begin * k + first * columns) * WIDTH;
        for (long b = 0; b < blocks; b++) {
            long row = part(rows, blocks, b), count = part(rows, blocks, b + 1) - row;
            TABLE[columns - 1][count - 1](depth, a + row * STRIDE, panel, c + row * c_stride + begin * WIDTH, c_stride,
                                          add);
        }
    }
}

/* c (+)= a @ packed. `n` is a multiple of WIDTH, or c has room for the next one. */
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

long NAME(transposed_scratch_size)(long n, long k, long rows) {
    return NAME(scratch_size)(n, rows) + NAME(packed_size)(k, least(DEPTH, rows));
}

/* c[n, k] (+)= g[rows, n] transposed @ h[rows, k]: a weight gradient. c has room for k rounded up to a multiple of
   WIDTH. Threads may share the outputs n. */
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
