/* Vectors of REAL (float or double, given by -DREAL) and the functions of the op table on them, in portable C.

   A vector is as wide as the target's widest registers: WIDTH lanes. Arithmetic is the compilers' vector extension
   (+ - * / between vectors, or of a vector and a real); the rest is here. The functions follow their torch namesakes
   in cellsearch/cell/functions.py, NaN and infinities included. Compile without -ffast-math, which would undo the
   rounding steps below. Where one instruction of a processor saves several, it is used between #if lines beside a
   plain twin. Errors in ulp are the largest seen against exact values; an ulp is the spacing of reals there. */

#ifndef CELLSEARCH_VECTOR_H
#define CELLSEARCH_VECTOR_H

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define BYTES_float 4
#define BYTES_double 8
#define REAL_BYTES PASTE(BYTES_, REAL)

#if defined __AVX512F__
#define VECTOR_BYTES 64
#elif defined __AVX__
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define WIDTH (VECTOR_BYTES / REAL_BYTES)
#define INLINE static inline __attribute__((always_inline, unused))

typedef REAL real;
#if REAL_BYTES == 4
typedef int whole;
typedef unsigned bits;
#define DIGITS 23 /* of the mantissa */
#define BIAS 127  /* of the exponent */
#define PACKED(name) name "ps"
#else
typedef long long whole;
typedef unsigned long long bits;
#define DIGITS 52
#define BIAS 1023
#define PACKED(name) name "pd"
#endif
typedef real vector __attribute__((vector_size(VECTOR_BYTES)));
typedef real loose_vector __attribute__((vector_size(VECTOR_BYTES), aligned(REAL_BYTES), may_alias));
typedef whole whole_vector __attribute__((vector_size(VECTOR_BYTES))); /* also a mask: 0 or -1 a lane */
typedef bits bits_vector __attribute__((vector_size(VECTOR_BYTES)));
typedef union {
    vector all;
    real one[WIDTH];
} lanes_of;

INLINE vector load(const real *from) { return *(const loose_vector *)from; }
INLINE void store(real *to, vector a) { *(loose_vector *)to = a; }
INLINE vector splat(real a) { return a - (vector){0}; }

INLINE vector keep(whole_vector mask, vector a) { return (vector)(mask & (whole_vector)a); }
INLINE vector choose(whole_vector mask, vector a, vector b) {
    return (vector)((mask & (whole_vector)a) | (~mask & (whole_vector)b));
}
INLINE vector magnitude(vector a) { return (vector)((bits_vector)a & (~(bits)0 >> 1)); }

/* `a` held within bounds. A NaN in `a` stays, for the instructions return their last operand if either is NaN. */
#if defined __AVX__
#define BOUND(name, beyond) __asm__(PACKED("v" name) " %1, %0, %0" : "+v"(bound) : "v"(a))
#elif defined __SSE2__
#define BOUND(name, beyond) __asm__(PACKED(name) " %1, %0" : "+x"(bound) : "x"(a))
#else
#define BOUND(name, beyond) bound = choose(a beyond bound, bound, a)
#endif
INLINE vector at_most(vector a, vector bound) {
    BOUND("min", >);
    return bound;
}
INLINE vector at_least(vector a, vector bound) {
    BOUND("max", <);
    return bound;
}
INLINE vector within(vector a, real low, real high) { return at_most(at_least(a, splat(low)), splat(high)); }

/* The lanes from `lanes` on become 0, also where they hold NaN. */
INLINE vector v_only(vector a, long lanes) {
    whole_vector lane;
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; i++) lane[i] = i;
    return keep(lane < (whole)lanes, a);
}
INLINE real v_total(vector a) {
    lanes_of lanes = {a};
    for (int half = WIDTH / 2; half; half /= 2)
        for (int i = 0; i < half; i++) lanes.one[i] += lanes.one[i + half];
    return lanes.one[0];
}

/* The means of `count` groups of neighbours, each written over all of its group; fewer groups where `count` does not
   divide the size. */
static __attribute__((unused)) void group_mean(const real *given, real *made, long size, long count) {
    long divisor = size, rest = count;
    while (rest) {
        long next = divisor % rest;
        divisor = rest, rest = next;
    }
    long width = size / divisor;
    for (long from = 0; from < size; from += width) {
        real total = 0;
        for (long j = from; j < from + width; j++) total += given[j];
        for (long j = from; j < from + width; j++) made[j] = total / (real)width;
    }
}

