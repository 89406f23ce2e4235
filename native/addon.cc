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

NAPI_MODULE_INIT() {
  boundArenas();
  lacuna::exportDispatch(env, exports);
  lacuna::exportAutograd(env, exports);
  lacuna::exportMemory(env, exports);
  lacuna::exportRandom(env, exports);
  lacuna::exportProfile(env, exports);
  return exports;
}
