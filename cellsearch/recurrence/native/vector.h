/* Vectors of REAL (float or double, given by -DREAL) and the functions of the op table on them, in portable C.

   A vector is as wide as the target's widest registers: WIDTH lanes. Arithmetic is the compilers' vector extension
   (+ - * / between vectors, or a vector and a real); the rest is here. The functions follow their torch namesakes in
   cellsearch/cell/ops.py, NaN and infinities included. Compile without -ffast-math, which would undo the rounding
   steps below. Where a processor's own instruction pays, it is used between #if lines; each has a plain twin. */

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
typedef real vector __attribute__((vector_size(VECTOR_BYTES)));
typedef real loose_vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));
#if REAL_BYTES == 4
typedef int whole;
typedef unsigned bits;
#define BIAS 127 /* of the exponent */
#define DIGITS 23 /* of the mantissa */
#else
typedef long long whole;
typedef unsigned long long bits;
#define BIAS 1023
#define DIGITS 52
#endif
typedef whole whole_vector __attribute__((vector_size(VECTOR_BYTES))); /* also a mask: 0 or -1 a lane */
typedef bits bits_vector __attribute__((vector_size(VECTOR_BYTES)));

INLINE vector load(const real *from) { return *(const loose_vector *)from; }
INLINE void store(real *to, vector a) { *(loose_vector *)to = a; }
INLINE vector splat(real a) { return a - (vector){0}; }

INLINE vector choose(whole_vector mask, vector a, vector b) {
    return (vector)((mask & (whole_vector)a) | (~mask & (whole_vector)b));
}
INLINE vector keep(whole_vector mask, vector a) { return (vector)(mask & (whole_vector)a); }
INLINE vector magnitude(vector a) { return keep((whole_vector){0} + (whole)(~(bits)0 >> 1), a); }

/* `a` held within bounds; NaN stays. */
INLINE vector at_most(vector a, real bound) { return choose(a > bound, splat(bound), a); }
INLINE vector at_least(vector a, real bound) { return choose(a < bound, splat(bound), a); }

/* c[0] + c[1] x + ... + c[degree] x^degree; unrolled, the coefficients become constants. */
INLINE vector polynomial(vector x, const real *c, int degree) {
    vector sum = splat(c[degree]);
#pragma GCC unroll 32
    for (int i = degree - 1; i >= 0; i--) sum = sum * x + c[i];
    return sum;
}
#define POLYNOMIAL(x, c) polynomial(x, c, (int)(sizeof(c) / sizeof(real)) - 1)

/* The lanes from `lanes` on become 0, also where they hold NaN. */
INLINE vector v_only(vector a, long lanes) {
    whole_vector lane;
    for (int i = 0; i < WIDTH; i++) lane[i] = i;
    return keep(lane < (whole)lanes, a);
}
INLINE real v_total(vector a) {
    real sum = 0;
    for (int i = 0; i < WIDTH; i++) sum += a[i];
    return sum;
}

/* exp. n = round(a / log 2) falls out of an addition that leaves no fractional digits; exp(a) = 2^n exp(r) with
   |r| <= log(2) / 2, and 2^n goes in two factors, so that every result from 0 to infinity comes out. */
#if REAL_BYTES == 4
#define ROUNDER ((real)12582912.0) /* 1.5 * 2^23 */
#define LOG2_HIGH ((real)0.693145751953125)
#define LOG2_LOW ((real)1.42860677e-6)
#define EXP_LEAST ((real)-104.0)
#define EXP_MOST ((real)89.0)
static const real EXP[] = {0.500000001, 0.166665766, 0.0416664642, 0.00836323538, 0.00139337332};
#else
#define ROUNDER ((real)6755399441055744.0) /* 1.5 * 2^52 */
#define LOG2_HIGH ((real)0.693147180369123816490)
#define LOG2_LOW ((real)1.90821492927058770002e-10)
#define EXP_LEAST ((real)-746.0)
#define EXP_MOST ((real)710.0)
static const real EXP[] = {0.5, 0.16666666666666671, 0.041666666666666677, 0.0083333333333260826,
                           0.0013888888888879002, 0.00019841269875003974, 2.480158733663232e-5, 2.7557255168123061e-6,
                           2.7557263076005474e-7, 2.5105313423078523e-8, 2.0918212752506956e-9};