/* c[0] + c[1] x + c[2] x^2 + ... Unrolled, the coefficients become constants. */
INLINE vector horner(vector x, const real *c, int count) {
    vector sum = splat(c[count - 1]);
#pragma GCC unroll 32
    for (int i = count - 2; i >= 0; i--) sum = sum * x + c[i];
    return sum;
}
#define POLYNOMIAL(x, c) horner(x, c, sizeof(c) / sizeof(real))

/* a = n log(2) + r with a whole n and |r| <= log(2) / 2. n falls out of adding ROUNDER, which leaves no digits for a
   fraction; `shifted`, before ROUNDER is taken off again, holds n as an integer in its last digits. log(2) comes in
   two parts, the first short enough for exact products; with fused multiply-adds a float needs but one (`brief`), at
   up to 2^-29 |a| of error. */
#if REAL_BYTES == 4
#define ROUNDER ((real)12582912) /* 1.5 * 2^23 */
#define LOG2_HIGH ((real)0.693145751953125)
#define LOG2_LOW ((real)1.42860677e-6)
#else
#define ROUNDER ((real)6755399441055744) /* 1.5 * 2^52 */
#define LOG2_HIGH ((real)0.693147180369123816490)
#define LOG2_LOW ((real)1.90821492927058770002e-10)
#endif
#if REAL_BYTES == 4 && (defined __FMA__ || defined __aarch64__)
#define BRIEF 1
#else
#define BRIEF 0
#endif
typedef struct {
    vector n, shifted, r;
} log2_parts;
INLINE log2_parts log2_split(vector a, int brief) {
    vector shifted = a * (real)1.4426950408889634 + ROUNDER, n = shifted - ROUNDER;
    vector r = brief ? a - n * (real)0.69314718055994531 : (a - n * LOG2_HIGH) - n * LOG2_LOW;
    return (log2_parts){n, shifted, r};
}

/* exp(a) = 2^n exp(r). 2^n is multiplied in two factors, so that every result from 0 over the smallest to infinity
   comes out. exp(r) as a polynomial is 1 at 0. */
#if REAL_BYTES == 4
#define EXP_LEAST -104
#define EXP_MOST 89
static const real EXP[] = {1, 1, 0.4999923, 0.16667115, 0.04189033, 0.0083125};
static const real EXP_LESS_1[] = {0.5, 0.166665766, 0.0416664642, 0.00836323538, 0.00139337332};
#else
#define EXP_LEAST -746
#define EXP_MOST 710
#define EXP_TAIL                                                                                                      \
    0.5000000000000001, 0.16666666666666671, 0.041666666666623816, 0.0083333333333260826, 0.0013888888917368964,       \
        0.00019841269875003974, 2.4801521055364205e-5, 2.7557255168123061e-6, 2.7620202631315899e-7,                  \
        2.5105313423078523e-8
static const real EXP[] = {1, 1, EXP_TAIL};
static const real EXP_LESS_1[] = {EXP_TAIL};
#endif
INLINE vector exp_by(vector a, int brief) {
    log2_parts e = log2_split(within(a, EXP_LEAST, EXP_MOST), brief);
    vector result = POLYNOMIAL(e.r, EXP);
#ifdef __AVX512F__
    __asm__(PACKED("vscalef") " %1, %0, %0" : "+v"(result) : "v"(e.n));
    return result;
#else
    bits_vector n = (bits_vector)e.shifted - (bits_vector)splat(ROUNDER) + (bits)(2 * BIAS), half = n >> 1;
    return result * (vector)(half << DIGITS) * (vector)((n - half) << DIGITS);
#endif
}
INLINE vector v_exp(vector a) { return exp_by(a, 0); } /* 2.5 ulp */

/* float 3.5 ulp for |a| < 20, 5.5 beyond; double 2 ulp */
INLINE vector v_sigmoid(vector a) { return 1 / (1 + exp_by(-a, BRIEF)); }
INLINE vector v_silu(vector a) { return a * v_sigmoid(a); }

/* tanh(a) = m / (m + 2) with m = exp(2a) - 1 = 2^n (exp(r) - 1) + (2^n - 1), which keeps every digit near 0: 3 ulp.
   ROUNDER's digits leave the register when `shifted` turns into an exponent. */
