/* A team of TEAM blocks takes ROWS rows of the batch through all steps; each of its blocks owns UNITS of the hidden
   units. A thread keeps ELEMENTS numbers (a unit of a row) from step to step. A block's weights stay in its shared
   memory; what the others have computed comes through device memory, whose second cache all blocks share.

   WIDTH is the hidden size in whole vectors: rows in memory that we write are so long, and zero beyond HIDDEN. */

#define WARPS (THREADS / 32)
#define ELEMENTS ((UNITS * ROWS + THREADS - 1) / THREADS)
#define EACH UNROLL for (int e = 0; e < ELEMENTS; e++)
#define BYTES ((int)sizeof(real))
#if CALLS > 1 /* compilers take long for code that is copied */
#define MULTIPLY DEVICE_ONCE
#define UNROLL_DEPTH _Pragma("unroll 2")
#else
#define MULTIPLY DEVICE
#define UNROLL_DEPTH _Pragma("unroll 4")
#endif
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
    float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f}; /* apart, since the matrix units cut off what they add to */
    multiply_add(sum, low_a, high_b);
    multiply_add(sum, high_a, low_b);
    multiply_add(sum, high_a, high_b);
    UNROLL for (int i = 0; i < 4; i++) c[i] += sum[i];
#else
    multiply_add(c, high_a, high_b);
#endif
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

/* One chunk of each of the operand's rows, on its way to shared memory; zeros beyond the batch. */
template <int K, int CHUNK>
DEVICE void stage(char *staged, const char *operand, int which, size_t stride, int valid_rows)
{
    constexpr int PIECES = CHUNK / 16;
    const int from = which * CHUNK;
    UNROLL for (int j = 0; j < (ROWS * PIECES + THREADS - 1) / THREADS; j++) {
        const int i = THREAD + j * THREADS, row = i / PIECES, piece = i % PIECES;
        if ((ROWS * PIECES % THREADS == 0 || row < ROWS) && (K % CHUNK == 0 || from + piece * 16 < K)) {
            const bool valid = row < valid_rows;
            copy_16(staged + row * (CHUNK + PAD) + piece * 16, operand + (valid ? row * stride : 0) + from + piece * 16, valid);
        }
    }
}

/* made [SPLIT][ROWS][16 TILES + 4] = the block's KEPT rows of weights times the operand's rows, K bytes deep. CHUNK
   bytes of a row come at a time, into STAGES places in turn, while the chunk before is multiplied. A warp has a tile of
   16 weight rows, or several; where there are fewer tiles than warps, every SPLIT-th piece of the depth and every
   ACROSS-th part of the operand's rows. */
template <int KEPT, int K, int CHUNK, int STAGES, int SPLIT, int ACROSS>
MULTIPLY void multiply(const char *kept, const real *operand, size_t stride, int valid_rows, char *staged, float *made)
{
    constexpr int TILES = (KEPT + 15) / 16, MINE = (TILES + WARPS - 1) / WARPS, EIGHTS = ROWS / 8 / ACROSS;
    constexpr int STRIDE = K + PAD, STAGED = CHUNK + PAD, CHUNKS = (K + CHUNK - 1) / CHUNK;
    constexpr int AHEAD = STAGES > 1 ? STAGES - 1 : 1;
    const int warp = THREAD / 32, lane = THREAD % 32;
    const int tile = MINE > 1 ? warp : warp % TILES, part = warp / TILES % SPLIT, first = warp / TILES / SPLIT * EIGHTS;
    const bool works = MINE > 1 || warp < TILES * SPLIT * ACROSS;
    const char *from = (const char *)operand;
    const int turn = BLOCK % TEAM * CHUNKS / TEAM; /* each block begins elsewhere, so that not all ask for the same */
    float c[MINE][EIGHTS][4];
    UNROLL for (int m = 0; m < MINE; m++)
        UNROLL for (int n = 0; n < EIGHTS; n++)
            UNROLL for (int i = 0; i < 4; i++) c[m][n][i] = 0.0f;
    UNROLL for (int i = 0; i < AHEAD; i++) {
        if (i < CHUNKS)
            stage<K, CHUNK>(staged + i * ROWS * STAGED, from, (i + turn) % CHUNKS, stride * BYTES, valid_rows);
        copies_begun();
    }
    for (int i = 0; i < CHUNKS; i++) {
        const int at = (i + turn) % CHUNKS * CHUNK, next = i + AHEAD, chunk = K - at < CHUNK ? K - at : CHUNK;
        copies_done<AHEAD - 1>();
        sync_block();
        if (next < CHUNKS)
            stage<K, CHUNK>(staged + next % STAGES * ROWS * STAGED, from, (next + turn) % CHUNKS, stride * BYTES, valid_rows);
        copies_begun();
        const char *rows = staged + (i % STAGES * ROWS + (MINE > 1 ? 0 : first * 8)) * STAGED;
        if (works)
            UNROLL_DEPTH for (int k = (MINE > 1 ? 0 : part) * 32; k < chunk; k += 32 * SPLIT) {
                unsigned b[EIGHTS][2];
                if (EIGHTS == 1)
                    load_matrices_2(b[0], rows + lane % 8 * STAGED + lane / 8 % 2 * 16 + k);
                else
                    UNROLL for (int n = 0; n < EIGHTS; n += 2)
                        load_matrices_4(b[n], rows + (n * 8 + lane / 16 * 8 + lane % 8) * STAGED + lane / 8 % 2 * 16 + k);
                UNROLL for (int m = 0; m < MINE; m++)
                    if (MINE == 1 || tile + m * WARPS < TILES) {
                        unsigned a[4];
                        int row = (tile + m * WARPS) * 16 + lane % 16;
                        if (KEPT % 16 && row >= KEPT) row = 0; /* any: nobody reads what the last tile makes there */
                        load_matrices_4(a, kept + row * STRIDE + lane / 16 * 16 + at + k);
                        UNROLL for (int n = 0; n < EIGHTS; n++) multiply_precisely(c[m][n], a, b[n]);
                    }
            }
    }
    if (works)
        UNROLL for (int m = 0; m < MINE; m++)
            if (MINE == 1 || tile + m * WARPS < TILES)
                UNROLL for (int n = 0; n < EIGHTS; n++)
                    UNROLL for (int i = 0; i < 4; i++) {
                        const int row = (tile + m * WARPS) * 16 + lane / 4 + i / 2 * 8;
                        const int column = ((MINE > 1 ? 0 : first) + n) * 8 + lane % 4 * 2 + i % 2;
                        made[((MINE > 1 ? 0 : part) * ROWS + column) * (16 * TILES + 4) + row] = c[m][n][i];
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