#endif
#define LOG2_E ((real)1.4426950408889634)

typedef struct {
    vector power, rest; /* 2^n = power, with n + ROUNDER in its place; exp(r) - 1 = rest */
} exp_parts;

INLINE exp_parts exp_split(vector a) {
    vector shifted = a * LOG2_E + ROUNDER, n = shifted - ROUNDER;
    vector r = (a - n * LOG2_HIGH) - n * LOG2_LOW;
    return (exp_parts){shifted, r + r * r * POLYNOMIAL(r, EXP)};
}
INLINE vector two_to(bits_vector biased) { return (vector)(biased << DIGITS); }

INLINE vector v_exp(vector a) {
    exp_parts e = exp_split(at_most(at_least(a, EXP_LEAST), EXP_MOST));
    bits_vector twice = (bits_vector)e.power - (bits_vector)splat(ROUNDER) + (bits)(2 * BIAS), half = twice >> 1;
    return (1 + e.rest) * two_to(half) * two_to(twice - half);
}

INLINE vector v_sigmoid(vector a) { return 1 / (1 + v_exp(-a)); }

/* tanh(a) = m / (m + 2) with m = exp(2a) - 1, which near 0 is exact to the last digits. */
INLINE vector v_tanh(vector a) {
    exp_parts e = exp_split(2 * at_most(at_least(a, -22), 22));
    vector power = two_to((bits_vector)e.power - (bits_vector)splat(ROUNDER) + (bits)BIAS);
    vector m = power * e.rest + (power - 1);
    return m / (m + 2);
}

INLINE vector v_relu(vector a) { return keep(~(a < 0), a); }
INLINE vector v_leaky_relu(vector a) { return choose(a < 0, a * (real)0.01, a); }
INLINE vector v_clip(vector a) { return at_most(at_least(a, 0), 1); }
INLINE vector v_maximum(vector a, vector b) { return choose(a != a, a, choose(a > b, a, b)); }
INLINE vector v_minimum(vector a, vector b) { return choose(a != a, a, choose(a < b, a, b)); }
INLINE vector v_positive(vector a) { return keep(a > 0, splat(1)); }
INLINE vector v_larger(vector a, vector b) {
    vector difference = a - b;
    return keep(difference > 0, splat(1)) + keep(difference == 0, splat((real)0.5));
}
INLINE vector v_silu(vector a) { return a * v_sigmoid(a); }

/* log(1 + exp a) = max(a, 0) + log(1 + u) with u = exp(-|a|), and log(1 + u) = 2 atanh(u / (u + 2)). */
#if REAL_BYTES == 4
static const real LOG[] = {2.0, 0.666666673, 0.399997014, 0.285925834, 0.21703315, 0.232390505};
#else
static const real LOG[] = {2.0, 0.66666666666666667, 0.40000000000000016, 0.2857142857142181, 0.22222222223350729,
                           0.18181818084652356, 0.1538462031078367, 0.13333175454066805, 0.11768022952490349,
                           0.10480126767918509, 0.099438548282679715, 0.063271667831690734, 0.15242639877225191};
#endif
INLINE vector v_softplus(vector a) {
    vector u = v_exp(-magnitude(a)), s = u / (u + 2);
    return v_relu(a) + s * POLYNOMIAL(s * s, LOG);
}

/* The normal distribution function. With z = |a| / sqrt(2): erfc(z) = exp(-z z) P(t) / (1 + z), t = (z - 3) / (z + 3);
   relative error in the far tail a^2 / 4 roundings, from a * a. */
#if REAL_BYTES == 4
static const real ERFC[] = {0.716004559, -0.230926942, 0.0990230226, -0.0102433406, -0.023821972,
                            0.0220034883, -0.00970060323, 0.00150927962, 0.000589831185, -0.000247726139};
