/* What a kernel needs of the machine, for CUDA: warps' matrix instructions, barriers of a team, numbers in memory.

   A twin for the processor stands beside the tests (tests/helpers/recurrence/emulated.h) and has the same names.
   `real` is the type in memory: float, or 16 bits (HALF is 1 for bfloat16, 2 for float16). Arithmetic is float. */

#define DEVICE static __device__ __forceinline__
#define DEVICE_ONCE static __device__ __noinline__
#define SHARED_MEMORY extern __shared__ __align__(128) char memory[]
#define THREAD ((int)threadIdx.x)
#define BLOCK ((int)blockIdx.x)
#define UNROLL _Pragma("unroll")

#if HALF
typedef unsigned short real;
#else
typedef float real;
#endif

DEVICE unsigned bits_of(float a) { return __float_as_uint(a); }
DEVICE float float_of(unsigned a) { return __uint_as_float(a); }

DEVICE float get(const real *from)
{
#if HALF == 1
    return float_of((unsigned)*from << 16);
#elif HALF == 2
    float a;
    asm("cvt.f32.f16 %0, %1;" : "=f"(a) : "h"(*from));
    return a;
#else
    return *from;
#endif
}

DEVICE void put(real *to, float a)
{
#if HALF == 1
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(*to) : "f"(a));
#elif HALF == 2
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(*to) : "f"(a));
#else
    *to = a;
#endif
}

/* What another block has written: past the first cache, which is not coherent. */
DEVICE float get_fresh(const float *from) { return __ldcg(from); }

/* 16 bytes from device memory to shared memory, without waiting; zeros where `valid` is not. */
DEVICE void copy_16(char *to, const char *from, bool valid)
{
    const unsigned at = (unsigned)__cvta_generic_to_shared(to), bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(bytes) : "memory");
}
DEVICE void copies_begun() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/* All copies are done but those of the last `PENDING` times that some were begun. */
template <int PENDING> DEVICE void copies_done() { asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory"); }

DEVICE void sync_block() { __syncthreads(); }

/* The nearest number of 10 digits, as the matrix units read it. */
DEVICE unsigned tf32(float a)
{
    unsigned rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(a));
    return rounded;
}

/* 8 by 8 matrices of 16 bits (8 by 4 of floats): lane l gives row l % 8 of matrix l / 8, and gets two neighbours. */
DEVICE void load_matrices_4(unsigned *m, const char *row)
{
    const unsigned at = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3]) : "r"(at) : "memory");
}
DEVICE void load_matrices_2(unsigned *m, const char *row)
{
    const unsigned at = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(m[0]), "=r"(m[1]) : "r"(at) : "memory");
}

/* c [16, 8] += a [16, k] b [k, 8], where k is 32 bytes wide. */
DEVICE void multiply_add(float *c, const unsigned *a, const unsigned *b)
{
#if HALF == 1
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#elif HALF == 2
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#endif
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

DEVICE float from_lane(float a, int lane) { return __shfl_sync(0xffffffffu, a, lane); }

/* The barrier of a team of TEAM blocks. Between `arrive` and `wait`, what does not depend on the others may be done. */
#if TEAM == 1
DEVICE void arrive(unsigned *counter, unsigned &count) {}
DEVICE void wait(unsigned *counter, unsigned count) { __syncthreads(); }
#elif CLUSTERS
DEVICE void arrive(unsigned *counter, unsigned &count)
{
    asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
DEVICE void wait(unsigned *counter, unsigned count) { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }
#else
DEVICE void arrive(unsigned *counter, unsigned &count)
{
    __syncthreads();
    count += TEAM;
    if (THREAD == 0) asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(counter) : "memory");
}
DEVICE void wait(unsigned *counter, unsigned count)
{
    if (THREAD == 0) {
        unsigned seen;
        do asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(counter) : "memory");
        while (seen < count);
    }
    __syncthreads();
}
#endif
