/* The functions of the op table on one float; they follow their torch namesakes, NaN and infinities included. */

DEVICE float v_exp(float a) { return expf(a); }
DEVICE float v_sigmoid(float a) { return 1.0f / (1.0f + expf(-a)); }
DEVICE float v_tanh(float a) { return tanhf(a); }
DEVICE float v_silu(float a) { return a * v_sigmoid(a); }
DEVICE float v_relu(float a) { return a < 0.0f ? 0.0f : a; } /* NaN stays */
DEVICE float v_leaky_relu(float a) { return a < 0.0f ? 0.01f * a : a; }
DEVICE float v_clip(float a) { return a < 0.0f ? 0.0f : a > 1.0f ? 1.0f : a; }
DEVICE float v_maximum(float a, float b) { return a != a ? a : b != b ? b : a > b ? a : b; }
DEVICE float v_minimum(float a, float b) { return a != a ? a : b != b ? b : a < b ? a : b; }
DEVICE float v_positive(float a) { return a > 0.0f ? 1.0f : 0.0f; }
DEVICE float v_larger(float a, float b)
{
    const float difference = a - b;
    return difference > 0.0f ? 1.0f : difference == 0.0f ? 0.5f : 0.0f;
}
DEVICE float v_choose(float a, float b, float c) { return a > 0.0f ? b : c; }
DEVICE float v_sqrt(float a) { return sqrtf(a); }
DEVICE float v_rsqrt(float a) { return 1.0f / sqrtf(a); }
DEVICE float v_log(float a) { return logf(a); }
DEVICE float v_sin(float a) { return sinf(a); }
DEVICE float v_cos(float a) { return cosf(a); }
DEVICE float v_softplus(float a) { return v_relu(a) + log1pf(expf(-fabsf(a))); }
DEVICE float v_normal_cumulative(float a) { return 0.5f * erfcf(-0.70710678118654752f * a); }
DEVICE float v_gelu(float a) { return a * v_normal_cumulative(a); }
