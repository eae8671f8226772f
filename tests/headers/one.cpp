// With two.cpp: every header in two units of one program. What is defined twice fails to link; what should be one for
// the whole process, and is not, returns 1.
#include "all_headers.hpp"

int threads_seen_by_two();

int main() {
  shunt::set_num_threads(3);
  return threads_seen_by_two() == 3 ? 0 : 1;
}
