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
    /* NaN, so that what nobody wrote is seen; behind it a page that nobody may touch */
    const long page = 4096, held = (shared + 127) / 128 * 128, pages = (held + page - 1) / page + 1;
    char *const mapped = (char *)mmap(0, blocks * pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long i = 0; i < blocks; i++) mprotect(mapped + ((i + 1) * pages - 1) * page, page, PROT_NONE);
    shared_size = pages * page, shared_memories = mapped + (pages - 1) * page - held;
    for (long i = 0; i < blocks; i++) memset(shared_memories + i * shared_size, 0xff, held);
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
    munmap(mapped, blocks * pages * page);
    delete[] fibers; delete[] lanes; delete[] warp_arrivals; delete[] block_arrivals; delete[] team_arrivals;
    return left;
}
