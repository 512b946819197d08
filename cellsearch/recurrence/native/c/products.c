/* Products for all steps at once, in several threads: each takes some of the rows of the result. */

#include "kernel.c"

static long beginning(long whole, long threads, long i) { return i == threads ? whole : whole / threads * i / ROWS * ROWS; }

/* Packs `count` weights [n, k] one below the other, each padded to `width` outputs; threads share the weights. */
void NAME(pack_all)(long threads, long count, long width, long n, long k, const real *const *w, long row_stride,
                    long column_stride, real *packed)
{
    #pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1 && count > 1)
    for (long i = 0; i < count; i++)
        NAME(pack_part)(count * width, i * width, n, k, w[i], row_stride, column_stride, packed);
}

#define SHARE 64 /* rows that are read before the next panel is written: they stay in the second cache */

/* Packs `count` weights [n, k] transposed, side by side, each padded to `width` operands: they lead gradients back. Rows
   are read and panels written from front to end; threads share the rows. */
void NAME(pack_back_all)(long threads, long count, long width, long n, long k, const real *const *w, long row_stride,
                         real *packed)
{
    long rows = count * width, vectors = vectors_of(k), panels = panels_of(vectors), shares = (rows + SHARE - 1) / SHARE;
    #pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (long share = 0; share < shares; share++)
        for (long p = 0; p < panels; p++) {
            long begin = beginning_of(p, panels, vectors), columns = beginning_of(p + 1, panels, vectors) - begin;
            real *to = packed + (begin * rows + share * SHARE * columns) * WIDTH;
            for (long r = share * SHARE; r < least(rows, (share + 1) * SHARE); r++) {
                const real *from = w[r / width] + r % width * row_stride;
                for (long first = begin * WIDTH; first < (begin + columns) * WIDTH; first += WIDTH, to += WIDTH)
                    if (r % width >= n)
                        store(to, splat(0));
                    else if (first + WIDTH <= k)
                        store(to, load(from + first));
                    else
                        for (long j = 0; j < WIDTH; j++) to[j] = first + j < k ? from[first + j] : 0;
            }
        }
}

/* c (+)= a @ packed for many rows; scratch holds `threads` times scratch_size(rows, k). */
void NAME(product_all)(long threads, long rows, long n, long k, const real *a, long a_stride, const real *packed, real *c,
                       long c_stride, int adds, real *scratch)
{
    long size = NAME(scratch_size)(rows, k);
    #pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
    for (long i = 0; i < threads; i++) {
        long first = beginning(rows, threads, i), last = beginning(rows, threads, i + 1);
        if (last > first)
            NAME(product)(last - first, n, k, a + first * a_stride, a_stride, packed, c + first * c_stride, c_stride, adds,
                          scratch + i * size);
    }
}

/* c[n, k] (+)= g[rows, n] transposed @ h[rows, k]; scratch holds `threads` times transposed_scratch_size(n, k, rows). */
void NAME(transposed_all)(long threads, long n, long k, long rows, const real *g, long g_stride, const real *h,
                          long h_stride, real *c, long c_stride, int adds, real *scratch)
{
    long size = NAME(transposed_scratch_size)(n, k, rows);
    #pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
    for (long i = 0; i < threads; i++) {
        long first = beginning(n, threads, i), last = beginning(n, threads, i + 1);
        if (last > first)
            NAME(product_transposed)(last - first, k, rows, g + first, g_stride, h, h_stride, c + first * c_stride,
                                     c_stride, adds, scratch + i * size);
    }
}
