// load_csv of data/csv.hpp.
#include "shunt/data/csv.hpp"

#include "fuzz.hpp"

static int fuzz_csv(int argc, char** argv) {
  const fuzz::Files seeds = {"1,2,3\n4,5,6\n", "a,b\n1,2\n\n3,4\r\n", " -1.5e3 , +2 \n inf,nan\n", "7"};
  return fuzz::run(
      argc, argv, seeds,
      [](const std::string& path) {
        const auto attempt = [](const auto& load) {
          try {
            load();
          } catch (const shunt::Error&) {}
        };
        attempt([&] { shunt::data::load_csv<float>(path, {.header = true}); });
        attempt([&] { shunt::data::load_csv<std::uint8_t>(path, {.delimiter = ' '}); });
        attempt([&] { shunt::data::load_csv<double>(path, {.header = true, .delimiter = '\n'}); });
        shunt::data::load_csv<double>(path, {.header = content_of(path).starts_with("a")});
      },
      {.words = {"\n", ",", ",,", "\r\n", "-", "+", "1e999", "-1e-999", "nan", "0x1p3", "99999999999999999999"},
       .memory = 64});
}
static const fuzz::Target target_csv("csv", fuzz_csv);
