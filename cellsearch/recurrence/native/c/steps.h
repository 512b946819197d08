/* What the functions of every cell share: how a step's numbers are found, and how its products are called. */

#include "vector.h"

typedef struct { long base, offset, step, row, mask; } series;
typedef void (*product)(long rows, long n, long k, const real *a, long a_row, const real *packed, real *c,
                        long c_row, int adds, real *scratch);
typedef struct {
    long T, B, H, width;           /* steps, batch, hidden size, the same in whole vectors */
    long slices, units;            /* slices of the batch, and of the hidden units */
    long I, input_width, chunk;    /* input size, the same in whole vectors (0: no gradient), steps for its products at
                                      once (0: the caller has done them) */
    product multiply;
    const series *arrays;
    real *const *bases;
    const real *const *weights, *const *vectors;
    real *sums, *scratch;          /* of each row of the batch: sums_size; of each slice: scratch_size */
    long sums_size, scratch_size;
} run;

#define LOWEST ((real)-1e38)

/* The vector's first lanes, and a filler in the others. */
static inline vector v_or(vector a, long lanes, real filler)
{
    return v_only(a, lanes) + (splat(filler) - v_only(splat(filler), lanes));
}

static inline real v_largest(vector a)
{
    real largest = a[0];
    for (int i = 1; i < WIDTH; i++) largest = a[i] > largest ? a[i] : largest;
    return largest;
}

/* Where part i of so many begins. */
static inline long part(long whole, long parts, long i) { return whole * i / parts; }

/* Row b of series i at this step, or one later. */
#define AT(i, shift, b) (bases[v[i].base] + v[i].offset + ((t + (shift)) & v[i].mask) * v[i].step + (b) * v[i].row)

/* A product for `count` steps from t on; where the slice is the whole batch, their rows are neighbours. */
static void multiply_steps(const run *r, long first, long last, long t, long count, long n, long k, long a,
                           long weights, long c, int adds, real *scratch)
{
    const series *v = r->arrays;
    real *const *bases = r->bases;
    const long whole = last - first == r->B, rows = whole ? count * r->B : last - first;
    for (const long end = whole ? t + 1 : t + count; t < end; t++)
        r->multiply(rows, n, k, AT(a, 0, first), v[a].row, r->weights[weights], AT(c, 0, first), v[c].row, adds,
                    scratch);
}
