// Module entry. The addon knows tensors and operators, and nothing of layers or models.
#include "napi.h"

NAPI_MODULE_INIT() {
  lacuna::exportDispatch(env, exports);
  lacuna::exportAutograd(env, exports);
  lacuna::exportMemory(env, exports);
  lacuna::exportRandom(env, exports);
  return exports;
}
