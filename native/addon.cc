// Module entry. The addon knows tensors and operators, and nothing of layers or models.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>

#include "napi.h"

// glibc gives every decoding thread an arena of its own, and each keeps what it once needed: resident memory then
// climbs for hundreds of steps (LOG.md, 2026-11-22). Few arenas are enough, since pictures lie in shared memory.
static void boundArenas() {
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  mallopt(M_ARENA_MAX, static_cast<int>(std::max(2L, cores / 2)));
}

// A training step frees what the next one asks for. By default glibc gives the top of the heap back in between, and the system
// hands it out again page by page, each cleared: 40,000 pages and a ninth of a small model's step (LOG.md, 2026-11-25). What is no
// longer needed goes back when a run asks for it (`trim`). 32 MB is the most that glibc allows for the second bound.
static void keepFreedMemory() {
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
}

NAPI_MODULE_INIT() {
  boundArenas();
  keepFreedMemory();
  lacuna::exportDispatch(env, exports);
  lacuna::exportAutograd(env, exports);
  lacuna::exportMemory(env, exports);
  lacuna::exportRandom(env, exports);
  lacuna::exportProfile(env, exports);
  return exports;
}