INLINE vector v_tanh(vector a) {
    log2_parts e = log2_split(within(a + a, -44, 44), BRIEF);
    vector power = (vector)(((bits_vector)e.shifted << DIGITS) + (bits_vector)splat(1));
    vector rest = e.r * e.r * POLYNOMIAL(e.r, EXP_LESS_1) + e.r, m = power * rest + (power - 1);
    return m / (m + 2);
}

INLINE vector v_relu(vector a) { return at_least(a, splat(0)); }
INLINE vector v_leaky_relu(vector a) { return at_least(a, a * (real)0.01); }
INLINE vector v_clip(vector a) { return within(a, 0, 1); }
INLINE vector v_maximum(vector a, vector b) { return choose(b != b, b, at_least(a, b)); }
INLINE vector v_minimum(vector a, vector b) { return choose(b != b, b, at_most(a, b)); }
INLINE vector v_positive(vector a) { return keep(a > 0, splat(1)); }
INLINE vector v_larger(vector a, vector b) {
    vector difference = a - b; /* as torch: NaN, infinity less infinity too, counts as not larger */
    return keep(difference > 0, splat(1)) + keep(difference == 0, splat((real)0.5));
}
INLINE vector v_choose(vector a, vector b, vector c) { return choose(a > 0, b, c); }
INLINE vector v_sqrt(vector a) { /* exactly rounded */
#if defined __AVX__
    __asm__(PACKED("vsqrt") " %0, %0" : "+v"(a));
#else
    for (int i = 0; i < WIDTH; i++) a[i] = REAL_BYTES == 4 ? __builtin_sqrtf((float)a[i]) : __builtin_sqrt(a[i]);
#endif
    return a;
}
INLINE vector v_rsqrt(vector a) { return 1 / v_sqrt(a); } /* 1.5 ulp */

/* log(1 + exp a) = max(a, 0) + log(1 + u) with u = exp(-|a|), and log(1 + u) = 2 atanh(u / (u + 2)): 4 ulp. */
#if REAL_BYTES == 4
static const real TWICE_ATANH[] = {2.0, 0.666666673, 0.399997014, 0.285925834, 0.21703315, 0.232390505};
#else
static const real TWICE_ATANH[] = {
    2.0,
    0.66666666666666667,
    0.40000000000000016,
    0.2857142857142181,
    0.22222222223350729,
    0.18181818084652356,
    0.1538462031078367,
    0.13333175454066805,
    0.11768022952490349,
    0.10480126767918509,
    0.099438548282679715,
    0.063271667831690734,
    0.15242639877225191,
};
#endif
INLINE vector v_softplus(vector a) {
    vector u = v_exp(-magnitude(a)), s = u / (u + 2);
    return v_relu(a) + s * POLYNOMIAL(s * s, TWICE_ATANH);
}

/* log(a) with a = 2^n m, m between sqrt(1/2) and sqrt(2), is n log(2) + 2 atanh((m - 1) / (m + 1)): 2 ulp. Numbers below
   the smallest normal one are multiplied up first. */
INLINE vector v_log(vector a) {
    const real least = REAL_BYTES == 4 ? (real)1.17549435e-38 : (real)2.2250738585072014e-308;
    whole_vector small = (a < least) & (a > 0);
    vector scaled = choose(small, a * (real)((bits)1 << DIGITS), a);
    bits_vector root = (bits_vector)splat((real)0.70710678118654752);
    whole_vector beyond = (whole_vector)((bits_vector)scaled - root), power = beyond >> DIGITS;
    vector m = (vector)((bits_vector)(beyond - (power << DIGITS)) + root), s = (m - 1) / (m + 1);
    vector n = __builtin_convertvector(power, vector) - keep(small, splat((real)DIGITS));
    vector result = n * LOG2_HIGH + (s * POLYNOMIAL(s * s, TWICE_ATANH) + n * LOG2_LOW);
    result = choose(a == 0, splat(-(real)__builtin_inf()), result);
    result = choose(a == (real)__builtin_inf(), a, result);
    return choose(a >= 0, result, splat((real)__builtin_nan("")));
}

/* The normal distribution function. With z = |a| / sqrt(2): erfc(z) = exp(-z^2) P(t) / (1 + z), t = (z-3) / (z+3).
   4 ulp near 0; in the lower tail a^2 / 2 ulp more, since a * a is rounded. */
