#define LACUNA_AVX2
#include "../conv.cc"
