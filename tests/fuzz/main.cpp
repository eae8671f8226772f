// fuzz TARGET [SECONDS [SEED]], or fuzz TARGET FILE..; without arguments it names its targets.
#include "fuzz.hpp"

int main(int argc, char** argv) {
  for (const auto& target : fuzz::Target::all()) {
    if (argc < 2)
      std::puts(target.name);
    else if (std::strcmp(argv[1], target.name) == 0)
      return target.run(argc - 1, argv + 1);
  }
  if (argc > 1) std::fprintf(stderr, "fuzz: there is no target %s\n", argv[1]);
  return argc > 1;
}
