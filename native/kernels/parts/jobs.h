// Work for all threads at once.
#pragma once

#include <ATen/Parallel.h>

#include <functional>
#include <initializer_list>

namespace lacuna::kernels {

/** Work in equal parts, of which each thread takes its share: body(thread, begin, end). */
struct Job {
  int64_t count;
  std::function<void(int64_t, int64_t, int64_t)> body;
};

/** Jobs that need nothing of one another, by all threads, which wait for one another once, at the end. */
inline void run(std::initializer_list<Job> jobs) {
  const int64_t threads = at::get_num_threads();
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (const Job& job : jobs) job.body(t, job.count * t / threads, job.count * (t + 1) / threads);
  });
}

}  // namespace lacuna::kernels
