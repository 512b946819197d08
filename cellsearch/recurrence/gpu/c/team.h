/* A team of TEAM blocks takes ROWS rows of the batch through all steps; each of its blocks owns UNITS of the hidden
   units. A thread keeps ELEMENTS numbers (a unit of a row) from step to step. A block's weights stay in its shared
   memory; what the others have computed comes through device memory, whose second cache all blocks share.

   WIDTH is the hidden size in whole vectors: rows in memory that we write are so long, and zero beyond HIDDEN. */

#define WARPS (THREADS / 32)
#define ELEMENTS ((UNITS * ROWS + THREADS - 1) / THREADS)
#define EACH UNROLL for (int e = 0; e < ELEMENTS; e++)
#define BYTES ((int)sizeof(real))
#define PAD 16 /* bytes between rows in shared memory, so that eight rows lie in different banks */

typedef struct {
    int T, B;
    real *arrays[ARRAYS];          /* the series, each from where its first step begins */
    const real *weights[WEIGHTS];  /* [rows, k] of each product, padded with zeros */
    const real *vectors[VECTORS];  /* [HIDDEN] */
    float *sums;                   /* [B, sums, WIDTH] */
    float *exchanged;              /* [exchanges, 2, teams, ROWS, WIDTH] */
    unsigned *counters;            /* one a team, zero at the start */
} run;

/* A product of two tiles in the precision asked for. PRECISE: float32 as the sum of three products of TF32 numbers,
   which leaves about 2^-21 of error, where one leaves 2^-11. */
DEVICE void multiply_precisely(float *c, const unsigned *a, const unsigned *b)
{
#if HALF
    multiply_add(c, a, b);
#else
    unsigned high_a[4], high_b[2];
    UNROLL for (int i = 0; i < 4; i++) high_a[i] = tf32(float_of(a[i]));
    UNROLL for (int i = 0; i < 2; i++) high_b[i] = tf32(float_of(b[i]));
#if PRECISE
    unsigned low_a[4], low_b[2];
    UNROLL for (int i = 0; i < 4; i++) low_a[i] = tf32(float_of(a[i]) - float_of(high_a[i]));
    UNROLL for (int i = 0; i < 2; i++) low_b[i] = tf32(float_of(b[i]) - float_of(high_b[i]));
    multiply_add(c, low_a, high_b);
    multiply_add(c, high_a, low_b);
#endif
    multiply_add(c, high_a, high_b);
#endif
}

/* This block's rows of a product's weights: for each linear its UNITS, zeros beyond the last unit. */
DEVICE void keep_weights(char *kept, const real *weights, int linears, int bytes, int first_unit)
{
    const int pieces = bytes / 16, stride = bytes + PAD;
    for (int i = THREAD; i < linears * UNITS * pieces; i += THREADS) {
        const int row = i / pieces, piece = i % pieces, linear = row / UNITS, unit = first_unit + row % UNITS;
        const bool valid = unit < WIDTH;
        const char *from = (const char *)weights + (valid ? (size_t)(linear * WIDTH + unit) * bytes : 0) + piece * 16;
        copy_16(kept + row * stride + piece * 16, from, valid);
    }
}

/* made [SPLIT][ROWS][16 TILES + 4] = the block's KEPT rows of weights times the operand's rows. K is the depth in bytes; so much of
   the operand as CHUNK bytes a row is in shared memory at once. A warp has one tile of 16 weight rows, or several, and
   where there are fewer tiles than warps every SPLIT-th piece of the depth. */
