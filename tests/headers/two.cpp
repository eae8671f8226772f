#include "all_headers.hpp"

int threads_seen_by_two();
int threads_seen_by_two() { return shunt::num_threads(); }
