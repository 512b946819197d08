/* Runs the kernel of the text before this one in fibers; 0 if every thread came to its end. */

static const run *arguments;
static void fiber_main() { KERNEL(*arguments); fiber->done = true; give_way(); }

extern "C" int emulate(const run *r, int blocks, int shared, int shuffled)
{
    const long stack = 128 * 1024;
    arguments = r;
    fiber_count = blocks * THREADS;
    fibers = new Fiber[fiber_count];
    lanes = new Lane[fiber_count];
    warp_arrivals = new long[fiber_count / 32]();
    block_arrivals = new long[blocks]();
    team_arrivals = new long[blocks]();
    shared_size = (shared + 1023) / 1024 * 1024;
    shared_memories = (char *)aligned_alloc(1024, blocks * shared_size + 1024);
    memset(shared_memories, 0xff, blocks * shared_size); /* NaN, so that what nobody wrote is seen */
    for (int i = 0; i < fiber_count; i++) {
        Fiber *f = &fibers[i];
        f->block = i / THREADS, f->thread = i % THREADS, f->done = false, f->stack = (char *)malloc(stack);
        getcontext(&f->context);
        f->context.uc_stack.ss_sp = f->stack, f->context.uc_stack.ss_size = stack, f->context.uc_link = 0;
        makecontext(&f->context, fiber_main, 0);
    }
    int left = fiber_count;
    unsigned random = shuffled;
    for (long turns = 0; left && turns < 100000000; turns++) {
        int i = turns % fiber_count;
        if (shuffled) { /* another order in each round, so that a missing barrier shows */
            random = random * 1664525u + 1013904223u;
            i = (random >> 8) % fiber_count;
        }
        if (fibers[i].done) continue;
        fiber = &fibers[i];
        swapcontext(&scheduler, &fiber->context);
        if (fibers[i].done) left--;
    }
    for (int i = 0; i < fiber_count; i++) free(fibers[i].stack);
    free(shared_memories);
    delete[] fibers; delete[] lanes; delete[] warp_arrivals; delete[] block_arrivals; delete[] team_arrivals;
    return left;
}