template <int KEPT, int K, int CHUNK, int SPLIT>
DEVICE void multiply(const char *kept, const real *operand, size_t stride, int valid_rows, char *staged, float *made)
{
    constexpr int TILES = (KEPT + 15) / 16, MINE = (TILES + WARPS - 1) / WARPS, EIGHTS = ROWS / 8, STRIDE = K + PAD, STAGED = CHUNK + PAD;
    const int warp = THREAD / 32, lane = THREAD % 32;
    const int part = SPLIT > 1 ? warp / TILES : 0, tile = SPLIT > 1 ? warp % TILES : warp;
    const bool works = part < SPLIT && tile < TILES;
    float c[MINE][EIGHTS][4];
    UNROLL for (int m = 0; m < MINE; m++)
        UNROLL for (int n = 0; n < EIGHTS; n++)
            UNROLL for (int i = 0; i < 4; i++) c[m][n][i] = 0.0f;
    for (int from = 0; from < K; from += CHUNK) {
        const int chunk = K - from < CHUNK ? K - from : CHUNK, pieces = chunk / 16;
        if (from) sync_block(); /* the chunk before is read */
        for (int i = THREAD; i < ROWS * pieces; i += THREADS) {
            const int row = i / pieces, piece = i % pieces;
            const bool valid = row < valid_rows;
            const char *source = (const char *)(operand + (valid ? row * stride : 0)) + from + piece * 16;
            copy_16(staged + row * STAGED + piece * 16, source, valid);
        }
        copies_done();
        sync_block();
        if (works)
            _Pragma("unroll 4") for (int k = part * 32; k < chunk; k += 32 * SPLIT) {
                unsigned b[EIGHTS][2];
                if (EIGHTS == 1)
                    load_matrices_2(b[0], staged + (lane % 8) * STAGED + (lane / 8 % 2) * 16 + k);
                else
                    UNROLL for (int n = 0; n < EIGHTS; n += 2)
                        load_matrices_4(b[n], staged + (n * 8 + lane / 16 * 8 + lane % 8) * STAGED + lane / 8 % 2 * 16 + k);
                UNROLL for (int m = 0; m < MINE; m++)
                    if (MINE == 1 || tile + m * WARPS < TILES) {
                        unsigned a[4];
                        int row = (tile + m * WARPS) * 16 + lane % 16;
                        if (KEPT % 16 && row >= KEPT) row = 0; /* any: nobody reads what the last tile makes there */
                        load_matrices_4(a, kept + row * STRIDE + lane / 16 * 16 + from + k);
                        UNROLL for (int n = 0; n < EIGHTS; n++) multiply_precisely(c[m][n], a, b[n]);
                    }
            }
    }
    if (works)
        UNROLL for (int m = 0; m < MINE; m++)
            if (MINE == 1 || tile + m * WARPS < TILES)
                UNROLL for (int n = 0; n < EIGHTS; n++)
                    UNROLL for (int i = 0; i < 4; i++) {
                        const int row = (tile + m * WARPS) * 16 + lane / 4 + i / 2 * 8, column = n * 8 + lane % 4 * 2 + i % 2;
                        made[(part * ROWS + column) * (16 * TILES + 4) + row] = c[m][n][i];
                    }
}

/* Row r of an exchanged vector [ROWS, WIDTH], reduced by one warp. */
DEVICE void row_sums(const float *row, float *made)
{
    for (int r = THREAD / 32; r < ROWS; r += WARPS) {
        float total = 0.0f;
        for (int j = THREAD % 32; j < HIDDEN; j += 32) total += get_fresh(row + r * WIDTH + j);
        UNROLL for (int half = 16; half; half /= 2) total += from_lane(total, THREAD % 32 ^ half);
        if (THREAD % 32 == 0) made[r] = total;
    }
}
DEVICE void row_maxima(const float *row, float *made)
{
    for (int r = THREAD / 32; r < ROWS; r += WARPS) {
        float largest = get_fresh(row + r * WIDTH);
        for (int j = THREAD % 32; j < HIDDEN; j += 32) largest = v_maximum(largest, get_fresh(row + r * WIDTH + j));
        UNROLL for (int half = 16; half; half /= 2) largest = v_maximum(largest, from_lane(largest, THREAD % 32 ^ half));
        if (THREAD % 32 == 0) made[r] = largest;
    }
}

/* made [ROWS, UNITS]: the sum of the units up to and with each of the block's, or from each on. */
DEVICE void running_sums(const float *row, float *made, int first_unit, bool reverse)
{
    const int lane = THREAD % 32;
    for (int r = THREAD / 32; r < ROWS; r += WARPS) {
        float before = 0.0f;
        for (int from = 0; from < HIDDEN; from += 32) {
            const int place = from + lane, unit = reverse ? HIDDEN - 1 - place : place;
            float sum = place < HIDDEN ? get_fresh(row + r * WIDTH + unit) : 0.0f;
            UNROLL for (int far = 1; far < 32; far *= 2) {
                const float other = from_lane(sum, lane - far & 31);
                if (lane >= far) sum += other;
            }
            sum += before;
            const int own = unit - first_unit;
            if (place < HIDDEN && own >= 0 && own < UNITS) made[r * UNITS + own] = sum;
            before = from_lane(sum, 31);
        }
    }
}

/* The mean of the group of `size` neighbours that a unit is in. */
DEVICE float group_mean(const float *row, int unit, int size)
{
    const int first = unit / size * size;
    float total = 0.0f;
    for (int j = first; j < first + size; j++) total += get_fresh(row + j);
    return total / (float)size;
}