#else
static const real ERFC[] = {0.71600460472555975, -0.23092733308380915, 0.099020753679453437, -0.010235388899013013,
                            -0.023803913109304004, 0.021957764012797001, -0.009750689280980746, 0.0016185691254490554,
                            0.0006458140905649991, -0.00036728847040047525, -2.0550971059500982e-5,
                            5.6119346241598965e-5, -1.5166646527447716e-6, -8.9900198872514727e-6,
                            2.6603449895481522e-7, 1.5887074013629019e-6, 5.2341806866969344e-8,
                            -2.9340656797389146e-7, -3.8224608083317728e-8, 5.0967925252539904e-8,
                            1.0423699360337673e-8, -7.0627917637874513e-9, -1.2711001911926496e-9,
                            5.5653350612272706e-10};
#endif
INLINE vector v_normal_cumulative(vector a) {
    a = at_most(at_least(a, -40), 40);
    vector z = magnitude(a) * (real)0.70710678118654752;
    vector t = (z - 3) / (z + 3);
    vector tail = (real)0.5 * v_exp((real)-0.5 * a * a) * POLYNOMIAL(t, ERFC) / (1 + z);
    return choose(a > 0, 1 - tail, tail);
}
INLINE vector v_gelu(vector a) { return a * v_normal_cumulative(a); }

/* Sine and cosine: a = n pi/2 + r, |r| <= pi/4; the quadrant n says which polynomial and which sign. Beyond
   TURN_MOST the reduction loses digits, and each lane asks the C library. */
#if REAL_BYTES == 4
#define PI_HALF_A ((real)1.5703125)
#define PI_HALF_B ((real)4.8351287841796875e-4)
#define PI_HALF_C ((real)3.13855707645416259765625e-7)
#define PI_HALF_D ((real)6.0771005474e-11)
#define TURN_MOST ((real)8192)
static const real SIN[] = {-0.166666647, 0.0083327463, -0.000195874463};
static const real COS[] = {0.0416666646, -0.0013888301, 2.45474866e-5};
#else
#define PI_HALF_A ((real)1.57079625129699707031)
#define PI_HALF_B ((real)7.54978941586159635335e-8)
#define PI_HALF_C ((real)5.39030252995776476554e-15)
#define PI_HALF_D ((real)3.28200341580791294123e-22)
#define TURN_MOST ((real)1e6)
static const real SIN[] = {-0.16666666666666667, 0.0083333333333333315, -0.00019841269841265018, 2.7557319219302725e-6,
                           -2.5052106219773317e-8, 1.6058529608424463e-10, -7.5865785380378319e-13};
static const real COS[] = {0.041666666666666667, -0.0013888888888888888, 2.480158730158462e-5, -2.7557319221382519e-7,
                           2.0876755784019825e-9, -1.1470459767764741e-11, 4.7458058652814121e-14};
#endif
INLINE vector sine_of_turned(vector a, bits quarter) {
    vector shifted = a * (real)0.63661977236758134 + ROUNDER, n = shifted - ROUNDER;
    vector r = (((a - n * PI_HALF_A) - n * PI_HALF_B) - n * PI_HALF_C) - n * PI_HALF_D, square = r * r;
    vector sine = r + r * square * POLYNOMIAL(square, SIN);
    vector cosine = 1 - (real)0.5 * square + square * square * POLYNOMIAL(square, COS);
    bits_vector quadrant = (bits_vector)shifted + quarter;
    vector value = choose((quadrant & 1) == 1, cosine, sine);
    return (vector)((bits_vector)value ^ ((quadrant & 2) << (8 * sizeof(real) - 2)));
}
INLINE vector v_turned(vector a, bits quarter) {
    vector value = sine_of_turned(a, quarter);
    whole_vector far = ~(magnitude(a) <= TURN_MOST);
    for (int i = 0; i < WIDTH; i++)
        if (far[i]) value[i] = (real)(quarter ? __builtin_cos((double)a[i]) : __builtin_sin((double)a[i]));
    return value;
}
INLINE vector v_sin(vector a) { return v_turned(a, 0); }
INLINE vector v_cos(vector a) { return v_turned(a, 1); }

INLINE vector v_rsqrt(vector a) {
    vector root;
    for (int i = 0; i < WIDTH; i++) root[i] = sizeof(real) == 4 ? (real)__builtin_sqrtf((float)a[i]) : (real)__builtin_sqrt(a[i]);
    return 1 / root;
}

#endif
