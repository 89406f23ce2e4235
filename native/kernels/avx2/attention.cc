#define LACUNA_AVX2
#include "../attention.cc"
