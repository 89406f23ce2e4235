#define LACUNA_AVX2
#include "../gelu.cc"
