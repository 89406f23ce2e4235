#define LACUNA_AVX2
#include "../take.cc"