#if REAL_BYTES == 4
static const real ERFC[] = {0.716004559,  -0.230926942,   0.0990230226,  -0.0102433406,  -0.023821972,
                            0.0220034883, -0.00970060323, 0.00150927962, 0.000589831185, -0.000247726139};
#else
static const real ERFC[] = {
    0.71600460472555975,    -0.23092733308380915,   0.099020753679453437,   -0.010235388899013013,
    -0.023803913109304004,  0.021957764012797001,   -0.009750689280980746,  0.0016185691254490554,
    0.0006458140905649991,  -0.00036728847040047525, -2.0550971059500982e-5, 5.6119346241598965e-5,
    -1.5166646527447716e-6, -8.9900198872514727e-6, 2.6603449895481522e-7,  1.5887074013629019e-6,
    5.2341806866969344e-8,  -2.9340656797389146e-7, -3.8224608083317728e-8, 5.0967925252539904e-8,
    1.0423699360337673e-8,  -7.0627917637874513e-9, -1.2711001911926496e-9, 5.5653350612272706e-10,
};
#endif
INLINE vector v_normal_cumulative(vector a) {
    a = within(a, -40, 40);
    vector z = magnitude(a) * (real)0.70710678118654752;
    vector tail = (real)0.5 * v_exp((real)-0.5 * a * a) * POLYNOMIAL((z - 3) / (z + 3), ERFC) / (1 + z);
    return choose(a > 0, 1 - tail, tail);
}
INLINE vector v_gelu(vector a) { return a * v_normal_cumulative(a); }

/* Sine and cosine: a = n pi/2 + r with |r| <= pi/4; the quadrant, n and for the cosine one more, says which polynomial
   and which sign: 2 ulp where the result is not near 0. Beyond FAR this loses digits, and each lane asks the C
   library. */
#if REAL_BYTES == 4
#define FAR ((real)8192)
static const real HALF_PI[] = {1.5703125, 4.8351287841796875e-4, 3.13855707645416259765625e-7, 6.0771005474e-11};
static const real SIN[] = {-0.166666647, 0.0083327463, -0.000195874463};
static const real COS[] = {1, -0.5, 0.0416666646, -0.0013888301, 2.45474866e-5};
#else
#define FAR ((real)1e6)
static const real HALF_PI[] = {1.57079625129699707031, 7.54978941586159635335e-8, 5.39030252995776476554e-15,
                               3.28200341580791294123e-22};
static const real SIN[] = {-0.16666666666666667,   0.0083333333333333315,  -0.00019841269841265018,
                           2.7557319219302725e-6,  -2.5052106219773317e-8, 1.6058529608424463e-10,
                           -7.5865785380378319e-13};
static const real COS[] = {1, -0.5, 0.041666666666666667, -0.0013888888888888888, 2.480158730158462e-5,
                           -2.7557319221382519e-7, 2.0876755784019825e-9, -1.1470459767764741e-11,
                           4.7458058652814121e-14};
#endif
static __attribute__((noinline, cold, unused)) void far_sine(lanes_of *a, int cosine) {
    for (int i = 0; i < WIDTH; i++)
        a->one[i] = (real)(cosine ? __builtin_cos((double)a->one[i]) : __builtin_sin((double)a->one[i]));
}
INLINE vector sine(vector a, int cosine) {
    whole_vector far = ~(magnitude(a) <= FAR);
    lanes_of lanes = {keep(far, splat(1))};
    int any = 0;
    for (int i = 0; i < WIDTH; i++) any |= lanes.one[i] != 0;
    vector shifted = a * (real)0.63661977236758134 + ROUNDER, n = shifted - ROUNDER;
    vector r = (((a - n * HALF_PI[0]) - n * HALF_PI[1]) - n * HALF_PI[2]) - n * HALF_PI[3], square = r * r;
    bits_vector quadrant = (bits_vector)shifted + (bits)cosine;
    vector value = choose((quadrant & 1) == 1, POLYNOMIAL(square, COS), r * square * POLYNOMIAL(square, SIN) + r);
    value = (vector)((bits_vector)value ^ ((quadrant & 2) << (8 * REAL_BYTES - 2)));
    if (any) {
        lanes.all = a;
        far_sine(&lanes, cosine);
        value = choose(far, lanes.all, value);
    }
    return value;
}
INLINE vector v_sin(vector a) { return sine(a, 0); }
INLINE vector v_cos(vector a) { return sine(a, 1); }

#endif
